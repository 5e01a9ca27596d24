/// Finds the sentences of Chinese and English text by their punctuation; needs no model and no language hint.
///
/// A sentence ends after 。！？；… or !?, after a line break, and after a full stop that white space follows, unless
/// the stop belongs to an abbreviation, an initial or a number. Closing quotes and brackets belong to their sentence.
package enum SentenceSplitter {
  /// Words whose full stop does not end a sentence, in lower case and without it.
  private static let abbreviations: Set<String> = [
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "e.g", "i.e", "cf", "al", "fig", "no",
    "vol", "pp",
    "inc", "ltd", "co", "corp", "approx", "dept", "est", "jan", "feb", "mar", "apr", "jun", "jul", "aug",
    "sep",
    "sept", "oct", "nov", "dec", "u.s", "u.k", "a.m", "p.m"
  ]
  private static let alwaysEnds: Set<Unicode.Scalar> = ["。", "！", "？", "；", "…", "!", "?", "｡"]
  private static let closers: Set<Unicode.Scalar> = ["”", "’", "」", "』", "）", "】", "》", ")", "]", "\"", "'"]

  /// Ranges of the sentences in order, without the white space around them. O(length of `text`).
  package static func sentences(in text: String) -> [Range<String.Index>] {
    let scalars = text.unicodeScalars
    var found: [Range<String.Index>] = []
    var start = scalars.startIndex
    var at = start
    while at < scalars.endIndex {
      let next = scalars.index(after: at)
      if let end = sentenceEnd(at: at, from: start, in: scalars) {
        append(start..<end, of: scalars, to: &found)
        start = end
        at = end
      } else {
        at = next
      }
    }
    append(start..<scalars.endIndex, of: scalars, to: &found)
    return found
  }

  /// Where the sentence ends that the character at `at` closes; `nil` when it closes none.
  private static func sentenceEnd(
    at: String.Index, from start: String.Index, in scalars: String.UnicodeScalarView
  ) -> String.Index? {
    let scalar = scalars[at]
    let after = scalars.index(after: at)
    if scalar == "\n" || scalar == "\u{2029}" { return after }
    guard alwaysEnds.contains(scalar) || scalar == "." else { return nil }
    var end = after
    while end < scalars.endIndex, alwaysEnds.contains(scalars[end]) || scalars[end] == "." {
      end = scalars.index(after: end)
    }
    let isRun = end != after
    while end < scalars.endIndex, closers.contains(scalars[end]) { end = scalars.index(after: end) }
    // In ASCII punctuation only white space tells an end from "v1.2", "really?)," or a path.
    let isWide = !scalar.isASCII
    guard
      isWide || end == scalars.endIndex || scalars[end].properties.isWhitespace || isIdeograph(scalars[end])
    else {
      return nil
    }
    if scalar == ".", !isRun, isAbbreviation(before: at, from: start, in: scalars) { return nil }
    return end
  }

  private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isIdeographic }

  private static func isAbbreviation(
    before stop: String.Index, from start: String.Index, in scalars: String.UnicodeScalarView
  ) -> Bool {
    var from = stop
    var length = 0
    while from > start, length < 8 {
      let previous = scalars.index(before: from)
      guard scalars[previous].properties.isAlphabetic || scalars[previous] == "." else { break }
      from = previous
      length += 1
    }
    let word = String(scalars[from..<stop])
    let isInitial = length == 1 && scalars[from].properties.isUppercase && word != "I"
    return isInitial || abbreviations.contains(word.lowercased())
  }

  private static func append(
    _ range: Range<String.Index>, of scalars: String.UnicodeScalarView, to found: inout [Range<String.Index>]
  ) {
    var (lower, upper) = (range.lowerBound, range.upperBound)
    while lower < upper, scalars[lower].properties.isWhitespace { lower = scalars.index(after: lower) }
    while lower < upper, scalars[scalars.index(before: upper)].properties.isWhitespace {
      upper = scalars.index(before: upper)
    }
    if lower < upper { found.append(lower..<upper) }
  }
}
