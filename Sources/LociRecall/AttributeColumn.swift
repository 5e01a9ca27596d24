import Foundation
package import LociCore
package import LociProto

/// Free metadata as one JSON object in a text column, keys sorted, so that equal metadata are equal bytes and a
/// person can read them with `sqlite3`.
package enum AttributeColumn {
  /// `nil` when there are none.
  package static func encode(_ attributes: [LogV1.StoredAttribute]) throws -> String? {
    guard !attributes.isEmpty else { return nil }
    let pairs = Dictionary(attributes.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(pairs), as: UTF8.self)
  }

  /// Length of the column.
  package static func bytes(_ attributes: [LogV1.StoredAttribute]) throws -> Int {
    try encode(attributes)?.utf8.count ?? 0
  }

  package static func decode(_ column: String?) throws -> [V1.Attribute] {
    guard let column else { return [] }
    let pairs = try JSONDecoder().decode([String: String].self, from: Data(column.utf8))
    return pairs.map { V1.Attribute(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
  }

  /// - Throws: `LociError.invalid` for more than 64, a key that repeats, or one that is empty or too long.
  package static func validate(_ attributes: [V1.Attribute], field: String) throws(LociError) {
    guard !attributes.isEmpty else { return }
    try Validate.count(attributes.count, field: field, in: 0...64)
    var seen: Set<String> = []
    for attribute in attributes {
      try Validate.name(attribute.key, field: "\(field).key")
      try Validate.text(attribute.value, field: "\(field).value", bytesMax: 4_096)
      guard seen.insert(attribute.key).inserted else {
        throw .invalid(field: "\(field).key", problem: "occurs twice")
      }
    }
  }

  package static func stored(_ attributes: [V1.Attribute]) -> [LogV1.StoredAttribute] {
    attributes.map { LogV1.StoredAttribute(key: $0.key, value: $0.value) }
  }
}
