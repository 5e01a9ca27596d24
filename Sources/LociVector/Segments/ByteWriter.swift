/// Builds a little-endian record in memory.
@safe struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  mutating func append(_ value: Float) { append(value.bitPattern) }

  /// Elements as they lie in memory: little-endian on every machine that Loci runs on.
  mutating func append<T: BitwiseCopyable>(elements: [T]) {
    unsafe elements.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

  /// Text with its length in bytes before it.
  mutating func append(text: String) {
    append(UInt32(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func pad(to alignment: Int) {
    let rest = bytes.count % alignment
    if rest > 0 { bytes.append(contentsOf: repeatElement(0, count: alignment - rest)) }
  }

  mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }
}

/// Reads what `ByteWriter` wrote. Nothing it is given can make it read beyond the end.
struct ByteReader {
  private let bytes: MappedBytes
  private(set) var offset = 0

  init(_ bytes: MappedBytes) { self.bytes = bytes }

  var remaining: Int { bytes.count - offset }

  mutating func read<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type = T.self) throws(SegmentError) -> T {
    let size = MemoryLayout<T>.size
    guard remaining >= size else { throw .malformed("a field lies beyond the end") }
    defer { offset += size }
    return T(littleEndian: bytes.load(at: offset))
  }

  mutating func readFloat() throws(SegmentError) -> Float { Float(bitPattern: try read(UInt32.self)) }

  mutating func readText(bytesMax: Int) throws(SegmentError) -> String {
    let count = Int(try read(UInt32.self))
    guard count <= bytesMax, count <= remaining else { throw .malformed("a text lies beyond the end") }
    defer { offset += count }
    guard let text = bytes.text(offset..<(offset + count)) else { throw .malformed("a text is not UTF-8") }
    return text
  }

  mutating func readArray<T: BitwiseCopyable>(_ count: Int, of: T.Type = T.self) throws(SegmentError) -> [T] {
    let size = MemoryLayout<T>.stride
    guard count >= 0, count <= remaining / size else { throw .malformed("an array lies beyond the end") }
    defer { offset += count * size }
    return bytes.array(at: offset, count: count)
  }

  mutating func advance(_ count: Int) throws(SegmentError) {
    guard count >= 0, count <= remaining else { throw .malformed("a part lies beyond the end") }
    offset += count
  }

  mutating func skip(to alignment: Int) throws(SegmentError) {
    let next = (offset + alignment - 1) / alignment * alignment
    guard next <= bytes.count else { throw .malformed("padding lies beyond the end") }
    offset = next
  }
}
