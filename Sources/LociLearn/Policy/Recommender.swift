package import LociCore
package import LociProto

/// A request for a recommendation, checked.
package struct RecommendationRequest: Sendable {
  package let task: V1.Task
  package let options: [V1.StrategyOption]
  package let choice: ArmChoice
  package let epsilon: Double
  package let costWeight: Double
  package let halfLife: Double

  /// Width of LinUCB's bounds, in deviations of the estimate.
  private static let boundWidth = 1.96

  /// - Throws: `LociError.invalid` naming the field.
  package init(_ request: V1.RecommendStrategyRequest) throws(LociError) {
    task = try LearnChecks.task(request.task, field: "task")
    if !request.strategies.isEmpty {
      try Validate.count(
        request.strategies.count, field: "strategies", in: 2...LearnLimits.strategiesMax)
    }
    for option in request.strategies {
      try Validate.name(option.strategy, field: "strategies.strategy")
      try LearnChecks.notNegative(option.cost, field: "strategies.cost")
    }
    try LearnChecks.noRepeats(request.strategies.map(\.strategy), field: "strategies.strategy")
    options = request.strategies
    switch request.exploration {
    case .unspecified, .thompson: choice = .thompson(scale: 1)
    case .ucb: choice = .upperBound(width: Self.boundWidth)
    case .none: choice = .greedy
    default: throw .invalid(field: "exploration", problem: "is not a way to explore")
    }
    epsilon = request.epsilon ?? 0.05
    try LearnChecks.finite(epsilon, field: "epsilon", in: 0...1)
    costWeight = request.costWeight
    try LearnChecks.notNegative(costWeight, field: "cost_weight")
    halfLife = request.halfLifeDecisions
    guard halfLife == 0 || (halfLife.isFinite && halfLife >= 1) else {
      throw .invalid(field: "half_life_decisions", problem: "is \(halfLife), must be 0 or at least 1")
    }
  }
}

/// Ranks strategies for a task, and chooses one.
package struct Recommender: Sendable {
  /// A recommendation, and the decision to remember.
  package struct Outcome: Sendable {
    package var answer: V1.RecommendStrategyResponse
    package var decision: V1.Decision
  }

  package let request: RecommendationRequest
  package let policy: StrategyPolicy
  package let similar: SimilarExperiences

  package init(_ request: RecommendationRequest, policy: StrategyPolicy, similar: SimilarExperiences) {
    self.request = request
    self.policy = policy
    self.similar = similar
  }

  /// - Parameters:
  ///   - id: of the decision.
  ///   - seed: decides the draw.
  /// - Throws: `failedPrecondition` when no strategy is named and none is known.
  package func recommend(id: String, seed: UInt64) throws(LociError) -> Outcome {
    let options =
      request.options.isEmpty
      ? policy.strategies.map { V1.StrategyOption(strategy: $0) } : request.options
    guard !options.isEmpty else {
      throw .failedPrecondition(
        "no strategy is named, and no experience of tasks of kind '\(request.task.kind)' names one")
    }
    var policy = policy
    let context = TaskContext.encode(request.task)
    let names = options.map(\.strategy)
    let estimates = policy.estimates(context, of: names)
    // What is chosen by: reward less what it costs.
    let net = zip(estimates, options).map {
      LinearBandit.ArmEstimate(
        mean: $0.mean - request.costWeight * $1.cost, deviation: $0.deviation)
    }
    let propensities = request.choice.propensities(net).mixed(epsilon: request.epsilon)
    var generator = SeededGenerator(seed: seed)
    let chosen = propensities.draw(using: &generator)
    let hasExperience = names.contains { policy.samples(of: $0) > 0 }
    let ranking = ranking(options, estimates, net, propensities, policy)
    let decision = V1.Decision(
      id: id, task: request.task, strategies: names, propensities: propensities, chosen: names[chosen],
      context: context, halfLifeDecisions: request.halfLife, contextEncoding: TaskContext.encoding)
    let answer = V1.RecommendStrategyResponse(
      decisionID: id, chosen: names[chosen], ranking: ranking,
      evidence: Array(similar.matches.prefix(10)),
      informative: informative(names, net, ranking), hasExperience: hasExperience,
      reason: reason(ranking, chosen: names[chosen], hasExperience))
    return Outcome(answer: answer, decision: decision)
  }

  private func ranking(
    _ options: [V1.StrategyOption], _ estimates: [LinearBandit.ArmEstimate],
    _ net: [LinearBandit.ArmEstimate], _ propensities: [Double], _ policy: StrategyPolicy
  ) -> [V1.RankedStrategy] {
    let records = Dictionary(
      similar.strategies.map { ($0.strategy, $0) }, uniquingKeysWith: { first, _ in first })
    let order = options.indices.sorted {
      net[$0].mean != net[$1].mean ? net[$0].mean > net[$1].mean : $0 < $1
    }
    return order.map { index in
      let name = options[index].strategy
      let samples = policy.samples(of: name)
      let half = 1.96 * estimates[index].deviation
      let reward = Interval(
        value: min(1, max(0, estimates[index].mean)), low: max(0, estimates[index].mean - half),
        high: min(1, estimates[index].mean + half), samples: samples)
      return V1.RankedStrategy(
        strategy: name, reward: V1.Estimate(reward),
        success: records[name]?.success ?? V1.Estimate(.wilson(successes: 0, trials: 0)),
        samples: UInt64(samples), cost: options[index].cost, propensity: propensities[index])
    }
  }

  /// The strategy other than the first that is likeliest to be the best after all.
  private func informative(
    _ names: [String], _ net: [LinearBandit.ArmEstimate], _ ranking: [V1.RankedStrategy]
  ) -> String {
    let chances = ArmChoice.thompson(scale: 1).propensities(net)
    let candidates = zip(names, chances).filter { $0.0 != ranking.first?.strategy }
    guard let best = candidates.max(by: { $0.1 < $1.1 }), best.1 > 0.01 else { return "" }
    return best.0
  }

  private func reason(_ ranking: [V1.RankedStrategy], chosen: String, _ hasExperience: Bool) -> String {
    guard hasExperience, let first = ranking.first else {
      return "No experience with these strategies for tasks of this kind: the choice is a guess."
    }
    let samples = ranking.reduce(0) { $0 + $1.samples }
    let basis = "\(samples) outcomes and \(similar.matches.count) similar experiences"
    return chosen == first.strategy
      ? "'\(chosen)' has the best expectation by \(basis)."
      : "'\(chosen)' is tried to learn more; '\(first.strategy)' has the best expectation by \(basis)."
  }
}
