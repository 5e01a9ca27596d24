/// Counts tokens and remembers the counts of words. Texts with white space between them cost the sum of their counts.
package struct TokenMeter {
  package typealias Counter = (String) throws -> Int

  private let counter: Counter
  private var words: [String: Int] = [:]
  private static let wordsMax = 200_000

  /// - Parameter counter: the tokens of a text, without what a model puts around it.
  package init(_ counter: @escaping Counter) { self.counter = counter }

  /// A token for each four bytes of ASCII and one for each other character, rounded up.
  package static func estimated() -> TokenMeter {
    TokenMeter { text in
      var (ascii, others) = (0, 0)
      for scalar in text.unicodeScalars { if scalar.isASCII { ascii += 1 } else { others += 1 } }
      return (ascii + 3) / 4 + others
    }
  }

  package func count(_ text: String) throws -> Int { text.isEmpty ? 0 : try counter(text) }

  mutating func countWord(_ word: String) throws -> Int {
    if let known = words[word] { return known }
    let count = try counter(word)
    if words.count >= Self.wordsMax { words.removeAll(keepingCapacity: true) }
    words[word] = count
    return count
  }
}
