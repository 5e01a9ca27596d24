/// Cuts a tool's output, a log, a stack trace, JSON or code to the lines that carry information, and says what was cut.
///
/// A line is worth more when it reports a failure, when it begins or ends the output, and for each word that no line
/// before it had; a line that is another one with other numbers is worth little. Lines are whole, in their order.
struct OutputCutter {
  struct Cut: Sendable, Equatable {
    var text: String
    /// UTF-8 ranges of the raw text in `text`.
    var kept: [Range<Int>]
    var tokens: Int
  }

  private struct Line {
    var range: Range<Int>
    var tokens: Int
    var worth: Float
  }

  /// - Parameter budget: tokens, the notes of what was cut included. At least the best line is kept.
  static func cut(
    _ text: String, budget: Int, seen: inout Set<WordKey>, meter: inout TokenMeter
  ) throws -> Cut {
    let bytes = Array(text.utf8)
    let ranges = LineSplitter.lines(bytes)
    let whole = try meter.count(text)
    guard whole > budget, ranges.count > 1 else {
      return Cut(text: text, kept: bytes.isEmpty ? [] : [0..<bytes.count], tokens: whole)
    }
    let lines = try measure(ranges, bytes, seen: &seen, meter: &meter)
    let chosen = choose(lines, budget: budget, noteTokens: try meter.count(note(99)))
    return try write(chosen, lines, bytes, meter: meter)
  }

  private static func measure(
    _ ranges: [Range<Int>], _ bytes: [UInt8], seen: inout Set<WordKey>, meter: inout TokenMeter
  ) throws -> [Line] {
    var shapes: Set<WordKey> = []
    var lines: [Line] = []
    for (index, range) in ranges.enumerated() {
      let text = String(decoding: bytes[range], as: UTF8.self)
      let scan = TextScanner.scan(text)
      var worth: Float = 0
      for word in scan.words where !word.traits.contains(.function) {
        let isNew = seen.insert(word.key).inserted
        worth += (isNew ? 1 : 0.1) * (word.isArtifact ? 1.5 : 1)
      }
      if OutputWords.reportsFailure(text) { worth = worth * 3 + 10 }
      if index == 0 || index == ranges.count - 1 { worth = worth * 2 + 3 }
      if !shapes.insert(OutputWords.shape(bytes[range])).inserted { worth *= 0.3 }
      lines.append(Line(range: range, tokens: max(1, try meter.count(text)), worth: worth))
    }
    return lines
  }

  private static func choose(_ lines: [Line], budget: Int, noteTokens: Int) -> Set<Int> {
    let order = lines.indices.sorted { left, right in
      let (a, b) = (
        lines[left].worth / Float(lines[left].tokens), lines[right].worth / Float(lines[right].tokens)
      )
      return (a, -left) > (b, -right)
    }
    var room = budget
    var chosen: Set<Int> = []
    for index in order {
      // Each gap costs a note; a line beside a chosen one makes no new gap.
      let isBeside = chosen.contains(index - 1) || chosen.contains(index + 1)
      let cost = lines[index].tokens + (isBeside ? 0 : noteTokens)
      guard cost <= room || chosen.isEmpty else { continue }
      room -= cost
      chosen.insert(index)
    }
    return chosen
  }

  private static func write(
    _ chosen: Set<Int>, _ lines: [Line], _ bytes: [UInt8], meter: TokenMeter
  ) throws -> Cut {
    var text: [String] = []
    var kept: [Range<Int>] = []
    var gap = 0
    for (index, line) in lines.enumerated() {
      guard chosen.contains(index) else {
        gap += 1
        continue
      }
      if gap > 0 { text.append(note(gap)) }
      gap = 0
      kept.append(line.range)
      text.append(String(decoding: bytes[line.range], as: UTF8.self))
    }
    if gap > 0 { text.append(note(gap)) }
    let joined = text.joined(separator: "\n")
    return Cut(text: joined, kept: kept, tokens: try meter.count(joined))
  }

  private static func note(_ lines: Int) -> String { "[\(lines) cut]" }
}
