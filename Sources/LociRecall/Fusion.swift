/// What is known of one candidate before ranking.
struct Candidate {
  let item: Int64
  /// Cosine with the query, -1 to 1; `nil` while the item has no vector.
  var cosine: Float?
  /// 0 when no word of the query is in it.
  var bm25: Float = 0
  var semanticRank = 0
  var exactRank = 0
  /// 0 to 1, each.
  var recency: Float = 0
  var importance: Float = 0
  var access: Float = 0
  var type: Float = 0
  var trust: Float = 0
  /// Added to the score: how much more its recall helped than another's.
  var learned: Float = 0
  /// Of a turn in a conversation.
  var passage: PassageScores?
  var cues = CueScores()
  /// What its cues came to where it was ranked before.
  var rankedCues: Float?

  init(item: Int64, cosine: Float? = nil, semanticRank: Int = 0) {
    self.item = item
    self.cosine = cosine
    self.semanticRank = semanticRank
  }
}

/// What a question says beside its subject, and how far a turn answers to it.
struct CueScores: Sendable {
  /// 1 when the question is about one person and this one spoke.
  var speaker: Float = 0
  /// Share of the question's date that the turn's day fits: 0 to 1.
  var date: Float = 0
  /// 1 when the question asks when, and the turn says when.
  var time: Float = 0
  /// 1 when the question asks how many, and the turn has a number.
  var count: Float = 0
  /// 1 when the turn itself asks: it seldom answers.
  var question: Float = 0
  /// 1 when the turn's writer speaks of themselves.
  var firstPerson: Float = 0

  init() {}

  init(_ turn: Turn, _ reading: QueryReading) {
    let cues = TextCues(of: turn.text)
    speaker = reading.isAbout(turn.speaker) ? 1 : 0
    date = reading.dates.fit(turn.createdAt)
    time = reading.cues.contains(.asksWhen) && cues.contains(.time) ? 1 : 0
    count = reading.cues.contains(.asksCount) && cues.contains(.number) ? 1 : 0
    question = cues.contains(.question) ? 1 : 0
    firstPerson = cues.contains(.firstPerson) ? 1 : 0
  }

  /// Fitted together with `Weights.chosen`.
  var sum: Float {
    0.61 * speaker + 2.86 * date + 1.06 * time + 0.68 * count - 0.49 * question + 0.54 * firstPerson
  }
}

/// One result, best first.
package struct RankedItem: Sendable {
  package let item: Int64
  package var score: Float
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
    package var access: Float = 0
    package var type: Float = 0
    package var trust: Float = 0
    package var windowCosine: Float = 0
    package var windowBM25Narrow: Float = 0
    package var windowBM25Wide: Float = 0
    package var coverage: Float = 0
    package var speaker: Float = 0
    package var date: Float = 0
    package var cues: Float = 0
    package var learned: Float = 0
    package var weights = Weights()
  }
}

/// Fusion by standardised scores: each part is brought to mean 0 and deviation 1 over the candidates and added
/// with its weight. Keeps how much better one candidate is than the next, which reciprocal ranks throw away.
enum Fusion {
  static func rank(_ candidates: [Candidate], weights: Weights, limit: Int) -> [RankedItem] {
    let cosines = Standardiser(candidates.lazy.compactMap(\.cosine))
    let words = Standardiser(candidates.lazy.map(\.bm25))
    let windows = WindowStandardisers(candidates, isWordsOnly: weights.semantic == 0)
    let ranked = candidates.map { candidate in
      var parts = RankedItem.Parts(
        cosine: candidate.cosine ?? 0, bm25: candidate.bm25,
        semanticZ: candidate.cosine.map(cosines.standardise) ?? 0,
        exactZ: words.standardise(candidate.bm25), recency: candidate.recency,
        importance: candidate.importance, semanticRank: candidate.semanticRank,
        exactRank: candidate.exactRank, access: candidate.access, type: candidate.type,
        trust: candidate.trust, weights: weights)
      parts.learned = candidate.learned
      if let windows, let passage = candidate.passage { windows.add(passage, candidate.cues, to: &parts) }
      if let cues = candidate.rankedCues { parts.cues = cues }
      let facts =
        weights.recency * parts.recency + weights.importance * parts.importance
        + weights.access * parts.access + weights.type * parts.type + weights.trust * parts.trust
      let score =
        weights.semantic * parts.semanticZ + weights.exact * parts.exactZ + weights.cues * parts.cues + facts
        + parts.learned
      return RankedItem(item: candidate.item, score: score, parts: parts)
    }
    // Equal scores: the newer item first, so that the order never depends on how candidates were found.
    return Array(ranked.sorted { ($0.score, $0.item) > ($1.score, $1.item) }.prefix(limit))
  }
}

/// Granularities of a conversation, each standardised by itself and then mixed in fixed shares.
private struct WindowStandardisers {
  private let narrow: Standardiser
  private let wide: Standardiser
  private let coverage: Standardiser
  private let cosine: Standardiser
  /// How far the windows and the cues count. Among a few turns every window holds most of them and tells them apart no
  /// more: then each turn counts by itself.
  private let share: Float
  /// How much of the words' part is the turn's own. Where there is no meaning to tell turns of a window apart, their own
  /// words do.
  private let own: Float

  private static let candidatesEnough: Float = 100

  /// `nil` when no candidate stands in a conversation.
  init?(_ candidates: [Candidate], isWordsOnly: Bool) {
    let passages = candidates.compactMap(\.passage)
    guard !passages.isEmpty else { return nil }
    share = min(1, (Float(candidates.count) / Self.candidatesEnough).squareRoot())
    own = max(1 - share, isWordsOnly ? 1 / 3 : 0)
    narrow = Standardiser(passages.lazy.map(\.narrow))
    wide = Standardiser(passages.lazy.map(\.wide))
    coverage = Standardiser(passages.lazy.map(\.coverage))
    cosine = Standardiser(passages.lazy.compactMap(\.windowCosine))
  }

  func add(_ passage: PassageScores, _ cues: CueScores, to parts: inout RankedItem.Parts) {
    parts.windowBM25Narrow = passage.narrow
    parts.windowBM25Wide = passage.wide
    parts.coverage = passage.coverage
    parts.windowCosine = passage.windowCosine ?? 0
    (parts.speaker, parts.date, parts.cues) = (cues.speaker, cues.date, share * cues.sum)
    let windowZ = passage.windowCosine.map(cosine.standardise) ?? 0
    parts.semanticZ = (1 - 0.52 * share) * parts.semanticZ + 0.52 * share * windowZ
    let around =
      0.42 * narrow.standardise(passage.narrow) + 0.49 * wide.standardise(passage.wide)
      + 0.09 * coverage.standardise(passage.coverage)
    parts.exactZ = own * parts.exactZ + (1 - own) * around
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
