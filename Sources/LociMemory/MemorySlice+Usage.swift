import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension MemorySlice {
  package var counted: [CountedTable] {
    [CountedTable("memories", items: "1", bytes: ["text", "attributes", "details", "tags"])]
  }

  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    switch event {
    case .memoriesAdded(let added):
      let bytes = try added.memories.reduce(0) {
        $0 + (try Self.ownBytes($1)) + (try Self.bytes($1.details))
      }
      return StoredAmount(items: Int64(added.memories.count), bytes: Int64(bytes))
    case .memoryUpdated(let updated):
      guard let memory = updated.memory else { return .zero }
      let before = try Row.fetchOne(
        transaction.db.cachedStatement(
          sql: """
            SELECT length(CAST(text AS BLOB)) + ifnull(length(CAST(attributes AS BLOB)), 0),
              ifnull(length(details), 0) + ifnull(length(CAST(tags AS BLOB)), 0)
            FROM memories WHERE scope = ? AND id = ?
            """), arguments: [try transaction.scopeRow(scope), memory.id])
      var bytes = Int64(try Self.ownBytes(memory)) - (before?[0] ?? 0)
      if memory.details != nil { bytes += Int64(try Self.bytes(memory.details)) - (before?[1] ?? 0) }
      return StoredAmount(items: 0, bytes: max(0, bytes))
    default: return .zero
    }
  }

  private static func ownBytes(_ memory: LogV1.AddedMemory) throws -> Int {
    memory.text.utf8.count + (try AttributeColumn.bytes(memory.attributes))
  }

  private static func bytes(_ details: LogV1.MemoryDetails?) throws -> Int {
    guard let details else { return 0 }
    return details.encoded().count + (try TagColumn.encode(details.tags)?.utf8.count ?? 0)
  }
}
