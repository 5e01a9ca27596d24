package import LociProto

/// The bandit's greedy policy against choosing blindly, both by the doubly robust estimate on later decisions.
package struct ReinforcementLearner: Learner {
  package let name = "reinforcement"

  package init() {}

  package func reports(_ data: LearningData) -> [V1.LearnerReport] {
    let kinds = Dictionary(grouping: data.decisions) { $0.task?.kind ?? "" }
    return kinds.sorted { $0.key < $1.key }.compactMap { kind, decisions in report(kind, decisions) }
  }

  private func report(_ kind: String, _ decisions: [V1.Decision]) -> V1.LearnerReport? {
    guard let (training, test) = HeldOut.split(decisions) else { return nil }
    var policy = Replay.policy(learnedFrom: training)
    let greedy = Replay.log(test, &policy) { estimates in
      ArmChoice.greedy.propensities(estimates)
    }
    let blind = Replay.log(test, &policy) { estimates in
      [Double](repeating: 1 / Double(estimates.count), count: estimates.count)
    }
    guard greedy.count > 1 else { return nil }
    return V1.LearnerReport(
      learner: name, kind: kind, trained: training.count, tested: greedy.count, measure: "reward",
      baseline: OffPolicy.doublyRobust(blind), learned: OffPolicy.doublyRobust(greedy),
      gain: OffPolicy.gain(greedy, over: blind),
      what: "the best expected strategy against any, doubly robust on \(greedy.count) later decisions")
  }
}

/// Logged decisions under another policy.
package enum Replay {
  package static func policy(learnedFrom decisions: some Sequence<V1.Decision>) -> StrategyPolicy {
    var policy = StrategyPolicy(dimension: TaskContext.dimension)
    for decision in decisions {
      policy.learn(
        StrategyPolicy.Sample(
          strategy: decision.chosen, context: decision.context, reward: decision.reward,
          rater: decision.rater))
    }
    return policy
  }

  /// - Parameter chances: of each strategy of a decision, by their estimates.
  package static func log(
    _ decisions: some Sequence<V1.Decision>, _ policy: inout StrategyPolicy,
    _ chances: ([LinearBandit.ArmEstimate]) -> [Double]
  ) -> [OffPolicy.Logged] {
    decisions.compactMap { decision in
      guard let taken = decision.strategies.firstIndex(of: decision.chosen),
        decision.propensities.count == decision.strategies.count, decision.propensities[taken] > 0,
        decision.context.count == TaskContext.dimension
      else { return nil }
      let estimates = policy.estimates(decision.context, of: decision.strategies)
      let judged = chances(estimates)
      return OffPolicy.Logged(
        reward: decision.reward, logged: decision.propensities[taken], judged: judged[taken],
        modelOfTaken: estimates[taken].mean,
        modelOfPolicy: zip(judged, estimates).reduce(0) { $0 + $1.0 * $1.1.mean })
    }
  }
}
