/// Shrinks texts by a strategy to a budget, and measures what is left.
package struct Compressor {
  package enum Strategy: Int32, Sendable, CaseIterable {
    case adaptive = 1, semantic, hierarchical, structural
  }

  package struct Target: Sendable {
    /// Of the tokens of the input, more than 0, at most 1.
    package var ratio: Double = 0.3
    /// Instead of `ratio`.
    package var tokenBudget: Int?
    package var strategy = Strategy.adaptive
    /// When given, a text of a higher score than the others is thinned less.
    package var weights: ImportanceEvaluator.Weights?
    /// How much each text has to do with a question, whatever the strategy: the best are kept whole. `nil`: nobody
    /// asked yet.
    package var relevance: [Float]?
    /// The least `Retention.overall`; 0: none.
    package var retentionFloor: Float = 0
    package init() {}
  }

  package struct Result: Sendable {
    package var text: CompressedText
    package var retention: Retention
    /// More tokens were used than asked for, to keep the floor.
    package var isFloorRaised: Bool
  }

  private let meter: TokenMeter

  package init(meter: TokenMeter) { self.meter = meter }

  /// How much more of the input is kept in each step towards the floor.
  private static let floorStep = 0.05

  /// - Parameter texts: in the order of time. The same texts and target give the same result.
  package func compress(_ texts: [SourceText], _ target: Target) throws -> Result {
    let probe = RetentionProbe(texts)
    let texts = target.weights.map { Self.weighted(texts, $0) } ?? texts
    let whole = try tokens(texts)
    let asked = target.tokenBudget ?? Int(Double(whole) * target.ratio)
    var budget = asked
    var selection = try target.relevance.map { _ in try Selection(texts, meter: meter) }
    while true {
      let (text, retention) = try best(texts, budget: budget, target, &selection, probe)
      if retention.overall >= target.retentionFloor || budget >= whole {
        return Result(text: text, retention: retention, isFloorRaised: budget > asked)
      }
      budget = min(whole, budget + max(1, Int(Double(whole) * Self.floorStep)))
    }
  }

  /// Log odds for a score of 1 above the mean.
  private static let scoreEmphasis: Float = 3

  private static func weighted(
    _ texts: [SourceText], _ weights: ImportanceEvaluator.Weights
  ) -> [SourceText] {
    let scores = ImportanceEvaluator(weights: weights).scores(texts).map(\.total)
    let mean = scores.reduce(0, +) / Float(max(1, scores.count))
    var weighted = texts
    for index in texts.indices { weighted[index].emphasis += scoreEmphasis * (scores[index] - mean) }
    return weighted
  }

  /// Of `adaptive`, the better by its probes: words of everything, or lines of outputs and words of the rest.
  private func best(
    _ texts: [SourceText], budget: Int, _ target: Target, _ selection: inout Selection?,
    _ probe: RetentionProbe
  ) throws -> (CompressedText, Retention) {
    if let relevance = target.relevance,
      let text = try selection?.text(relevance: relevance, budget: budget)
    {
      return (text, probe.measure(text.units))
    }
    guard target.strategy == .adaptive else {
      let text = try shrink(texts, budget: budget, target.strategy)
      return (text, probe.measure(text.units))
    }
    let words = try shrink(texts, budget: budget, .semantic)
    let kept = probe.measure(words.units)
    guard texts.contains(where: OutputWords.isOutput) else { return (words, kept) }
    let lines = try shrink(texts, budget: budget, .structural)
    let keptByLines = probe.measure(lines.units)
    let isBetter = lines.tokensAfter <= max(budget, words.tokensAfter) && keptByLines.overall > kept.overall
    return isBetter ? (lines, keptByLines) : (words, kept)
  }

  /// With speakers and times of sessions written out.
  private func tokens(_ texts: [SourceText]) throws -> Int {
    var meter = meter
    return try ThinningDraft(texts, cuts: [:], meter: &meter).totalBefore
  }

  private func shrink(_ texts: [SourceText], budget: Int, _ strategy: Strategy) throws -> CompressedText {
    var thinner = Thinner(meter: meter)
    switch strategy {
    case .semantic:
      return try thinner.thin(Redundancy.damped(texts), budget: budget)
    case .hierarchical:
      return try thinner.thin(try Tiers(meter: meter).applied(to: texts, budget: budget), budget: budget)
    case .structural, .adaptive:
      return try thinner.thin(
        Redundancy.damped(texts), budget: budget, cuts: try cuts(texts, budget: budget))
    }
  }

  /// Each of the outputs cut to its share of the budget.
  private func cuts(_ texts: [SourceText], budget: Int) throws -> [Int: OutputCutter.Cut] {
    var meter = meter
    let whole = max(1, try tokens(texts))
    let share = Double(budget) / Double(whole)
    var seen: Set<WordKey> = []
    var cuts: [Int: OutputCutter.Cut] = [:]
    for (index, text) in texts.enumerated() where !text.isPinned && OutputWords.isOutput(text) {
      // A little less than its share: times and speakers are not in it.
      let room = Int(Double(try meter.count(text.text)) * share * 0.95)
      cuts[index] = try OutputCutter.cut(text.text, budget: max(1, room), seen: &seen, meter: &meter)
    }
    return cuts
  }
}

/// Texts that say again what an earlier one said.
enum Redundancy {
  /// A text with at least this share of its words in one earlier text near by is thinned to little.
  private static let share: Float = 0.9
  private static let damping: Float = -2
  private static let wordsMin = 4
  private static let reach = 200

  static func damped(_ texts: [SourceText]) -> [SourceText] {
    var places: [WordKey: [Int]] = [:]
    var damped = texts
    for (index, text) in texts.enumerated() {
      let words = Set(
        TextScanner.scan(text.text).words.filter { !$0.traits.contains(.function) }.map(\.key))
      if words.count >= wordsMin {
        var shared: [Int: Int] = [:]
        for word in words {
          for place in (places[word] ?? []).reversed() {
            if index - place > reach { break }
            shared[place, default: 0] += 1
          }
        }
        if let most = shared.values.max(), Float(most) >= share * Float(words.count) {
          damped[index].emphasis += damping
        }
      }
      for word in words { places[word, default: []].append(index) }
    }
    return damped
  }
}

/// The newest texts as they are, older ones thinned the more the older they are.
struct Tiers {
  private var meter: TokenMeter
  /// Of the budget that the newest texts may take as they are.
  private static let recentShare = 0.35
  /// Log odds of the oldest third, the middle and the newer.
  private static let emphasis: [Float] = [-0.8, -0.2, 0.4]

  init(meter: TokenMeter) { self.meter = meter }

  func applied(to texts: [SourceText], budget: Int) throws -> [SourceText] {
    var tiered = texts
    var room = Int(Double(budget) * Self.recentShare)
    var oldest = texts.count
    while oldest > 0 {
      let tokens = try meter.count(texts[oldest - 1].text) + 2
      guard tokens <= room else { break }
      room -= tokens
      oldest -= 1
      tiered[oldest].isPinned = true
    }
    for index in 0..<oldest {
      tiered[index].emphasis += Self.emphasis[min(2, index * 3 / max(1, oldest))]
    }
    return tiered
  }
}
