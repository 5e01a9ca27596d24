import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension ContextSlice {
  package var counted: [CountedTable] {
    [
      CountedTable("contexts", items: "1", bytes: ["title", "attributes"]),
      CountedTable("messages", items: "1", bytes: ["text", "data", "attributes"]),
      CountedTable("compactions", bytes: ["text"]),
      CountedTable(
        "cold_blocks", scope: "(SELECT scope FROM compactions WHERE row = @.compaction)", bytes: ["block"])
    ]
  }

  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    switch event {
    case .contextCreated(let created):
      let bytes = created.title.utf8.count + (try AttributeColumn.bytes(created.attributes))
      return StoredAmount(items: 1, bytes: Int64(bytes))
    case .contextUpdated(let updated):
      let before = try Int64.fetchOne(
        transaction.db.cachedStatement(
          sql: """
            SELECT length(CAST(title AS BLOB)) + ifnull(length(CAST(attributes AS BLOB)), 0)
            FROM contexts WHERE scope = ? AND id = ?
            """), arguments: [try transaction.scopeRow(scope), updated.id])
      let after = updated.title.utf8.count + (try AttributeColumn.bytes(updated.attributes))
      return StoredAmount(items: 0, bytes: max(0, Int64(after) - (before ?? 0)))
    case .messagesAppended(let appended):
      var bytes = 0
      for message in appended.messages {
        bytes += message.text.utf8.count + message.data.count
        bytes += try AttributeColumn.bytes(message.attributes)
      }
      return StoredAmount(items: Int64(appended.messages.count), bytes: Int64(bytes))
    default: return .zero
    }
  }
}
