import Foundation

/// Tags as a JSON array in a text column, in the order they were given.
enum TagColumn {
  /// `nil` when there are none.
  static func encode(_ tags: [String]) throws -> String? {
    guard !tags.isEmpty else { return nil }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    return String(decoding: try encoder.encode(tags), as: UTF8.self)
  }

  static func decode(_ column: String?) throws -> [String] {
    guard let column else { return [] }
    return try JSONDecoder().decode([String].self, from: Data(column.utf8))
  }
}
