import LociProto

/// `message Note { string text = 1; }`, the messages of the golden vectors. Written by hand so that these tests
/// need no generated code.
struct Note: WireMessage, Equatable {
  static let protoName = "loci.Note"
  var text: String = ""

  init() {}
  init(_ text: String) { self.text = text }

  init(decoding bytes: UnsafeRawBufferPointer, arena: Arena) throws(WireDecodingError) {
    var rest = unsafe bytes[...]
    while let tag = unsafe rest.popFirst() {
      guard tag == 0x0a else { throw .malformed(message: Self.protoName) }
      var (length, shift) = (0, 0)
      while true {
        guard let byte = unsafe rest.popFirst(), shift < 35 else { throw .malformed(message: Self.protoName) }
        length |= Int(byte & 0x7f) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      guard unsafe length <= rest.count else { throw .malformed(message: Self.protoName) }
      guard let text = unsafe String(validating: rest.prefix(length), as: UTF8.self) else {
        throw .invalidUTF8(field: "Note.text")
      }
      self.text = text
      unsafe rest = rest.dropFirst(length)
    }
  }

  func encode(arena: Arena, reserve: (Int) -> UnsafeMutableRawPointer) {
    guard !text.isEmpty else {
      _ = unsafe reserve(0)
      return
    }
    var head: [UInt8] = [0x0a]
    var length = text.utf8.count
    while length >= 0x80 {
      head.append(UInt8(length & 0x7f) | 0x80)
      length >>= 7
    }
    head.append(UInt8(length))
    let bytes = head + Array(text.utf8)
    unsafe bytes.withUnsafeBytes { source in
      let out = unsafe reserve(source.count)
      if let base = source.baseAddress { unsafe out.copyMemory(from: base, byteCount: source.count) }
    }
  }
}
