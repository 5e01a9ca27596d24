import LociCompress

/// Texts of words, numbers, paths, Chinese and signs, from a seed.
enum RandomText {
  private static let pieces = [
    "the", "I", "don't", "Lisbon", "moved", "2023-05-08", "$12.50", "/etc/hosts", "foo_bar", "really",
    "great!", "\n",
    "你好，", "上海", "没有", "《三体》", "café", "[shares a photo of a dog]", "\"Brave\"", "a@b.org", "e\u{301}", "😀",
    "?", "…",
    "Kids'", "https://x.org/a?b=c#d", "\t", "12:30", "—", "NaN", "{\"a\":1}"
  ]

  static func texts(seed: UInt64, count: Int) -> [SourceText] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { index in
      let length = Int.random(in: 0...30, using: &generator)
      let words = (0..<length).map { _ in pieces.randomElement(using: &generator) ?? "" }
      return SourceText(
        id: "\(index)", role: SourceText.Role(rawValue: Int32(index % 5)) ?? .user,
        name: index % 3 == 0 ? "Anna" : index % 3 == 1 ? "Ben" : "", text: words.joined(separator: " "),
        createdAtUs: Int64(index) * 900_000_000 + 1_700_000_000_000_000, isPinned: index % 17 == 3)
    }
  }
}
