import Foundation
package import LociCore

/// One message in its conversation.
package struct Turn: Sendable {
  package let item: Int64
  package let text: String
  package let speaker: String
  package let createdAt: Timestamp

  package init(item: Int64, text: String, speaker: String, createdAt: Timestamp) {
    self.item = item
    self.text = text
    self.speaker = speaker
    self.createdAt = createdAt
  }
}

extension [Turn] {
  /// Cut where nobody spoke for long: what follows is another conversation.
  package func sittings(gap: Int64 = 6 * 3_600 * 1_000_000) -> [[Turn]] {
    var sittings: [[Turn]] = []
    for turn in self {
      if let last = sittings.last?.last, turn.createdAt.microseconds - last.createdAt.microseconds <= gap {
        sittings[sittings.count - 1].append(turn)
      } else {
        sittings.append([turn])
      }
    }
    return sittings
  }
}

/// What a turn is worth beside its neighbours: an answer seldom repeats the words of its question, and what a turn
/// means stands in the turns around it.
struct PassageScores: Sendable {
  /// Best BM25 of windows of 3 and of 6 turns that hold the turn.
  var narrow: Float = 0
  var wide: Float = 0
  /// Share of the query's words, by weight, that the turn itself has: 0 to 1.
  var coverage: Float = 0
  /// Best mean cosine of 3 turns in a row that hold the turn; `nil` while none of them has a vector.
  var windowCosine: Float?

  static let narrowTurns = 3
  static let wideTurns = 6
}

/// Scores of the windows over runs of turns.
struct PassageScorer {
  private let weights: TermWeights

  init(_ weights: TermWeights) { self.weights = weights }

  /// - Parameters:
  ///   - counts: how often each turn has each term, shape (turns, terms), row-major.
  ///   - sizes: words of each turn.
  ///   - cosines: of each turn with the query.
  func scores(counts: [UInt32], sizes: [Int], cosines: [Float?]) -> [PassageScores] {
    let turns = sizes.count
    var scores = [PassageScores](repeating: PassageScores(), count: turns)
    let narrow = best(counts, sizes, width: PassageScores.narrowTurns)
    let wide = best(counts, sizes, width: PassageScores.wideTurns)
    let cosine = bestMean(cosines, width: PassageScores.narrowTurns)
    for turn in 0..<turns {
      scores[turn].narrow = narrow[turn]
      scores[turn].wide = wide[turn]
      scores[turn].windowCosine = cosine[turn]
      scores[turn].coverage = weights.coverage(counts[turn * weights.count..<(turn + 1) * weights.count])
    }
    return scores
  }

  func best(_ counts: [UInt32], _ sizes: [Int], width: Int) -> [Float] {
    let (turns, terms) = (sizes.count, weights.count)
    var best = [Float](repeating: 0, count: turns)
    let width = min(width, turns)
    guard width > 0, terms > 0 else { return best }
    let importance = weights.ofWindow(width)
    var sums = [UInt32](repeating: 0, count: terms)
    var size = 0
    for end in 0..<turns {
      for term in 0..<terms { sums[term] += counts[end * terms + term] }
      size += sizes[end]
      if end >= width {
        for term in 0..<terms { sums[term] -= counts[(end - width) * terms + term] }
        size -= sizes[end - width]
      }
      guard end + 1 >= width else { continue }
      let norm = weights.norm(Double(size), turns: width)
      var score = 0.0
      for term in 0..<terms where sums[term] > 0 {
        score += importance[term] * Double(sums[term]) * (TermWeights.k1 + 1) / (Double(sums[term]) + norm)
      }
      for turn in end + 1 - width...end { best[turn] = max(best[turn], Float(score)) }
    }
    return best
  }

  private func bestMean(_ cosines: [Float?], width: Int) -> [Float?] {
    var best = [Float?](repeating: nil, count: cosines.count)
    let width = min(width, cosines.count)
    guard width > 0 else { return best }
    for start in 0...cosines.count - width {
      let known = cosines[start..<start + width].compactMap { $0 }
      guard !known.isEmpty else { continue }
      let mean = known.reduce(0, +) / Float(known.count)
      for turn in start..<start + width { best[turn] = max(best[turn] ?? -2, mean) }
    }
    return best
  }
}

/// What each term of a query weighs, for turns and for windows of them.
struct TermWeights: Sendable {
  static let k1 = 1.2
  static let b = 0.75

  private let documents: Double
  private let frequencies: [Double]
  private let uses: [Double]
  private let length: Double
  private let ofTurn: [Double]

  /// - Parameters:
  ///   - frequencies: how many documents have each term.
  ///   - uses: how often the query has it.
  ///   - length: mean words of a document.
  init(documents: Int64, frequencies: [Int64], uses: [UInt32], length: Double) {
    self.documents = Double(max(documents, frequencies.max() ?? 0, 1))
    self.frequencies = frequencies.map(Double.init)
    self.uses = uses.map(Double.init)
    self.length = length
    ofTurn = Self.weights(of: 1, self.frequencies, self.uses, self.documents)
  }

  /// Of a query without words.
  static let none = TermWeights(documents: 1, frequencies: [], uses: [], length: 1)

  var count: Int { frequencies.count }

  /// A window of `width` turns has a term when one of them has it, taken as independent.
  func ofWindow(_ width: Int) -> [Double] { Self.weights(of: width, frequencies, uses, documents) }

  private static func weights(
    of width: Int, _ frequencies: [Double], _ uses: [Double], _ documents: Double
  ) -> [Double] {
    zip(frequencies, uses).map { frequency, uses in
      let absent = pow(1 - frequency / documents, Double(width))
      return uses * log1p(absent / (1 - absent + 0.5 / documents))
    }
  }

  func norm(_ size: Double, turns: Int) -> Double {
    Self.k1 * (length > 0 ? 1 - Self.b + Self.b * size / (length * Double(turns)) : 1)
  }

  func coverage(_ counts: ArraySlice<UInt32>) -> Float {
    let total = ofTurn.reduce(0, +)
    guard total > 0 else { return 0 }
    var covered = 0.0
    for (count, weight) in zip(counts, ofTurn) where count > 0 { covered += weight }
    return Float(covered / total)
  }
}
