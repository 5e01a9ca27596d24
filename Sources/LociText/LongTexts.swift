/// What becomes of a text that is longer than the model reads.
package enum LongTexts: Sendable, Hashable {
  /// Its beginning counts, the rest is ignored.
  case truncate
  /// It is cut into windows of the model's length, at most `most` of them; the text's vector is their mean, weighted
  /// by tokens, before it is brought to unit length. What lies beyond the last window is ignored.
  case windows(most: Int)

  /// Longest text in tokens, special tokens included, for a model that reads `tokensMax` ≥ 2 at once.
  func limit(tokensMax: Int) -> Int {
    switch self {
    case .truncate: tokensMax
    case .windows(let most): min(max(1, most), Self.windowsMax) * max(1, tokensMax - 2) + 2
    }
  }

  /// More windows than any text is worth.
  static let windowsMax = 1_024
}

/// Texts as the sequences of tokens that the model reads: one for each text, or several for a long one.
struct TokenWindows {
  /// Special tokens included, each at most as long as the model reads.
  private(set) var sequences: [[Int32]] = []
  /// The text that each sequence belongs to; ascending.
  private(set) var owners: [Int] = []
  /// Whether any text has more than one.
  var areSplit: Bool { sequences.count > (owners.last.map { $0 + 1 } ?? 0) }

  init(_ texts: [TokenizedText], tokensMax: Int) {
    for (owner, text) in texts.enumerated() {
      guard text.ids.count > tokensMax, let opening = text.ids.first, let closing = text.ids.last else {
        append(text.ids, owner)
        continue
      }
      let content = text.ids.dropFirst().dropLast()
      for start in stride(from: content.startIndex, to: content.endIndex, by: max(1, tokensMax - 2)) {
        let end = min(start + max(1, tokensMax - 2), content.endIndex)
        append([opening] + content[start..<end] + [closing], owner)
      }
    }
  }

  private mutating func append(_ ids: [Int32], _ owner: Int) {
    sequences.append(ids)
    owners.append(owner)
  }

  /// The weighted mean of each text's windows. `vectors` has shape (sequences, dimension), the result (texts, dimension).
  func joined(_ vectors: [Float], dimension: Int, texts: Int) -> [Float] {
    guard areSplit else { return vectors }
    var sums = [Float](repeating: 0, count: texts * dimension)
    var weights = [Float](repeating: 0, count: texts)
    for (index, owner) in owners.enumerated() {
      let weight = Float(max(1, sequences[index].count - 2))
      weights[owner] += weight
      for column in 0..<dimension {
        sums[owner * dimension + column] += weight * vectors[index * dimension + column]
      }
    }
    for text in 0..<texts {
      for column in 0..<dimension { sums[text * dimension + column] /= max(1, weights[text]) }
    }
    return sums
  }
}
