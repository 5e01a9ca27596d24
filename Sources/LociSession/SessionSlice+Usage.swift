package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension SessionSlice {
  /// What snapshots keep of rows that are gone counts until the snapshots go.
  package var counted: [CountedTable] {
    let scope = "(SELECT scope FROM sessions WHERE row = @.session)"
    return [
      CountedTable("sessions", items: "1", bytes: ["title", "attributes"]),
      CountedTable("session_variables", scope: scope, bytes: ["value"]),
      CountedTable("kept_messages", scope: scope, bytes: ["text", "data", "attributes"]),
      CountedTable("kept_memories", scope: scope, bytes: ["text", "attributes", "details"]),
      CountedTable("kept_variables", scope: scope, bytes: ["value"])
    ]
  }

  /// The values that variables had are not taken off.
  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    switch event {
    case .sessionCreated(let created):
      let bytes = created.title.utf8.count + (try AttributeColumn.bytes(created.attributes))
      return StoredAmount(items: 1, bytes: Int64(bytes))
    case .variablesSet(let set):
      return StoredAmount(items: 0, bytes: Int64(set.set.reduce(0) { $0 + $1.value.utf8.count }))
    default: return .zero
    }
  }
}
