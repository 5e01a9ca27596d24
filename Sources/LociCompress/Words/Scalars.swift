/// The scalars of a text with their UTF-8 offsets, for scanners that look around.
struct Scalars: Sendable {
  let values: [UInt32]
  /// One more than `values`: the last is the length in bytes.
  let offsets: [Int]

  init(_ text: String) {
    var values: [UInt32] = []
    var offsets: [Int] = []
    values.reserveCapacity(text.utf8.count)
    offsets.reserveCapacity(text.utf8.count + 1)
    var offset = 0
    for scalar in text.unicodeScalars {
      values.append(scalar.value)
      offsets.append(offset)
      offset += UTF8.width(scalar)
    }
    offsets.append(offset)
    self.values = values
    self.offsets = offsets
  }

  var count: Int { values.count }

  func text(_ range: Range<Int>) -> String {
    var text = ""
    for value in values[range] {
      if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
    }
    return text
  }

  /// UTF-8 of a run, ASCII letters folded to lower case.
  func lowered(_ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    for value in values[range] {
      if value < 0x80 {
        bytes.append(UInt8((0x41...0x5A).contains(value) ? value + 32 : value))
      } else if let scalar = Unicode.Scalar(value) {
        bytes.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
      }
    }
    return bytes
  }
}

/// Classes of scalars. Values are code points.
enum ScalarClass {
  static func isSpace(_ value: UInt32) -> Bool {
    value == 0x20 || (0x09...0x0D).contains(value) || value == 0xA0 || value == 0x3000 || value == 0x2028
      || value == 0x2029
  }

  static func isDigit(_ value: UInt32) -> Bool {
    (0x30...0x39).contains(value) || (0xFF10...0xFF19).contains(value)
  }
  static func isUpper(_ value: UInt32) -> Bool {
    (0x41...0x5A).contains(value) || (0xC0...0xDE).contains(value) || (0x391...0x3A9).contains(value)
      || (0x410...0x42F).contains(value)
  }

  /// Written without spaces between words.
  static func isUnspaced(_ value: UInt32) -> Bool {
    (0x4E00...0x9FFF).contains(value) || (0x3400...0x4DBF).contains(value)
      || (0x3041...0x30FF).contains(value)
      || (0x20000...0x2FA1F).contains(value) || (0x0E00...0x0E7F).contains(value)
  }

  static func isLetter(_ value: UInt32) -> Bool {
    if value < 0x80 { return (0x41...0x5A).contains(value) || (0x61...0x7A).contains(value) }
    if value < 0xC0 || isUnspaced(value) { return false }
    return Unicode.Scalar(value)?.properties.isAlphabetic ?? false
  }

  static func isWord(_ value: UInt32) -> Bool { isLetter(value) || isDigit(value) }

  /// Ends a sentence: . ! ? 。 ！ ？ ； …
  static func isTerminator(_ value: UInt32) -> Bool {
    switch value {
    case 0x2E, 0x21, 0x3F, 0x3002, 0xFF01, 0xFF1F, 0xFF1B, 0x2026: true
    default: false
    }
  }

  static func isQuestionMark(_ value: UInt32) -> Bool { value == 0x3F || value == 0xFF1F }
}
