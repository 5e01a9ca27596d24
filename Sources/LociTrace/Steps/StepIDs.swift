/// A W3C trace id: 128 bits, written as 32 lower-case hex digits.
package struct TraceKey: Hashable, Sendable, Comparable {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// `nil` unless `text` is 32 lower-case hex digits, not all zero.
  package init?(_ text: String) {
    guard text.utf8.count == 32 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for (index, character) in text.utf8.enumerated() {
      guard let digit = Hex.digit(character) else { return nil }
      if index < 16 { high = high << 4 | digit } else { low = low << 4 | digit }
    }
    guard high | low != 0 else { return nil }
    self.init(high: high, low: low)
  }

  /// From 16 bytes, most significant first.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    self.init(
      high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
      low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  package var bytes: [UInt8] { Hex.bytes(high) + Hex.bytes(low) }
  package var text: String { Hex.text(high) + Hex.text(low) }

  package static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

/// A span id: 64 bits, written as 16 lower-case hex digits. 0 is none.
package enum SpanKey {
  /// `nil` unless `text` is empty (0), or 16 lower-case hex digits.
  package static func parse(_ text: String) -> UInt64? {
    if text.isEmpty { return 0 }
    guard text.utf8.count == 16 else { return nil }
    var value: UInt64 = 0
    for character in text.utf8 {
      guard let digit = Hex.digit(character) else { return nil }
      value = value << 4 | digit
    }
    return value
  }

  package static func text(_ value: UInt64) -> String { value == 0 ? "" : Hex.text(value) }
}

package enum Hex {
  static func digit(_ character: UInt8) -> UInt64? {
    switch character {
    case 0x30...0x39: UInt64(character - 0x30)
    case 0x61...0x66: UInt64(character - 0x61 + 10)
    default: nil
    }
  }

  static func bytes(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) }
  }

  static func text(_ value: UInt64) -> String {
    unsafe String(unsafeUninitializedCapacity: 16) { buffer in
      for place in 0..<16 {
        let digit = UInt8((value >> UInt64(60 - 4 * place)) & 0xF)
        unsafe buffer[place] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
      }
      return 16
    }
  }

  package static func text(_ bytes: some Sequence<UInt8>) -> String {
    var digits: [UInt8] = []
    for byte in bytes {
      for digit in [byte >> 4, byte & 0xF] { digits.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10) }
    }
    return String(decoding: digits, as: UTF8.self)
  }

  /// `nil` unless `text` is an even number of lower-case hex digits.
  package static func bytes(_ text: String) -> [UInt8]? {
    let digits = text.utf8.map(digit)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}
