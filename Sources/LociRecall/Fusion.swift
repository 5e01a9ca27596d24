/// What is known of one candidate before ranking.
struct Candidate {
  let item: Int64
  /// Cosine with the query, -1 to 1; `nil` while the item has no vector.
  var cosine: Float?
  /// 0 when no word of the query is in it.
  var bm25: Float = 0
  var semanticRank = 0
  var exactRank = 0
  /// 0 to 1.
  var recency: Float = 0
  var importance: Float = 0
}

/// How much each part of a score counts.
package struct Weights: Sendable, Equatable {
  package var semantic: Float = 0.7
  package var exact: Float = 0.3
  package var recency: Float = 0
  package var importance: Float = 0

  package init() {}
}

/// One result, best first.
package struct RankedItem: Sendable {
  package let item: Int64
  package let score: Float
  package let parts: Parts

  package struct Parts: Sendable {
    package var cosine: Float = 0
    package var bm25: Float = 0
    package var semanticZ: Float = 0
    package var exactZ: Float = 0
    package var recency: Float = 0
    package var importance: Float = 0
    package var semanticRank = 0
    package var exactRank = 0
  }
}

/// Fusion by standardised scores: each part is brought to mean 0 and deviation 1 over the candidates and added
/// with its weight. Keeps how much better one candidate is than the next, which reciprocal ranks throw away.
enum Fusion {
  static func rank(_ candidates: [Candidate], weights: Weights, limit: Int) -> [RankedItem] {
    let cosines = Standardiser(candidates.lazy.compactMap(\.cosine))
    let words = Standardiser(candidates.lazy.map(\.bm25))
    let ranked = candidates.map { candidate in
      let parts = RankedItem.Parts(
        cosine: candidate.cosine ?? 0, bm25: candidate.bm25,
        semanticZ: candidate.cosine.map(cosines.standardise) ?? 0,
        exactZ: words.standardise(candidate.bm25), recency: candidate.recency,
        importance: candidate.importance, semanticRank: candidate.semanticRank,
        exactRank: candidate.exactRank)
      let score =
        weights.semantic * parts.semanticZ + weights.exact * parts.exactZ
        + weights.recency * parts.recency + weights.importance * parts.importance
      return RankedItem(item: candidate.item, score: score, parts: parts)
    }
    // Equal scores: the newer item first, so that the order never depends on how candidates were found.
    return Array(ranked.sorted { ($0.score, $0.item) > ($1.score, $1.item) }.prefix(limit))
  }
}

/// Brings values to mean 0 and deviation 1; all equal values become 0.
struct Standardiser {
  private let mean: Double
  private let deviation: Double

  init(_ values: some Sequence<Float>) {
    var count = 0.0
    var sum = 0.0
    var squares = 0.0
    for value in values {
      count += 1
      sum += Double(value)
      squares += Double(value) * Double(value)
    }
    mean = count > 0 ? sum / count : 0
    deviation = count > 0 ? max(0, squares / count - mean * mean).squareRoot() : 0
  }

  func standardise(_ value: Float) -> Float {
    deviation > 1e-9 ? Float((Double(value) - mean) / deviation) : 0
  }
}
