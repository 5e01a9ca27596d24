import CLociFTS

/// What a text shows at a glance: that it asks, says when, counts, or speaks of its writer. English and Chinese.
struct TextCues: OptionSet, Sendable {
  let rawValue: UInt32

  static let question = TextCues(1)
  static let time = TextCues(2)
  static let number = TextCues(4)
  static let firstPerson = TextCues(8)
  static let asksWhen = TextCues(16)
  static let asksCount = TextCues(32)

  init(rawValue: UInt32) { self.rawValue = rawValue }
  private init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// Reads at most the first 16 KiB.
  init(of text: String) {
    let count = min(text.utf8.count, 16 << 10)
    rawValue = unsafe loci_fts_cues(text, count)
  }
}
