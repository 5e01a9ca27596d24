import CLociEncoder
import Foundation

/// A tokenizer.json whose vocabulary is left where it lies: that of a multilingual model has a quarter of a million
/// pieces, and is read by C straight from the file.
struct TokenizerJSON {
  let path: String
  /// `model.type`, "Unigram" or "WordPiece" among others.
  let kind: String
  private let data: Data
  private let vocabulary: Range<Int>?

  /// `nil` when there is no such file.
  init?(optional path: String) throws(EncoderError) {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    guard let data = try? Data(contentsOf: url, options: .alwaysMapped), data.count <= JSONFile.bytesMax
    else {
      throw .malformed(file: path, problem: "cannot be read, or is too large")
    }
    guard let model = Self.member("model", of: data, in: 0..<data.count) else {
      throw .malformed(file: path, problem: "is not JSON, or has no model")
    }
    self.path = path
    self.data = data
    vocabulary = Self.member("vocab", of: data, in: model)
    // Files of before the type was written hold WordPiece.
    kind =
      Self.member("type", of: data, in: model).flatMap { range in
        try? JSONSerialization.jsonObject(with: data[range], options: .fragmentsAllowed) as? String
      } ?? "WordPiece"
  }

  /// The whole file.
  func file() throws(EncoderError) -> JSONFile { try JSONFile(path: path, data: data) }

  /// Everything but the vocabulary, which reads as an empty list.
  func settings() throws(EncoderError) -> JSONFile {
    guard let vocabulary else { return try file() }
    var small = Data(data[..<vocabulary.lowerBound])
    small += Data("[]".utf8)
    small += data[vocabulary.upperBound...]
    return try JSONFile(path: path, data: small)
  }

  /// Lends the bytes of the vocabulary, from its first bracket to its last.
  func withVocabulary<T>(_ body: (UnsafeBufferPointer<UInt8>) -> T) -> T? {
    guard let vocabulary else { return nil }
    return unsafe data[vocabulary].withUnsafeBytes { raw in
      unsafe body(raw.assumingMemoryBound(to: UInt8.self))
    }
  }

  private static func member(_ name: String, of data: Data, in range: Range<Int>) -> Range<Int>? {
    var (start, end) = (0, 0)
    let found = unsafe data[range].withUnsafeBytes { raw in
      unsafe loci_json_member(
        raw.assumingMemoryBound(to: UInt8.self).baseAddress, raw.count, name, &start, &end)
    }
    return found ? range.lowerBound + start..<range.lowerBound + end : nil
  }
}
