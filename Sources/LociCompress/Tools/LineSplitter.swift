/// Lines of a tool's output; one that is very long, as JSON often is, is broken where its parts end.
struct LineSplitter {
  private static let lineBytesMax = 160

  /// UTF-8 ranges in order, without their line breaks; empty lines are left out.
  static func lines(_ text: [UInt8]) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    for at in 0...text.count where at == text.count || text[at] == 0x0A {
      var end = at
      if end > start, text[end - 1] == 0x0D { end -= 1 }
      if text[start..<end].contains(where: { $0 != 0x20 && $0 != 0x09 }) {
        if end - start > lineBytesMax { lines += parts(text, start..<end) } else { lines.append(start..<end) }
      }
      start = at + 1
    }
    return lines
  }

  /// Breaks after `,` `}` `]` `;` and after a sentence, once a part has 40 bytes; never inside a UTF-8 sequence.
  private static func parts(_ text: [UInt8], _ line: Range<Int>) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var start = line.lowerBound
    for at in line {
      let isBreak: Bool
      switch text[at] {
      case 0x2C, 0x7D, 0x5D, 0x3B: isBreak = at - start >= 40
      case 0x2E, 0x21, 0x3F: isBreak = at - start >= 40 && at + 1 < line.upperBound && text[at + 1] == 0x20
      case 0x20: isBreak = at - start >= lineBytesMax
      default: isBreak = false
      }
      guard isBreak else { continue }
      parts.append(start..<(at + 1))
      start = at + 1
    }
    if start < line.upperBound { parts.append(start..<line.upperBound) }
    return parts
  }
}
