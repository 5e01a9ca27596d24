import GRDB
import LociCore
import LociStore

/// The contexts that were written to lately, so that an append does not read twice what the one before just wrote.
final class ContextRows: @unchecked Sendable {  // only the shard's writer has it
  private static let countMax = 4_096

  private struct Key: Hashable {
    let scope: Int64
    let id: ExactText
  }

  private var rows: [Key: ContextQueries.ContextRow] = [:]

  static func of(_ transaction: ProjectionTransaction) -> ContextRows { transaction.kept { ContextRows() } }

  /// `nil` when there is none.
  func row(_ id: String, scope: Int64, in db: Database) throws -> ContextQueries.ContextRow? {
    let key = Key(scope: scope, id: ExactText(id))
    if let row = rows[key] { return row }
    guard let row = try ContextQueries.row(id, scope: scope, in: db) else { return nil }
    if rows.count >= Self.countMax { forgetAll() }
    rows[key] = row
    return row
  }

  func appended(_ count: Int64, nextNumber: Int64, to id: String, scope: Int64) {
    let key = Key(scope: scope, id: ExactText(id))
    guard let row = rows[key] else { return }
    rows[key] = ContextQueries.ContextRow(
      row: row.row, messageCount: row.messageCount + count, nextNumber: nextNumber,
      version: row.version + count)
  }

  func forgetAll() { rows.removeAll(keepingCapacity: true) }
}
