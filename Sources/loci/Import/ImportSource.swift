import ArgumentParser
import Crypto
import Foundation
import LociProto

/// The JSON objects of a file, each with the name of its place for messages: a line of JSONL, or an entry of a list.
/// They are handed on one by one: a file may have millions.
struct ImportSource {
  struct Entry {
    let fields: [String: Any]
    /// "export.json: line 3".
    let place: String
  }

  let name: String
  let data: Data

  init(file: String) throws {
    name = file == "-" ? "standard input" : file
    data =
      file == "-"
      ? try FileHandle.standardInput.readToEnd() ?? Data()
      : try Data(contentsOf: URL(fileURLWithPath: file), options: .alwaysMapped)
  }

  /// One object a line; empty lines are passed over.
  func lines<Item>(_ body: (Entry) throws -> Item) throws -> [Item] {
    var items: [Item] = []
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      let place = "\(name): line \(number + 1)"
      guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
        throw ValidationError("\(place) is not a JSON object")
      }
      items.append(try body(Entry(fields: object, place: place)))
    }
    return items
  }

  /// A list, an object that holds one under one of `keys`, or one object a line.
  func list<Item>(under keys: [String], _ body: (Entry) throws -> Item) throws -> [Item] {
    guard let whole = try? JSONSerialization.jsonObject(with: data) else { return try lines(body) }
    var list = whole as? [Any]
    if let fields = whole as? [String: Any] {
      guard let key = keys.first(where: { fields[$0] is [Any] }) else { return try lines(body) }
      list = fields[key] as? [Any]
    }
    guard let list else { throw ValidationError("\(name) holds no list of objects") }
    return try list.enumerated().map { number, value in
      let place = "\(name): entry \(number + 1)"
      guard let fields = value as? [String: Any] else { throw ValidationError("\(place) is not an object") }
      return try body(Entry(fields: fields, place: place))
    }
  }
}

extension ImportSource.Entry {
  func text(_ key: String) -> String? { fields[key] as? String }

  /// Microseconds since 1970, from a number of them or a text in ISO 8601. 0 where there is none.
  func time(_ key: String) throws -> Int64 {
    switch fields[key] {
    case let number as NSNumber: return number.int64Value
    case let text as String:
      guard let time = ISOTime.microseconds(text) else {
        throw ValidationError("\(place): '\(text)' is not a time")
      }
      return time
    default: return 0
    }
  }

  func fail(_ problem: String) -> ValidationError { ValidationError("\(place) \(problem)") }

  /// A value as an attribute has it: texts as they are, everything else as JSON.
  func attribute(_ key: String, _ value: Any) throws -> V1.Attribute? {
    let text: String
    switch value {
    case is NSNull: return nil
    case let value as String: text = value
    default:
      text = String(
        decoding: try JSONSerialization.data(
          withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes]),
        as: UTF8.self)
    }
    guard !key.isEmpty, key.utf8.count <= 128 else {
      throw fail("has the field '\(key)', 1 to 128 bytes long")
    }
    guard text.utf8.count <= 4_096 else {
      throw fail("has \(text.utf8.count) bytes in '\(key)', at most 4096")
    }
    return V1.Attribute(key: key, value: text)
  }
}

/// An id that follows from what it names: the same source gives the same id.
enum DerivedID {
  static func of(_ parts: String...) -> String {
    var hash = SHA256()
    for part in parts {
      hash.update(data: Array(part.utf8))
      hash.update(data: [0xFF])
    }
    return hash.finalize().prefix(16).map { String(format: "%02x", $0) }.joined()
  }
}

/// Times as programs write them: a date, or a date and a time with or without fractions and zone; without: UTC.
enum ISOTime {
  static func microseconds(_ text: String) -> Int64? {
    let pattern =
      /(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?/
    guard let match = text.wholeMatch(of: pattern) else { return nil }
    let (_, year, month, day, hour, minute, second, fraction, zone) = match.output
    var parts = DateComponents()
    (parts.year, parts.month, parts.day) = (Int(year), Int(month), Int(day))
    (parts.hour, parts.minute) = (hour.flatMap { Int($0) } ?? 0, minute.flatMap { Int($0) } ?? 0)
    parts.second = second.flatMap { Int($0) } ?? 0
    parts.timeZone = TimeZone(secondsFromGMT: 0)
    let calendar = Calendar(identifier: .gregorian)
    guard parts.isValidDate(in: calendar), let date = calendar.date(from: parts) else { return nil }
    let micros = fraction.flatMap { Int64("\($0)000000".prefix(6)) } ?? 0
    return Int64(date.timeIntervalSince1970) * 1_000_000 + micros - offset(zone) * 1_000_000
  }

  private static func offset(_ zone: Substring?) -> Int64 {
    guard let zone, let sign = zone.first, sign == "+" || sign == "-" else { return 0 }
    let digits = zone.filter(\.isNumber)
    let seconds = (Int64(digits.prefix(2)) ?? 0) * 3_600 + (Int64(digits.suffix(2)) ?? 0) * 60
    return sign == "-" ? -seconds : seconds
  }
}
