package import LociProto

/// How alike two tasks are: text, features and steps, each 0 to 1, mixed by weights.
package struct TaskSimilarity: Sendable {
  package struct Parts: Sendable, Equatable {
    package var text = 0.0
    /// `nil`: neither side has any.
    package var features: Double?
    package var steps: Double?
  }

  package static let thresholdDefault = 0.7

  /// Text 0.6, features 0.25, steps 0.15.
  package static let standard = TaskSimilarity(text: 0.6, features: 0.25, steps: 0.15)

  private let text, features, steps: Double

  private init(text: Double, features: Double, steps: Double) {
    (self.text, self.features, self.steps) = (text, features, steps)
  }

  /// - Returns: `nil` for weights that are negative, not finite, or all zero.
  package init?(_ weights: V1.SimilarityWeights?) {
    guard let weights else {
      self = .standard
      return
    }
    let all = [weights.text, weights.features, weights.steps]
    guard all.allSatisfy({ $0.isFinite && $0 >= 0 }), all.contains(where: { $0 > 0 }) else { return nil }
    (text, features, steps) = (weights.text, weights.features, weights.steps)
  }

  /// Weighted mean of the parts that are there.
  package func mix(_ parts: Parts) -> Double {
    var (sum, total) = (text * parts.text, text)
    if let value = parts.features {
      sum += features * value
      total += features
    }
    if let value = parts.steps {
      sum += steps * value
      total += steps
    }
    return total > 0 ? sum / total : 0
  }

  /// Share of keys of either side that both have with the same value.
  package static func features(_ a: [V1.Attribute], _ b: [V1.Attribute]) -> Double? {
    guard !a.isEmpty || !b.isEmpty else { return nil }
    let other = Dictionary(b.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    let same = a.count { other[$0.key] == $0.value }
    return Double(same) / Double(Set(a.map(\.key)).union(b.map(\.key)).count)
  }

  /// Longest common subsequence over the longer sequence. Steps that only one side has say nothing.
  package static func steps(_ a: [String], _ b: [String]) -> Double? {
    guard !a.isEmpty, !b.isEmpty else { return nil }
    var row = [Int](repeating: 0, count: b.count + 1)
    for x in a {
      var diagonal = 0
      for (j, y) in b.enumerated() {
        let above = row[j + 1]
        row[j + 1] = x == y ? diagonal + 1 : max(above, row[j])
        diagonal = above
      }
    }
    return Double(row[b.count]) / Double(max(a.count, b.count))
  }

  /// Share of words in common (Dice), for when there is no embedding. CJK characters count as overlapping pairs.
  package static func words(_ a: String, _ b: String) -> Double {
    let (x, y) = (WordSet.of(a), WordSet.of(b))
    guard !x.isEmpty || !y.isEmpty else { return a == b ? 1 : 0 }
    return 2 * Double(x.intersection(y).count) / Double(x.count + y.count)
  }
}

/// The words of a text, lower case; of CJK text the overlapping pairs of characters.
package enum WordSet {
  package static func of(_ text: String) -> Set<String> { Set(list(text)) }

  /// In the order of the text, with repetitions.
  package static func list(_ text: String) -> [String] {
    var words: [String] = []
    var (word, run): (String, [Character]) = ("", [])
    func endWord() {
      if !word.isEmpty { words.append(word) }
      word = ""
    }
    func endRun() {
      if run.count == 1 { words.append(String(run)) }
      for (first, second) in zip(run, run.dropFirst()) { words.append(String([first, second])) }
      run = []
    }
    for character in text.lowercased() {
      if isCJK(character) {
        endWord()
        run.append(character)
      } else if character.isLetter || character.isNumber {
        endRun()
        word.append(character)
      } else {
        endWord()
        endRun()
      }
    }
    endWord()
    endRun()
    return words
  }

  package static func isCJK(_ character: Character) -> Bool {
    guard let scalar = character.unicodeScalars.first else { return false }
    return switch scalar.value {
    case 0x3040...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7AF, 0xF900...0xFAFF,
      0x20000...0x323AF:
      true
    default: false
    }
  }
}
