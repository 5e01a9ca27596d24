import Foundation

/// The pieces of a tokenizer and their ids. Pieces are bytes, not strings: two pieces may be canonically
/// equivalent, and Swift would take them for one.
struct Vocabulary: Sendable {
  struct Entry: Sendable {
    /// Where the piece lies in ``bytes``.
    let range: Range<Int>
    let id: Int32
  }

  static let piecesMax = 4_000_000

  let path: String
  private(set) var bytes: [UInt8] = []
  private(set) var entries: [Entry] = []

  /// One piece a line; its id is the line's number from 0. White space at a line's end is not part of it.
  init(lines path: String) throws(EncoderError) {
    self.path = path
    guard let data = FileManager.default.contents(atPath: path), data.count <= JSONFile.bytesMax else {
      throw .malformed(file: path, problem: "cannot be read, or is too large")
    }
    guard String(validating: data, as: UTF8.self) != nil else {
      throw .malformed(file: path, problem: "is not UTF-8")
    }
    var lines = [UInt8](data).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    guard lines.count <= Self.piecesMax else {
      throw .malformed(file: path, problem: "has \(lines.count) pieces")
    }
    for (number, line) in lines.enumerated() {
      var line = line
      while let last = line.last, last == 0x20 || (0x09...0x0D).contains(last) { line.removeLast() }
      append(line, id: Int32(number))
    }
  }

  /// `model.vocab` of a tokenizer.json: an object from piece to id.
  init(object: [String: Any], path: String) throws(EncoderError) {
    self.path = path
    guard object.count <= Self.piecesMax else {
      throw .malformed(file: path, problem: "has \(object.count) pieces")
    }
    for (piece, value) in object {
      guard let number = (value as? NSNumber)?.doubleValue, let id = Int32(exactly: number), id >= 0 else {
        throw .malformed(file: path, problem: "gives '\(piece)' an id that is none")
      }
      append(piece.utf8, id: id)
    }
    // Reading JSON into a dictionary merges canonically equivalent pieces; then an id has no piece.
    guard Set(entries.map(\.id)).count == Int(greatestID) + 1 else {
      throw .unsupported(file: path, problem: "ids without a piece; put the model's vocab.txt beside it")
    }
  }

  private mutating func append(_ piece: some Sequence<UInt8>, id: Int32) {
    let start = bytes.count
    bytes += piece
    entries.append(Entry(range: start..<bytes.count, id: id))
  }

  var greatestID: Int32 { entries.lazy.map(\.id).max() ?? 0 }

  /// The id of a piece, the last one where it stands twice.
  func id(of piece: String) -> Int32? {
    let wanted = Array(piece.utf8)
    return entries.last { bytes[$0.range].elementsEqual(wanted) }?.id
  }
}
