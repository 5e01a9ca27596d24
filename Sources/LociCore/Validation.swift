/// Checks of what callers send. Each names the field as the contract spells it.
public enum Validate {
  /// At most `bytesMax` UTF-8 bytes and no U+0000, which no text column keeps.
  public static func text(
    _ value: String, field: @autoclosure () -> String, bytesMin: Int = 0, bytesMax: Int
  ) throws(LociError) {
    var value = value
    let (count, hasNul) = value.withUTF8 { bytes in
      unsafe (bytes.count, bytes.contains(0))
    }
    guard count >= bytesMin else { throw .invalid(field: field(), problem: "must not be empty") }
    guard count <= bytesMax else {
      throw .invalid(field: field(), problem: "has \(count) bytes, at most \(bytesMax)")
    }
    guard !hasNul else { throw .invalid(field: field(), problem: "contains U+0000") }
  }

  /// Empty, or a name as `Identifier` asks.
  public static func optionalName(_ value: String, field: @autoclosure () -> String) throws(LociError) {
    try text(value, field: field(), bytesMax: identifierBytesMax)
    guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw .invalid(field: field(), problem: "contains a control character")
    }
  }

  public static func name(_ value: String, field: @autoclosure () -> String) throws(LociError) {
    guard !value.isEmpty else { throw .invalid(field: field(), problem: "must not be empty") }
    try optionalName(value, field: field())
  }

  public static func count(
    _ value: Int, field: @autoclosure () -> String, in range: ClosedRange<Int>
  ) throws(LociError) {
    guard range.contains(value) else {
      throw .invalid(
        field: field(), problem: "has \(value) items, must be \(range.lowerBound) to \(range.upperBound)")
    }
  }

  /// Empty, or a W3C trace id: 32 lower-case hex digits, not all zero.
  public static func traceID(_ value: String, field: @autoclosure () -> String) throws(LociError) {
    guard !value.isEmpty else { return }
    let isHex = value.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    guard value.utf8.count == 32, isHex, value.utf8.contains(where: { $0 != 0x30 }) else {
      throw .invalid(field: field(), problem: "must be 32 lower-case hex digits, not all zero")
    }
  }

  /// 0, or a time from 1970 to the year 9999.
  public static func time(_ microseconds: Int64, field: @autoclosure () -> String) throws(LociError) {
    guard (0...253_402_300_799_999_999).contains(microseconds) else {
      throw .invalid(field: field(), problem: "is \(microseconds), outside 1970 to 9999 in microseconds")
    }
  }

  public static func unitInterval(_ value: Float, field: @autoclosure () -> String) throws(LociError) {
    guard value >= 0, value <= 1 else {
      throw .invalid(field: field(), problem: "is \(value), must be 0 to 1")
    }
  }
}
