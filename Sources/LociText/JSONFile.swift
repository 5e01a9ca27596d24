import Foundation

/// A small JSON file of a model folder.
struct JSONFile {
  static let bytesMax = 64 << 20

  let path: String
  private let content: Any

  init(_ path: String, advice: String) throws(EncoderError) {
    guard let file = try JSONFile(optional: path) else { throw .missing(file: path, advice: advice) }
    self = file
  }

  /// `nil` when there is no such file.
  init?(optional path: String) throws(EncoderError) {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    guard let data = FileManager.default.contents(atPath: path), data.count <= Self.bytesMax,
      let content = try? JSONSerialization.jsonObject(with: data)
    else { throw .malformed(file: path, problem: "is not JSON") }
    self.path = path
    self.content = content
  }

  init(path: String, data: Data) throws(EncoderError) {
    guard let content = try? JSONSerialization.jsonObject(with: data) else {
      throw .malformed(file: path, problem: "is not JSON")
    }
    self.path = path
    self.content = content
  }

  private func value(_ key: String) -> Any? { (content as? [String: Any])?[key] }

  var list: [[String: Any]] { content as? [[String: Any]] ?? [] }
  func object(_ key: String) -> [String: Any]? { value(key) as? [String: Any] }
  func objects(_ key: String) -> [[String: Any]] { value(key) as? [[String: Any]] ?? [] }
  func string(_ key: String) -> String? { value(key) as? String }
  /// A string alone or in a list.
  func strings(_ key: String) -> [String]? { string(key).map { [$0] } ?? value(key) as? [String] }
  func bool(_ key: String) -> Bool? { value(key) as? Bool }
  func number(_ key: String) -> Double? { (value(key) as? NSNumber)?.doubleValue }

  func int(_ key: String, in range: ClosedRange<Int>) throws(EncoderError) -> Int {
    guard let number = number(key) else { throw .malformed(file: path, problem: "does not say \(key)") }
    guard let value = Int(exactly: number), range.contains(value) else {
      throw .malformed(file: path, problem: "says \(key) is \(number)")
    }
    return value
  }
}
