/// The events of one record as bytes.
///
///     offset  size  content
///     0       1     format: 0 = plain, 1 = redacted
///     1       32    redacted only: its digest, see `RecordHash`
///     …       …     for each event: its length (LEB128 varint, at most 5 bytes), then its bytes
enum LogBody {
  static let plainFormat: UInt8 = 0
  static let redactedFormat: UInt8 = 1
  /// Longest event, in bytes. A longer one never gets into a log, so a longer length is damage.
  static let eventBytesMax = Int(Int32.max)

  enum Failure: Error, Equatable { case empty, unknownFormat(UInt8), truncated, badLength }

  static func encode(_ events: [[UInt8]]) -> [UInt8] {
    var body: [UInt8] = []
    body.reserveCapacity(events.reduce(1) { $0 + $1.count + 5 })
    body.append(plainFormat)
    append(events, to: &body)
    return body
  }

  /// - Parameter digest: of the plain body of `events`, as the hash of a record that follows the original.
  static func encode(redacted events: [[UInt8]], digest: ChainHash) -> [UInt8] {
    var body = [redactedFormat] + digest.bytes
    append(events, to: &body)
    return body
  }

  /// What the body of a redacted record says its digest is; nil for another.
  static func digest(of body: some Collection<UInt8>) -> ChainHash? {
    guard body.first == redactedFormat else { return nil }
    return ChainHash(bytes: body.dropFirst().prefix(ChainHash.byteCount))
  }

  private static func append(_ events: [[UInt8]], to body: inout [UInt8]) {
    for event in events {
      var length = UInt32(event.count)
      while length >= 0x80 {
        body.append(UInt8(truncatingIfNeeded: length) | 0x80)
        length >>= 7
      }
      body.append(UInt8(length))
      body.append(contentsOf: event)
    }
  }

  static func decode(_ body: RawSpan) throws(Failure) -> [[UInt8]] {
    guard body.byteCount > 0 else { throw .empty }
    let format = unsafe body.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
    guard format <= redactedFormat else { throw .unknownFormat(format) }
    var events: [[UInt8]] = []
    var at = format == plainFormat ? 1 : 1 + ChainHash.byteCount
    guard at <= body.byteCount else { throw .truncated }
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
