/// What is known of the strategies for one kind of task: a linear bandit over named arms, learned from rewards in the
/// order in which they came. Rewards of raters who contradict all others count less.
///
/// A function of the rewards alone: weights are set anew, and everything is learned again with them, whenever the
/// number of rewards has grown by a fifth, which costs a constant factor.
package struct StrategyPolicy: Sendable {
  package struct Sample: Sendable {
    package let strategy: String
    /// Shape (dimension,).
    package let context: [Float]
    /// 0 to 1.
    package let reward: Double
    /// Empty: the system, which is trusted.
    package let rater: String

    package init(strategy: String, context: [Float], reward: Double, rater: String = "") {
      self.strategy = strategy
      self.context = context
      self.reward = reward
      self.rater = rater
    }
  }

  /// Prior mean of a reward; the bandit learns the difference from it.
  package static let priorMean = 0.5
  /// Standard deviation that a reward in 0…1 has at most: scales the bandit's deviations.
  package static let noise = 0.5

  package let halfLife: Double
  private var bandit: LinearBandit
  private var arms: [String: Int] = [:]
  private var history: [Sample] = []
  private var weights: [String: Double] = [:]
  private var nextReview = 40

  /// - Parameters:
  ///   - dimension: numbers of a context.
  ///   - halfLife: outcomes after which one counts half; 0: all count for ever.
  package init(dimension: Int, halfLife: Double = 0) {
    self.halfLife = halfLife
    bandit = LinearBandit(Self.configuration(dimension, halfLife), arms: 0)
  }

  private static func configuration(_ dimension: Int, _ halfLife: Double) -> LinearBandit.Configuration {
    var configuration = LinearBandit.Configuration(dimension: dimension)
    configuration.discount = halfLife > 0 ? Normal.halving(halfLife) : 1
    return configuration
  }

  package var sampleCount: Int { history.count }
  package var strategies: [String] { arms.keys.sorted() }

  package func samples(of strategy: String) -> Int { arms[strategy].map { bandit.samples(of: $0) } ?? 0 }

  /// 1 when nothing speaks against the rater.
  package func weight(of rater: String) -> Double { weights[rater] ?? 1 }

  package mutating func learn(_ sample: Sample) {
    guard sample.context.count == bandit.configuration.dimension else { return }
    history.append(sample)
    if history.count >= nextReview {
      nextReview = history.count + max(1, history.count / 5)
      if review() { return }
    }
    update(with: sample)
  }

  private mutating func update(with sample: Sample) {
    let arm =
      arms[sample.strategy]
      ?? {
        bandit.addArm()
        arms[sample.strategy] = bandit.armCount - 1
        return bandit.armCount - 1
      }()
    bandit.update(
      arm: arm, context: sample.context.map(Double.init), reward: sample.reward - Self.priorMean,
      weight: weight(of: sample.rater))
  }

  /// Sets the raters' weights anew; when one moved, learns everything again. Returns whether it did.
  private mutating func review() -> Bool {
    let raters = Array(Set(history.map(\.rater)).subtracting([""])).sorted()
    guard raters.count > 2 else { return false }
    let raterNumbers = Dictionary(uniqueKeysWithValues: raters.enumerated().map { ($1, $0) })
    let strategies = Array(Set(history.map(\.strategy))).sorted()
    let items = Dictionary(uniqueKeysWithValues: strategies.enumerated().map { ($1, $0) })
    let judgements = history.compactMap { sample -> RaterReliability.Judgement? in
      guard let rater = raterNumbers[sample.rater], let item = items[sample.strategy] else { return nil }
      return RaterReliability.Judgement(rater: rater, item: item, value: sample.reward)
    }
    let reports = RaterReliability.reports(judgements, raters: raters.count, items: strategies.count)
    var next: [String: Double] = [:]
    for (rater, report) in zip(raters, reports) where report.weight < 1 { next[rater] = report.weight }
    guard next != weights else { return false }
    weights = next
    bandit = LinearBandit(bandit.configuration, arms: 0)
    arms = [:]
    for sample in history { update(with: sample) }
    return true
  }

  /// Expected reward of each strategy, with the deviation of the estimate. An unknown one has the prior's.
  package mutating func estimates(
    _ context: [Float], of strategies: [String]
  ) -> [LinearBandit.ArmEstimate] {
    let context = context.map(Double.init)
    let known = bandit.armCount > 0 ? bandit.estimates(context) : []
    let length = context.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let unknown = length / bandit.configuration.ridge.squareRoot()
    return strategies.map { strategy in
      guard let arm = arms[strategy] else {
        return LinearBandit.ArmEstimate(mean: Self.priorMean, deviation: Self.noise * unknown)
      }
      return LinearBandit.ArmEstimate(
        mean: Self.priorMean + known[arm].mean, deviation: Self.noise * known[arm].deviation)
    }
  }
}
