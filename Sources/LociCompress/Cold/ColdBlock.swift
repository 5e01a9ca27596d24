import CLociMath

/// Many texts in one zstd frame, exactly as they were.
///
/// | bytes | what |
/// |---|---|
/// | 1 | version, 1 |
/// | 1 | 1: needs a dictionary; 0: none |
/// | varint | texts |
/// | varint each | UTF-8 bytes of each text |
/// | 4 | CRC-32C of all texts joined, little-endian |
/// | rest | zstd frame of the texts joined |
///
/// Varints are LEB128, at most ten bytes.
package enum ColdBlock {
  package static let version: UInt8 = 1
  /// Expanding refuses more, so that a few damaged bytes cannot ask for all memory.
  package static let bytesMax = 256 << 20

  package static func pack(
    _ texts: [String], dictionary: ZstdDictionary? = nil, level: Int = 19
  ) throws(CompressionError) -> [UInt8] {
    var joined: [UInt8] = []
    var block: [UInt8] = [version, dictionary == nil ? 0 : 1]
    Varint.append(UInt64(texts.count), to: &block)
    for text in texts {
      Varint.append(UInt64(text.utf8.count), to: &block)
      joined.append(contentsOf: text.utf8)
    }
    guard joined.count <= bytesMax else { throw .tooLarge(bytes: joined.count, limit: bytesMax) }
    let sum = checksum(joined)
    for shift in stride(from: 0, to: 32, by: 8) { block.append(UInt8(truncatingIfNeeded: sum >> shift)) }
    if let dictionary {
      block += try dictionary.compress(joined)
    } else {
      block += try Zstd.compress(joined, level: level)
    }
    return block
  }

  /// The texts again, byte for byte.
  package static func unpack(
    _ block: [UInt8], dictionary: ZstdDictionary? = nil
  ) throws(CompressionError) -> [String] {
    var reader = BlockReader(block)
    let version = try reader.byte()
    guard version == Self.version else { throw .unknownVersion(version) }
    let kind = try reader.byte()
    guard kind <= 1 else { throw .damagedArchive("its kind is \(kind)") }
    let count = try reader.varint()
    guard count <= UInt64(block.count) else { throw .damagedArchive("it names more texts than it can hold") }
    var sizes: [Int] = []
    var total = 0
    for _ in 0..<count {
      let size = try reader.varint()
      guard size <= UInt64(bytesMax), total + Int(size) <= bytesMax else {
        throw .tooLarge(bytes: Int(clamping: size), limit: bytesMax)
      }
      sizes.append(Int(size))
      total += Int(size)
    }
    let sum = try reader.word()
    let joined: [UInt8]
    if kind == 1 {
      guard let dictionary else { throw .damagedArchive("it needs a dictionary that is not there") }
      joined = try dictionary.expand(reader.rest, count: total)
    } else {
      joined = try Zstd.expand(reader.rest, count: total)
    }
    guard checksum(joined) == sum else { throw .damagedArchive("its checksum is wrong") }
    return try split(joined, sizes)
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 { unsafe loci_math_crc32c(0, bytes, bytes.count) }

  private static func split(_ joined: [UInt8], _ sizes: [Int]) throws(CompressionError) -> [String] {
    var texts: [String] = []
    texts.reserveCapacity(sizes.count)
    var at = 0
    for size in sizes {
      guard let text = String(validating: joined[at..<(at + size)], as: UTF8.self) else {
        throw .damagedArchive("a text of it is not UTF-8")
      }
      texts.append(text)
      at += size
    }
    return texts
  }
}

enum Varint {
  static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
}

struct BlockReader {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var rest: ArraySlice<UInt8> { bytes[at...] }

  mutating func byte() throws(CompressionError) -> UInt8 {
    guard at < bytes.count else { throw .damagedArchive("it ends early") }
    defer { at += 1 }
    return bytes[at]
  }

  mutating func varint() throws(CompressionError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      let next = try byte()
      guard shift < 63 || next <= 1 else { break }
      value |= UInt64(next & 0x7F) << shift
      if next & 0x80 == 0 { return value }
    }
    throw .damagedArchive("a number of it is too long")
  }

  mutating func word() throws(CompressionError) -> UInt32 {
    var value: UInt32 = 0
    for shift in stride(from: UInt32(0), to: 32, by: 8) { value |= UInt32(try byte()) << shift }
    return value
  }

  mutating func take(_ count: Int) throws(CompressionError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - at else { throw .damagedArchive("it ends early") }
    defer { at += count }
    return bytes[at..<(at + count)]
  }
}
