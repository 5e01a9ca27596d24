/// Ranks all turns of one conversation for a question, from memory: what a search over it gives when every turn is a
/// candidate.
package struct TurnRanking: Sendable {
  private let turns: [Turn]
  private let reading: QueryReading

  /// Of a long turn, how much its words count.
  private static let bytesMax = 8 << 10

  /// - Parameter turns: in the order of time; their items are not looked at.
  package init(_ turns: [Turn], question: String) {
    self.turns = turns
    let speakers = Set(turns.map { $0.speaker.lowercased() })
    // "Ann" is "Ann" and "Ann Lee", not "Anna".
    let named = QueryReading.nameCandidates(question).filter { name in
      let name = name.lowercased()
      return speakers.contains { $0 == name || $0.hasPrefix(name + " ") }
    }
    reading = QueryReading(question, speakers: named)
  }

  /// What of the question is to be encoded: without the names of those who speak.
  package var queryText: String { reading.text }

  /// - Parameter cosines: of each turn's vector with that of `queryText`, `nil` where a turn has none; empty when there
  ///   is no encoder.
  /// - Returns: one score for each turn; the higher, the more it has to do with the question.
  package func scores(cosines: [Float?]) -> [Float] {
    precondition(cosines.isEmpty || cosines.count == turns.count)
    guard !turns.isEmpty else { return [] }
    var candidates = turns.indices.map { place in
      var candidate = Candidate(item: Int64(place))
      candidate.cosine = cosines.isEmpty ? nil : cosines[place]
      candidate.cues = CueScores(turns[place], reading)
      return candidate
    }
    let termCount = addWords(&candidates)
    let hasVectors = candidates.contains { $0.cosine != nil }
    var weights = Weights.chosen(
      terms: termCount, isUnspaced: reading.text.contains(where: \.isUnspaced), hasPassages: true)
    if !hasVectors {
      weights.semantic = 0
      weights.cues *= 0.5
    }
    var scores = [Float](repeating: 0, count: turns.count)
    for ranked in Fusion.rank(candidates, weights: weights, limit: turns.count) {
      scores[Int(ranked.item)] = ranked.score
    }
    return scores
  }

  /// BM25 of each turn and of the windows around it, within its sitting. Returns how many terms the question has.
  private func addWords(_ candidates: inout [Candidate]) -> Int {
    let cosines = candidates.map(\.cosine)
    var (counts, sizes): ([UInt32], [Int]) = ([], [])
    var weights = TermWeights.none
    var termCount = 0
    if let terms = QueryTerms(reading.text, Bucket(scopeRow: 0, kind: .messages)) {
      termCount = terms.count
      for turn in turns {
        let found = terms.occurrences(in: turn.text, bytesMax: Self.bytesMax)
        counts += found.counts
        sizes.append(found.size)
      }
      weights = Self.weights(counts, sizes, uses: terms.uses)
    } else {
      sizes = Array(repeating: 1, count: turns.count)
    }
    let scorer = PassageScorer(weights)
    let own = scorer.best(counts, sizes, width: 1)
    var start = 0
    for sitting in turns.sittings() {
      let places = start..<start + sitting.count
      start = places.upperBound
      let scores = scorer.scores(
        counts: Array(counts[places.lowerBound * weights.count..<places.upperBound * weights.count]),
        sizes: Array(sizes[places]), cosines: Array(cosines[places]))
      for (place, score) in zip(places, scores) {
        candidates[place].passage = score
        candidates[place].bm25 = own[place]
      }
    }
    return termCount
  }

  private static func weights(_ counts: [UInt32], _ sizes: [Int], uses: [UInt32]) -> TermWeights {
    var frequencies = [Int64](repeating: 0, count: uses.count)
    for (place, count) in counts.enumerated() where count > 0 { frequencies[place % uses.count] += 1 }
    return TermWeights(
      documents: Int64(sizes.count), frequencies: frequencies, uses: uses,
      length: Double(sizes.reduce(0, +)) / Double(max(1, sizes.count)))
  }
}
