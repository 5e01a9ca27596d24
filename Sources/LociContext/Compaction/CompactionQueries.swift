import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of compactions and policies. Each takes the snapshot it reads.
package enum CompactionQueries {
  private static let columns =
    "id, context_id, from_number, until_number, created_at_us, strategy, figures, retention, automatic, row, text"

  package struct Stored {
    package let row: Int64
    package let compaction: V1.Compaction
    package let text: String
  }

  private static func stored(_ row: Row) throws -> Stored {
    let compaction = V1.Compaction(
      id: row[0], contextID: row[1], fromNumber: UInt64(row[2] as Int64),
      untilNumber: UInt64(row[3] as Int64),
      createdAtUs: row[4], strategy: V1.CompressionStrategy(rawValue: row[5]),
      figures: try V1.CompressionFigures(decoding: ContextQueries.bytes(row[6])),
      retention: try V1.Retention(decoding: ContextQueries.bytes(row[7])), automatic: row[8])
    return Stored(row: row[9], compaction: compaction, text: row[10])
  }

  /// - Throws: `notFound` when there is no such compaction.
  package static func get(_ id: String, scope: Scope, in db: Database) throws -> Stored {
    let row = try ScopeQueries.row(scope, in: db).flatMap { scopeRow in
      try Row.fetchOne(
        db.cachedStatement(sql: "SELECT \(columns) FROM compactions WHERE scope = ? AND id = ?"),
        arguments: [scopeRow, id])
    }
    guard let row else { throw LociError.notFound(.compaction, id: id) }
    return try stored(row)
  }

  /// The newest compaction of a context.
  package static func latest(_ contextID: ContextID, scope: Scope, in db: Database) throws -> Stored? {
    let context = try ContextQueries.stored(contextID, scope: scope, in: db)
    return try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT \(columns) FROM compactions WHERE context = ? ORDER BY row DESC LIMIT 1"),
      arguments: [context.row]
    ).map(stored)
  }

  /// Newest first.
  package static func list(
    contextID: String, page: PageRequest, scope: Scope, in db: Database
  ) throws -> (compactions: [V1.Compaction], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let below = try page.after(orders: 1)?[0] ?? .max
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(columns) FROM compactions WHERE scope = ?1 AND (?2 = '' OR context_id = ?2) AND row < ?3
          ORDER BY row DESC LIMIT ?4
          """), arguments: [scopeRow, contextID, below, page.size + 1])
    return try page.read(rows, { try stored($0).compaction }, cost: { _ in 512 }) { [$0[9] as Int64] }
  }

  package static func stats(scope: Scope, in db: Database) throws -> V1.GetCompressionStatsResponse {
    var stats = V1.GetCompressionStatsResponse()
    var sum = V1.CompressionFigures()
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else {
      stats.figures = sum
      return stats
    }
    var contexts: Set<ExactText> = []
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT context_id, figures FROM compactions WHERE scope = ?"),
      arguments: [scopeRow])
    while let row = try rows.next() {
      let figures = try V1.CompressionFigures(decoding: ContextQueries.bytes(row[1]))
      stats.compactions += 1
      contexts.insert(ExactText(row[0]))
      sum.items += figures.items
      sum.itemsEmpty += figures.itemsEmpty
      sum.tokensBefore += figures.tokensBefore
      sum.tokensAfter += figures.tokensAfter
      sum.bytesBefore += figures.bytesBefore
      sum.bytesAfter += figures.bytesAfter
      sum.archiveBytes += figures.archiveBytes
    }
    stats.contexts = UInt64(contexts.count)
    stats.figures = sum
    return stats
  }

  /// The messages of a compaction by number, with their raw texts.
  package static func raw(
    _ compaction: Stored, ids: [String], page: PageRequest, in db: Database
  ) throws -> (messages: [V1.Message], page: V1.PageInfo) {
    let after = try page.after(orders: 1)?[0] ?? 0
    let wanted = ids.isEmpty ? "" : "AND m.id IN (\(ids.map { _ in "?" }.joined(separator: ",")))"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(ContextQueries.messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
          JOIN cold_blocks b ON b.row = m.cold
        WHERE b.compaction = ? AND m.number > ? \(wanted) ORDER BY m.number LIMIT ?
        """,
      arguments: StatementArguments([compaction.row, after]) + StatementArguments(ids) + [page.size + 1])
    return try page.read(rows, ContextQueries.message, cost: ContextQueries.cost) { [$0[3] as Int64] }
  }

  // MARK: Policies

  /// The context's policy, else the agent's, else the default.
  package static func policy(
    contextID: String, scope: Scope, in db: Database
  ) throws -> (policy: V1.CompressionPolicy, origin: String) {
    if let scopeRow = try ScopeQueries.row(scope, in: db) {
      for (id, origin) in [(contextID, "context"), ("", "agent")] where origin == "agent" || !id.isEmpty {
        let bytes = try Data.fetchOne(
          db.cachedStatement(
            sql: "SELECT policy FROM compression_policies WHERE scope = ? AND context_id = ?"),
          arguments: [scopeRow, id])
        if let bytes { return (try V1.CompressionPolicy(decoding: [UInt8](bytes)), origin) }
      }
    }
    return (
      V1.CompressionPolicy(
        threshold: thresholdDefault, keepNewest: UInt32(CompactionLimits.keepNewestDefault)), "default"
    )
  }

  package static let thresholdDefault: Float = 0.9
  /// Messages that are not compacted, in a context without a `max_history`.
  static let messagesDefault = 1_000

  package struct Due: Sendable {
    package let scope: Scope
    package let contextID: ContextID
    package let policy: V1.CompressionPolicy
  }

  /// Contexts with an automatic policy that have reached its threshold, at most `limit`.
  package static func due(limit: Int, in db: Database) throws -> [Due] {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT s.tenant, s.agent, c.id, p.policy, c.max_history,
            (SELECT count(*) FROM messages m WHERE m.context = c.row AND m.cold IS NULL)
          FROM compression_policies p JOIN scopes s ON s.row = p.scope JOIN contexts c ON c.scope = p.scope
            AND (c.id = p.context_id OR (p.context_id = '' AND NOT EXISTS (SELECT 1 FROM compression_policies o
              WHERE o.scope = p.scope AND o.context_id = c.id)))
          ORDER BY c.row
          """))
    var due: [Due] = []
    while due.count < limit, let row = try rows.next() {
      let policy = try V1.CompressionPolicy(decoding: ContextQueries.bytes(row[3]))
      guard policy.automatic else { continue }
      let maxHistory: Int64 = row[4]
      let most = maxHistory > 0 ? Double(maxHistory) : Double(messagesDefault)
      let threshold = Double(policy.threshold > 0 ? policy.threshold : thresholdDefault)
      let keep = Int64(policy.keepNewest > 0 ? policy.keepNewest : UInt32(CompactionLimits.keepNewestDefault))
      let hot: Int64 = row[5]
      guard Double(hot) >= most * threshold, hot >= keep + Int64(CompactionLimits.messagesMin) else {
        continue
      }
      due.append(
        Due(
          scope: try Scope(tenant: row[0], agent: row[1]), contextID: ContextID(unchecked: row[2]),
          policy: policy))
    }
    return due
  }
}
