import LociLearn
import Testing

@Suite struct ChoiceTests {
  @Test(arguments: [2, 5, 50]) func propensitiesAreTheFrequenciesOfChoices(arms: Int) {
    var generator = SeededGenerator(seed: UInt64(arms))
    let estimates = (0..<arms).map { _ in
      LinearBandit.ArmEstimate(mean: generator.uniform(), deviation: 0.02 + 0.5 * generator.uniform())
    }
    let choice = ArmChoice.thompson(scale: 0.7)
    let chances = choice.propensities(estimates)
    #expect(close(chances.reduce(0, +), 1, 1e-9))
    let draws = 60_000
    var counts = [Int](repeating: 0, count: arms)
    for _ in 0..<draws { counts[choice.choose(estimates, using: &generator)] += 1 }
    for (chance, count) in zip(chances, counts) {
      let deviation = (chance * (1 - chance) / Double(draws)).squareRoot()
      #expect(abs(Double(count) / Double(draws) - chance) < 4.5 * deviation + 2e-4)
    }
  }

  @Test func certainArmsHaveCertainChances() {
    let estimates = [
      LinearBandit.ArmEstimate(mean: 0.2, deviation: 0), LinearBandit.ArmEstimate(mean: 0.9, deviation: 0)
    ]
    #expect(ArmChoice.thompson(scale: 1).propensities(estimates)[1] > 0.999)
    #expect(ArmChoice.greedy.propensities(estimates) == [0, 1])
    #expect(ArmChoice.upperBound(width: 1).propensities(estimates) == [0, 1])
    #expect(zip([0.0, 1.0].mixed(epsilon: 0.1), [0.05, 0.95]).allSatisfy { close($0, $1, 1e-12) })
    #expect(ArmChoice.thompson(scale: 1).propensities([estimates[0]]) == [1])
  }

  /// Off-line estimates hold the true value of another policy at the stated rate.
  @Test func offlineEstimatesCover() {
    var generator = SeededGenerator(seed: 9)
    let (rounds, decisions) = (1_000, 400)
    var covered = (inverse: 0, selfNormalised: 0, robust: 0, badModel: 0, gain: 0)
    for _ in 0..<rounds {
      var log: [OffPolicy.Logged] = []
      var wrong: [OffPolicy.Logged] = []
      for _ in 0..<decisions {
        let x = generator.uniform()
        let logging = [0.5 - 0.3 * x, 0.3, 0.2 + 0.3 * x]
        let judged = [0.1, 0.1 + 0.8 * x, 0.8 - 0.8 * x]
        let means = [0.2 + 0.3 * x, 0.5, 0.8 - 0.5 * x]
        let arm = logging.draw(using: &generator)
        let reward = generator.uniform() < means[arm] ? 1.0 : 0
        let expected = zip(judged, means).reduce(0) { $0 + $1.0 * $1.1 }
        log.append(
          .init(
            reward: reward, logged: logging[arm], judged: judged[arm], modelOfTaken: means[arm],
            modelOfPolicy: expected))
        wrong.append(
          .init(
            reward: reward, logged: logging[arm], judged: judged[arm], modelOfTaken: 0.9,
            modelOfPolicy: 0.9))
      }
      // The value of the judged policy and of the logging one, by integrating over x.
      let truth = Self.integral { x in
        0.1 * (0.2 + 0.3 * x) + (0.1 + 0.8 * x) * 0.5 + (0.8 - 0.8 * x) * (0.8 - 0.5 * x)
      }
      let logged = Self.integral { x in
        (0.5 - 0.3 * x) * (0.2 + 0.3 * x) + 0.15 + (0.2 + 0.3 * x) * (0.8 - 0.5 * x)
      }
      func holds(_ interval: Interval, _ value: Double) -> Int {
        interval.low <= value && value <= interval.high ? 1 : 0
      }
      covered.inverse += holds(OffPolicy.inversePropensity(log), truth)
      covered.selfNormalised += holds(OffPolicy.selfNormalised(log), truth)
      covered.robust += holds(OffPolicy.doublyRobust(log), truth)
      covered.badModel += holds(OffPolicy.doublyRobust(wrong), truth)
      covered.gain += holds(OffPolicy.gain(log), truth - logged)
    }
    for count in [covered.inverse, covered.selfNormalised, covered.robust, covered.badModel, covered.gain] {
      #expect(abs(Double(count) / Double(rounds) - 0.95) < 0.025, "\(covered)")
    }
  }

  private static func integral(_ f: (Double) -> Double) -> Double {
    (0..<1_000).reduce(0) { $0 + f((Double($1) + 0.5) / 1_000) } / 1_000
  }

  @Test func aPoisonedRaterLosesWeight() {
    var generator = SeededGenerator(seed: 21)
    let (raters, items) = (20, 6)
    let truth = [0.1, 0.3, 0.5, 0.7, 0.8, 0.95]
    var judgements: [RaterReliability.Judgement] = []
    for rater in 0..<raters {
      for _ in 0..<40 {
        let item = Int(generator.next() % UInt64(items))
        let honest = generator.uniform() < truth[item] ? 1.0 : 0
        judgements.append(.init(rater: rater, item: item, value: rater < 2 ? 1 - honest : honest))
      }
    }
    let reports = RaterReliability.reports(judgements, raters: raters, items: items)
    #expect(reports[0..<2].allSatisfy { $0.weight < 0.3 }, "\(reports)")
    #expect(reports[2...].count { $0.weight > 0.8 } >= 16)
    #expect(RaterReliability.reports([], raters: 3, items: 1).allSatisfy { $0.weight == 1 })
  }
}
