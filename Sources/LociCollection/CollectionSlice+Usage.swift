package import LociCore
package import LociProto
package import LociStore

extension CollectionSlice {
  package var counted: [CountedTable] {
    [
      CountedTable("collections", items: "@.points", number: "@.points * @.row_bytes", watched: ["points"]),
      CountedTable(
        "collection_points", scope: "(SELECT scope FROM collections WHERE collection = @.collection)",
        bytes: ["attributes"])
    ]
  }

  /// The attributes that replaced points had are not taken off.
  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    guard case .pointsUpserted(let upserted) = event else { return .zero }
    let count = max(upserted.numbers.count, upserted.names.count)
    let new = count - upserted.replacedRows.count
    let rowBytes = count == 0 ? 0 : upserted.vectors.count / count
    let attributes = upserted.attributes.reduce(0) { $0 + $1.count }
    return StoredAmount(items: Int64(new), bytes: Int64(new * rowBytes + attributes))
  }
}
