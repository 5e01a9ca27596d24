/// Protobuf's wire format, for OpenTelemetry's messages: their values contain themselves, which the generated code
/// does not do. Unknown fields are passed over.
struct ProtoReader {
  enum Value {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  struct Malformed: Error {}

  private let bytes: ArraySlice<UInt8>
  private var at: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    at = bytes.startIndex
  }

  /// The next field, or `nil` at the end.
  mutating func next() throws(Malformed) -> (field: UInt64, value: Value)? {
    guard at < bytes.endIndex else { return nil }
    let key = try varint()
    guard key >> 3 > 0 else { throw Malformed() }
    switch key & 7 {
    case 0: return (key >> 3, .varint(try varint()))
    case 1: return (key >> 3, .fixed64(try fixed(8)))
    case 2:
      let count = try varint()
      guard count <= UInt64(bytes.endIndex - at) else { throw Malformed() }
      defer { at += Int(count) }
      return (key >> 3, .bytes(bytes[at..<at + Int(count)]))
    case 5: return (key >> 3, .fixed32(UInt32(try fixed(4))))
    default: throw Malformed()
    }
  }

  private mutating func varint() throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard at < bytes.endIndex else { throw Malformed() }
      let byte = bytes[at]
      at += 1
      guard shift < 63 || byte <= 1 else { throw Malformed() }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw Malformed()
  }

  private mutating func fixed(_ count: Int) throws(Malformed) -> UInt64 {
    guard bytes.endIndex - at >= count else { throw Malformed() }
    defer { at += count }
    return bytes[at..<at + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

struct ProtoWriter {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func number(_ field: UInt64, _ value: UInt64) {
    guard value != 0 else { return }
    varint(field << 3)
    varint(value)
  }

  mutating func fixed64(_ field: UInt64, _ value: UInt64) {
    guard value != 0 else { return }
    varint(field << 3 | 1)
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  mutating func block(_ field: UInt64, _ content: some Collection<UInt8>) {
    varint(field << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }

  mutating func text(_ field: UInt64, _ text: String) {
    if !text.isEmpty { block(field, Array(text.utf8)) }
  }

  mutating func message(_ field: UInt64, _ fill: (inout ProtoWriter) -> Void) {
    var inner = ProtoWriter()
    fill(&inner)
    block(field, inner.bytes)
  }
}
