import Foundation
import LociCore
import Testing

@testable import LociRecall

/// Scores of windows against their definition, over random conversations.
@Suite struct PassageTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  /// BM25 of the turns `window`, by its definition.
  private func bm25(
    _ window: Range<Int>, _ counts: [[UInt32]], _ sizes: [Int], _ frequencies: [Int64], _ uses: [UInt32],
    documents: Int64, length: Double
  ) -> Double {
    let size = window.reduce(0) { $0 + sizes[$1] }
    return frequencies.indices.reduce(0) { sum, term in
      let count = window.reduce(0.0) { $0 + Double(counts[$1][term]) }
      let absent = pow(1 - Double(frequencies[term]) / Double(documents), Double(window.count))
      let idf = log(1 + absent / (1 - absent + 0.5 / Double(documents)))
      let norm = 1.2 * (0.25 + 0.75 * Double(size) / (length * Double(window.count)))
      return sum + Double(uses[term]) * idf * count * 2.2 / (count + norm)
    }
  }

  @Test(arguments: 1...40)
  func windowsAgreeWithTheirDefinition(seed: Int) {
    var generator = Generator(state: UInt64(seed))
    let (turns, terms) = (Int.random(in: 1...14, using: &generator), Int.random(in: 1...5, using: &generator))
    let counts = (0..<turns).map { _ in (0..<terms).map { _ in UInt32.random(in: 0...2, using: &generator) } }
    let sizes = (0..<turns).map { _ in Int.random(in: 0...30, using: &generator) }
    let frequencies = (0..<terms).map { _ in Int64.random(in: 0...50, using: &generator) }
    let uses = (0..<terms).map { _ in UInt32.random(in: 1...3, using: &generator) }
    let cosines = (0..<turns).map { _ in
      Bool.random(using: &generator) ? Float.random(in: -1...1, using: &generator) : nil
    }
    let weights = TermWeights(documents: 50, frequencies: frequencies, uses: uses, length: 12)
    let scores = PassageScorer(weights).scores(counts: counts.flatMap { $0 }, sizes: sizes, cosines: cosines)
    for turn in 0..<turns {
      for (width, found) in [(3, scores[turn].narrow), (6, scores[turn].wide)] {
        let width = min(width, turns)
        let starts = max(0, turn - width + 1)...min(turn, turns - width)
        let best =
          starts.map {
            bm25($0..<$0 + width, counts, sizes, frequencies, uses, documents: 50, length: 12)
          }.max() ?? 0
        #expect(abs(Double(found) - best) < 1e-4 * max(1, best), "seed \(seed), turn \(turn), width \(width)")
      }
      let width = min(3, turns)
      let means = (max(0, turn - width + 1)...min(turn, turns - width)).compactMap { start -> Float? in
        let known = cosines[start..<start + width].compactMap { $0 }
        return known.isEmpty ? nil : known.reduce(0, +) / Float(known.count)
      }
      #expect(scores[turn].windowCosine == means.max(), "seed \(seed), turn \(turn)")
      #expect((0...1.0001).contains(scores[turn].coverage))
    }
  }

  @Test func noTermsAndNoTurns() {
    let none = TermWeights(documents: 0, frequencies: [], uses: [], length: 0)
    #expect(PassageScorer(none).scores(counts: [], sizes: [], cosines: []).isEmpty)
    let one = PassageScorer(none).scores(counts: [], sizes: [1], cosines: [0.5])
    #expect(one[0].narrow == 0 && one[0].wide == 0 && one[0].coverage == 0 && one[0].windowCosine == 0.5)
  }

  @Test func aLongSilenceEndsASitting() {
    let hour = Int64(3_600_000_000)
    let turns = [0, 1, 2, 9, 10].map {
      Turn(item: $0, text: "t", speaker: "", createdAt: Timestamp(microseconds: $0 * hour))
    }
    #expect(turns.sittings().map { $0.map(\.item) } == [[0, 1, 2], [9, 10]])
    #expect([Turn]().sittings().isEmpty)
  }
}
