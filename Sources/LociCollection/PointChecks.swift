package import LociCore
import LociProto
package import LociVector

/// Checks of what callers say about points.
package enum PointChecks {
  package static func ids(_ ids: PointIDs, _ info: CollectionInfo, field: String) throws(LociError) {
    guard ids.kind == info.layout.idKind else {
      let wanted = info.layout.idKind == .number ? "numbers" : "names"
      throw .invalid(field: field, problem: "must be \(wanted) in this collection")
    }
    if case .names(let names) = ids { for name in names { try Validate.name(name, field: "\(field).names") } }
  }

  /// Each sorted by key and encoded; empty bytes for a point without any.
  static func encode(_ points: [V1.PointAttributes]) throws(LociError) -> [[UInt8]] {
    let arena = Arena()
    var encoded: [[UInt8]] = []
    encoded.reserveCapacity(points.count)
    for point in points {
      if point.attributes.isEmpty {
        encoded.append([])
        continue
      }
      try check(point.attributes)
      var sorted = point
      sorted.attributes.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for index in sorted.attributes.indices.dropFirst()
      where ExactText(sorted.attributes[index].key) == ExactText(sorted.attributes[index - 1].key) {
        throw .invalid(field: "attributes.key", problem: "occurs twice")
      }
      let bytes = sorted.encoded(in: arena)
      guard bytes.count <= CollectionLimits.attributeBytesMax else {
        throw .invalid(
          field: "attributes",
          problem: "has \(bytes.count) bytes, at most \(CollectionLimits.attributeBytesMax)")
      }
      encoded.append(bytes)
    }
    return encoded
  }

  private static func check(_ attributes: [V1.TypedAttribute]) throws(LociError) {
    try Validate.count(attributes.count, field: "attributes", in: 0...CollectionLimits.attributesMax)
    for attribute in attributes {
      try Validate.name(attribute.key, field: "attributes.key")
      switch attribute.value {
      case .text(let text): try Validate.text(text, field: "attributes.text", bytesMax: 4_096)
      case .number(let number):
        guard number.isFinite else { throw .invalid(field: "attributes.number", problem: "is not finite") }
      case .texts(let list):
        try Validate.count(list.texts.count, field: "attributes.texts", in: 0...64)
        for text in list.texts { try Validate.text(text, field: "attributes.texts", bytesMax: 4_096) }
      case .integer, .flag: break
      case nil: throw .invalid(field: "attributes.value", problem: "is missing")
      }
    }
  }
}

extension LociError {
  /// What is wrong with vectors that a caller sent.
  package init(_ error: VectorError, field: String) {
    switch error {
    case .dimensionUnsupported(let dimension):
      self = .invalid(field: field, problem: "has \(dimension) dimensions")
    case .dimensionMismatch(let got, let want):
      self = .invalid(field: field, problem: "has \(got) dimensions, must be \(want)")
    case .shapeMismatch(let values, let rows, let dimension):
      self = .invalid(field: field, problem: "has \(values) numbers, must be \(rows) × \(dimension)")
    case .notFinite(let row): self = .invalid(field: field, problem: "\(row) is not finite")
    case .zeroVector(let row): self = .invalid(field: field, problem: "\(row) is zero: it has no direction")
    case .tooLong(let row, let norm, let limit):
      self = .invalid(field: field, problem: "\(row) has length \(norm), at most \(limit)")
    case .cancelled: self = .cancelled
    case .outOfMemory(let bytes): self = .internalError(detail: "no memory for \(bytes) bytes of vectors")
    }
  }
}
