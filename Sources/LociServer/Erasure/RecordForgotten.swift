import GRDB
import LociCore
import LociProto
import LociStore

/// Says in the log what is forgotten, once nothing of it is left in the tables.
struct RecordForgotten: Command {
  let scope: Scope
  let requestKey: RequestKey? = nil
  let costBytes: Int
  private let event: LogV1.DataForgotten

  init(id: String, _ targets: ForgetTargets, counts: [V1.ErasedCount], reason: String, scope: Scope) {
    self.scope = scope
    event = LogV1.DataForgotten(
      id: id, wholeAgent: targets.isWholeAgent, messageIDs: targets.messages.sorted(),
      memoryIDs: targets.memories.sorted(), contextIDs: targets.contexts.sorted(),
      counts: counts.map { $0.encoded() }, reason: reason)
    costBytes = 1_024 + 64 * (targets.messages.count + targets.memories.count)
  }

  /// - Throws: `unavailable` when something came back since it was deleted.
  func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    if let row = try transaction.scopeRow(scope), let left = try left(row, transaction.db) {
      throw LociError.unavailable("\(left) were written meanwhile")
    }
    return Decision(events: [.dataForgotten(event)], answer: Written())
  }

  private func left(_ scope: Int64, _ db: Database) throws -> String? {
    func exists(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
      try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: arguments) != nil
    }
    let whole =
      event.wholeAgent
      ? [
        "contexts", "messages", "memories", "sessions", "checkpoints", "traces", "experiences", "collections"
      ] : []
    for table in whole + ["compactions"]
    where try exists("SELECT 1 FROM \(table) WHERE scope = ? LIMIT 1", [scope]) { return table }
    for (table, ids) in [
      ("messages", event.messageIDs), ("memories", event.memoryIDs), ("contexts", event.contextIDs)
    ] {
      for id in ids where try exists("SELECT 1 FROM \(table) WHERE scope = ? AND id = ?", [scope, id]) {
        return table
      }
    }
    return nil
  }
}
