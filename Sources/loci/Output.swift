import Foundation
import LociProto

/// Any message of the contract as JSON, by its fields. Names are those of the Swift values.
enum JSONOutput {
  static func print(_ value: Any) throws {
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes, .fragmentsAllowed]
    let data = try JSONSerialization.data(withJSONObject: object(value), options: options)
    Swift.print(String(decoding: data, as: UTF8.self))
  }

  static func object(_ value: Any) -> Any {
    switch value {
    case let text as String: return text
    case let flag as Bool: return flag
    case let number as any BinaryInteger: return NSNumber(value: Int64(clamping: number))
    case let number as Float: return number.isFinite ? NSNumber(value: Double(number)) : NSNull()
    case let number as Double: return number.isFinite ? NSNumber(value: number) : NSNull()
    case let name as any OpenEnum: return name.description
    case let bytes as [UInt8]: return Data(bytes).base64EncodedString()
    case let pairs as [V1.Attribute]:
      return Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    case let list as [Any]: return list.map(object)
    case let map as [String: Any]: return map.mapValues(object)
    default: return reflected(value)
    }
  }

  private static func reflected(_ value: Any) -> Any {
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional: return mirror.children.first.map { object($0.value) } ?? NSNull()
    case .struct where !mirror.children.isEmpty:
      var fields: [String: Any] = [:]
      for child in mirror.children {
        guard let label = child.label else { continue }
        let field = object(child.value)
        if !(field is NSNull) { fields[label] = field }
      }
      return fields
    default: return "\(value)"
    }
  }
}

/// Columns for a terminal.
enum Text {
  static func time(_ microseconds: Int64) -> String {
    let date = Date(timeIntervalSince1970: Double(microseconds) / 1e6)
    return date.formatted(.iso8601.dateSeparator(.dash).timeSeparator(.colon))
  }

  static func bytes(_ count: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1_024, unit < units.count - 1 {
      value /= 1_024
      unit += 1
    }
    return unit == 0 ? "\(count) B" : String(format: "%.1f %@", value, units[unit])
  }

  /// One line, cut to fit a table.
  static func line(_ text: String, _ width: Int = 96) -> String {
    let flat = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return flat.count <= width ? flat : flat.prefix(width - 1) + "…"
  }

  static func role(_ role: V1.Role) -> String {
    switch role {
    case .user: "user"
    case .assistant: "assistant"
    case .system: "system"
    case .tool: "tool"
    default: "?"
    }
  }

  static func isTerminal(_ file: FileHandle) -> Bool { isatty(file.fileDescriptor) == 1 }
}
