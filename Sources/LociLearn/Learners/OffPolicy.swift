/// What a policy would have earned on logged decisions of another one.
package enum OffPolicy {
  /// One logged decision, with what the policy under judgement would have done.
  package struct Logged: Sendable {
    /// Reward of the arm that was taken.
    package let reward: Double
    /// Chance, above 0, that the logging policy took it, and the chance that the judged one would.
    package let logged: Double
    package let judged: Double
    /// What a model expects of the arm that was taken, and of the judged policy's choice on average.
    package let modelOfTaken: Double
    package let modelOfPolicy: Double

    package init(
      reward: Double, logged: Double, judged: Double, modelOfTaken: Double = 0, modelOfPolicy: Double = 0
    ) {
      self.reward = reward
      self.logged = logged
      self.judged = judged
      self.modelOfTaken = modelOfTaken
      self.modelOfPolicy = modelOfPolicy
    }
  }

  /// Inverse-propensity estimate (Horvitz and Thompson 1952): mean of w·r, w = judged / logged. Unbiased.
  package static func inversePropensity(_ log: [Logged], confidence: Double = 0.95) -> Interval {
    Interval.mean(log.map { $0.judged / $0.logged * $0.reward }, confidence: confidence)
  }

  /// Self-normalised: Σ w·r / Σ w, with the delta-method interval. A little biased, of much less variance.
  package static func selfNormalised(_ log: [Logged], confidence: Double = 0.95) -> Interval {
    let weights = log.map { $0.judged / $0.logged }
    let total = weights.reduce(0, +)
    guard total > 0, log.count > 1 else { return .unknown }
    let value = zip(log, weights).reduce(0) { $0 + $1.1 * $1.0.reward } / total
    let squares = zip(log, weights).reduce(0) { sum, pair in
      let residual = pair.1 * (pair.0.reward - value)
      return sum + residual * residual
    }
    let half = Normal.quantile(0.5 + confidence / 2) * squares.squareRoot() / total
    return Interval(value: value, low: value - half, high: value + half, samples: log.count)
  }

  /// Doubly robust (Dudík et al. 2011): right when either the propensities or the model are. The model must not have
  /// seen these decisions.
  package static func doublyRobust(_ log: [Logged], confidence: Double = 0.95) -> Interval {
    Interval.mean(doublyRobustTerms(log), confidence: confidence)
  }

  /// Doubly robust gain over what was logged, from the differences decision by decision.
  package static func gain(_ log: [Logged], confidence: Double = 0.95) -> Interval {
    Interval.mean(
      zip(doublyRobustTerms(log), log).map { $0 - $1.reward }, confidence: confidence)
  }

  /// Doubly robust gain of one policy over another on the same decisions.
  package static func gain(
    _ log: [Logged], over other: [Logged], confidence: Double = 0.95
  ) -> Interval {
    Interval.mean(
      zip(doublyRobustTerms(log), doublyRobustTerms(other)).map { $0 - $1 }, confidence: confidence)
  }

  private static func doublyRobustTerms(_ log: [Logged]) -> [Double] {
    log.map { $0.modelOfPolicy + $0.judged / $0.logged * ($0.reward - $0.modelOfTaken) }
  }
}
