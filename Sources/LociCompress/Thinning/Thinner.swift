/// Thins texts word by word to a budget of tokens, without knowing what will be asked.
///
/// Each text is kept; how much of it is left depends on its words. A word's worth is how likely it is that somebody
/// asks for it (``WordLikelihood``), less when the session has said it before; words are taken by worth for their
/// tokens until the budget is spent. Numbers, dates, identifiers, names and negations are taken first. When no word of
/// substance is left out, what remains of the budget restores whole texts, the best first.
package struct Thinner {
  private let likelihood = WordLikelihood()
  private var meter: TokenMeter
  /// A word that its session has had is worth this much of a new one.
  private static let repeatWorth: Float = 0.6
  /// Worth is divided by tokens to this power: long words are dear, but mostly rare ones.
  private static let costPower: Float = 0.6

  package init(meter: TokenMeter) { self.meter = meter }

  private struct Candidate {
    var text: Int
    var word: Int
    var tokens: Int
    var worth: Float
  }

  /// - Parameters:
  ///   - texts: in the order of time.
  ///   - budget: tokens of the result, speakers and times included. What is pinned is kept even when that is more.
  package mutating func thin(_ texts: [SourceText], budget: Int) throws -> CompressedText {
    try thin(texts, budget: budget, cuts: [:])
  }

  /// - Parameter cuts: texts, by their place, that were shortened already and are kept as they are.
  mutating func thin(
    _ texts: [SourceText], budget: Int, cuts: [Int: OutputCutter.Cut]
  ) throws -> CompressedText {
    var draft = try ThinningDraft(texts, cuts: cuts, meter: &meter)
    let ranked = try rank(texts, &draft)
    let candidates = ranked.sorted { left, right in
      (left.worth, -left.text, -left.word) > (right.worth, -right.text, -right.word)
    }
    // Which lines need to say who speaks is known when it is known which are empty: what was too much comes off.
    var reserve = 0
    while true {
      draft.begin(room: budget - draft.fixedTokens - reserve)
      var isEverythingIn = true
      for one in candidates where !draft.take(one.word, of: one.text, tokens: one.tokens) {
        isEverythingIn = false
      }
      if isEverythingIn { draft.restore() }
      let text = try draft.finish(meter: meter)
      let excess = text.tokensAfter - budget
      if excess <= 0 || reserve >= max(0, budget - draft.fixedTokens) { return text }
      reserve += excess
    }
  }

  private mutating func rank(_ texts: [SourceText], _ draft: inout ThinningDraft) throws -> [Candidate] {
    let counts = draft.textCounts()
    var inSession: Set<WordKey> = []
    var followsQuestion = false
    var candidates: [Candidate] = []
    for (index, text) in texts.enumerated() {
      if draft.beginsSession(index) {
        inSession.removeAll(keepingCapacity: true)
        followsQuestion = false
      }
      let scan = draft.scans[index]
      if !draft.isSettled(index) {
        let repeated = Self.repeated(scan)
        var seen: Set<WordKey> = []
        for (number, word) in scan.words.enumerated() {
          let isNegation = word.traits.contains(.negation)
          guard isNegation || (!word.traits.contains(.function) && seen.insert(word.key).inserted) else {
            continue
          }
          let isOld = inSession.contains(word.key)
          let around = WordLikelihood.Surroundings(
            textCount: counts[word.key] ?? 1, isInSessionBefore: isOld,
            isRepeatedInText: repeated.contains(word.key), fillerShare: scan.fillerShare,
            followsQuestion: followsQuestion)
          let logit = likelihood.logit(word, scan.sentences[word.sentence], around) + text.emphasis
          let tokens = try meter.countWord(draft.written(word, of: index))
          var worth = probability(logit)
          if isOld { worth *= Self.repeatWorth }
          // Above 1: before every word that is merely likely.
          if isNegation || word.isArtifact { worth = 2 + worth }
          candidates.append(
            Candidate(text: index, word: number, tokens: tokens, worth: worth / Self.price(tokens)))
          draft.addScore(worth, to: index)
        }
      }
      for word in scan.words { inSession.insert(word.key) }
      followsQuestion = scan.endsWithQuestion
    }
    return candidates
  }

  private static func repeated(_ scan: ScannedText) -> Set<WordKey> {
    var once: Set<WordKey> = []
    var twice: Set<WordKey> = []
    for word in scan.words where !word.traits.contains(.aside) && !once.insert(word.key).inserted {
      twice.insert(word.key)
    }
    return twice
  }

  private static func price(_ tokens: Int) -> Float { exponential(costPower * logarithm(tokens)) }
}

/// 1 / (1 + e^-x).
func probability(_ logit: Float) -> Float { 1 / (1 + exponential(-logit)) }

/// e^x by squaring (1 + x / 4096): within 0.3 % for |x| < 5, monotonic, and the same on every machine, which no
/// library's `exp` promises.
func exponential(_ x: Float) -> Float {
  var value = 1 + max(-40, min(40, x)) / 4_096
  for _ in 0..<12 { value *= value }
  return value
}
