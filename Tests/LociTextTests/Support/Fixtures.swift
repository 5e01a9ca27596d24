import Foundation
import LociText
import LociTestKit

/// Where tests find the real model and the reference data; `nil` where this machine has none, and then the tests that
/// need them are skipped with a word.
enum Fixtures {
  static let modelAdvice = "no model: run scripts/fetch-model, or set LOCI_MODEL_DIR"
  static let dataAdvice = "no reference data: set LOCI_SHARED_DATA to the folder that holds encref-minilm"

  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let model: String? = existing(
    ProcessInfo.processInfo.environment["LOCI_MODEL_DIR"] ?? root.path + "/.models/all-MiniLM-L6-v2")

  /// The folder of all models.
  static let models: String? = existing(root.path + "/.models")

  static let sharedData: String? = existing(
    ProcessInfo.processInfo.environment["LOCI_SHARED_DATA"] ?? root.path + "/../shared/data")

  static let reference: String? = sharedData.flatMap { existing($0 + "/encref-minilm") }

  static let e5: String? = models.flatMap { existing($0 + "/multilingual-e5-small") }
  static let e5Reference: String? = sharedData.flatMap { existing($0 + "/encref-e5-small-q4") }
  static var hasE5Reference: Bool { e5 != nil && e5Reference != nil }

  static var hasReference: Bool { model != nil && reference != nil }

  private static func existing(_ path: String) -> String? {
    FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// Loaded once for all tests.
  static let encoder: TextEncoder? = model.flatMap { try? TextEncoder(modelDirectory: $0) }
}

struct ReferenceText: Decodable, Sendable {
  let text: String
  let ids: [Int32]

  static func all() throws -> [ReferenceText] { try Fixtures.reference.map(all) ?? [] }

  static func all(_ folder: String) throws -> [ReferenceText] {
    let lines = try Data(contentsOf: URL(fileURLWithPath: folder + "/texts.jsonl")).split(separator: 0x0A)
    return try lines.map { try JSONDecoder().decode(ReferenceText.self, from: $0) }
  }
}

/// A float32 matrix in numpy's format, row-major.
func matrix(_ path: String) throws -> [Float] {
  let data = try Data(contentsOf: URL(fileURLWithPath: path))
  let header = 10 + Int(data[8]) + Int(data[9]) << 8
  return stride(from: header, to: data.count, by: 4).map { at in
    let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[at + $1]) << (8 * $1) }
    return Float(bitPattern: bits)
  }
}

func cosine(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
  var (dot, aa, bb) = (0.0, 0.0, 0.0)
  for (x, y) in zip(a, b) {
    dot += Double(x) * Double(y)
    aa += Double(x) * Double(x)
    bb += Double(y) * Double(y)
  }
  return dot / (aa * bb).squareRoot()
}

/// A temporary folder, removed when the value goes.
final class Scratch {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/loci-text-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ content: Data) throws {
    let url = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try content.write(to: url)
  }

  func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }
}

/// Equal but for the last bits: BLAS sums in an order that may depend on where its operands lie.
func isClose(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 }
}
