package import LociProto
package import LociVector

extension PointChange {
  init(_ event: PointEvent) throws {
    switch event {
    case .upserted(let upserted):
      let ids: PointIDs = upserted.names.isEmpty ? .numbers(upserted.numbers) : .names(upserted.names)
      self = .upsert(
        firstRow: upserted.firstRow, ids: ids,
        attributes: try PointAttributeColumn.decode(upserted.attributes),
        vectors: upserted.vectors, replaced: upserted.replacedRows)
    case .deleted(let deleted): self = .delete(rows: deleted.rows)
    }
  }

  init?(_ kind: LogV1.Event.Kind?) throws {
    switch kind {
    case .pointsUpserted(let upserted): try self.init(.upserted(upserted))
    case .pointsDeleted(let deleted): try self.init(.deleted(deleted))
    default: return nil
    }
  }
}

/// Attributes of points as their table and the log keep them: an encoded loci.v1.PointAttributes, by key.
package enum PointAttributeColumn {
  static func decode(_ columns: [[UInt8]]) throws -> [[PointAttribute]] {
    let arena = Arena()
    return try columns.map { try attributes(of: $0, arena) }
  }

  static func decode(_ column: [UInt8]?) throws -> [PointAttribute] {
    guard let column else { return [] }
    return try attributes(of: column, Arena())
  }

  private static func attributes(of column: [UInt8], _ arena: Arena) throws -> [PointAttribute] {
    if column.isEmpty { return [] }
    let message = try unsafe column.withUnsafeBytes { bytes in
      try unsafe V1.PointAttributes(decoding: bytes, arena: arena)
    }
    return message.attributes.compactMap { attribute in
      attribute.value.map { PointAttribute(key: attribute.key, value: AttributeValue($0)) }
    }
  }
}

extension AttributeValue {
  package init(_ value: V1.TypedAttribute.Value) {
    switch value {
    case .text(let text): self = .text(text)
    case .integer(let integer): self = .integer(integer)
    case .number(let number): self = .number(number)
    case .flag(let flag): self = .flag(flag)
    case .texts(let list): self = .texts(list.texts)
    }
  }
}
