/// The events of one record as bytes.
///
///     offset  size  content
///     0       1     format: 0 = plain
///     1       …     for each event: its length (LEB128 varint, at most 5 bytes), then its bytes
enum LogBody {
  static let plainFormat: UInt8 = 0
  /// Longest event, in bytes. A longer one never gets into a log, so a longer length is damage.
  static let eventBytesMax = Int(Int32.max)

  enum Failure: Error, Equatable { case empty, unknownFormat(UInt8), truncated, badLength }

  static func encode(_ events: [[UInt8]]) -> [UInt8] {
    var body: [UInt8] = []
    body.reserveCapacity(events.reduce(1) { $0 + $1.count + 5 })
    body.append(plainFormat)
    for event in events {
      var length = UInt32(event.count)
      while length >= 0x80 {
        body.append(UInt8(truncatingIfNeeded: length) | 0x80)
        length >>= 7
      }
      body.append(UInt8(length))
      body.append(contentsOf: event)
    }
    return body
  }

  static func decode(_ body: RawSpan) throws(Failure) -> [[UInt8]] {
    guard body.byteCount > 0 else { throw .empty }
    let format = unsafe body.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
    guard format == plainFormat else { throw .unknownFormat(format) }
    var events: [[UInt8]] = []
    var at = 1
    while at < body.byteCount {
      let length = try decodeLength(body, &at)
      guard length <= body.byteCount - at else { throw .truncated }
      events.append(
        unsafe body.extracting(at..<(at + length)).withUnsafeBytes { bytes in unsafe [UInt8](bytes) })
      at += length
    }
    return events
  }

  private static func decodeLength(_ body: RawSpan, _ at: inout Int) throws(Failure) -> Int {
    var value = 0
    for shift in stride(from: 0, through: 28, by: 7) {
      guard at < body.byteCount else { throw .truncated }
      let byte = unsafe body.unsafeLoad(fromByteOffset: at, as: UInt8.self)
      at += 1
      value |= Int(byte & 0x7F) << shift
      if byte < 0x80 {
        // The shortest form is the only one, so that equal events have equal bytes.
        guard value <= eventBytesMax, byte != 0 || shift == 0 else { throw .badLength }
        return value
      }
    }
    throw .badLength
  }
}
