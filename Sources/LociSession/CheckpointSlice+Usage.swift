import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension CheckpointSlice {
  package var counted: [CountedTable] {
    [
      CountedTable("checkpoints", items: "1", bytes: ["state", "metadata", "attributes"]),
      CountedTable("checkpoint_values", bytes: ["value"]), CountedTable("checkpoint_writes", bytes: ["value"])
    ]
  }

  /// What is replaced is not taken off.
  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    switch event {
    case .checkpointPut(let put):
      var bytes = (put.state?.data.count ?? 0) + (put.metadata?.data.count ?? 0)
      bytes += try AttributeColumn.bytes(put.attributes)
      for channel in put.channels { bytes += channel.value?.data.count ?? 0 }
      return StoredAmount(items: 1, bytes: Int64(bytes))
    case .checkpointWritesPut(let put):
      return StoredAmount(items: 0, bytes: Int64(put.writes.reduce(0) { $0 + ($1.value?.data.count ?? 0) }))
    case .checkpointThreadCopied(let copied): return try growth(copied, scope, transaction)
    default: return .zero
    }
  }

  private func growth(
    _ copied: LogV1.CheckpointThreadCopied, _ scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    guard let scope = try transaction.scopeRow(scope) else { return .zero }
    var growth = StoredAmount.zero
    for (table, sizes) in [
      (
        "checkpoints",
        "count(*), total(length(state) + length(metadata) + ifnull(length(CAST(attributes AS BLOB)), 0))"
      ), ("checkpoint_values", "0, total(length(value))"), ("checkpoint_writes", "0, total(length(value))")
    ] {
      let row = try Row.fetchOne(
        transaction.db.cachedStatement(
          sql: "SELECT \(sizes) FROM \(table) WHERE scope = ? AND thread_id = ?"),
        arguments: [scope, copied.sourceThreadID])
      if let row { growth += StoredAmount(items: row[0], bytes: Int64(row[1] as Double)) }
    }
    return growth
  }
}
