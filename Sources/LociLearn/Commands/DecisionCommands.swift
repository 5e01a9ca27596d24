package import LociCore
package import LociProto
package import LociStore

/// Remembers a decision that `Recommender` made. What it drew is in it, so that nothing is drawn again.
package struct RememberDecision: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let decision: V1.Decision
  private let answer: V1.RecommendStrategyResponse

  package init(
    _ decision: V1.Decision, answer: V1.RecommendStrategyResponse, scope: Scope, key: RequestKey?
  ) {
    self.scope = scope
    requestKey = key
    self.decision = decision
    self.answer = answer
    costBytes = 2_048 + decision.strategies.count * 160
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.RecommendStrategyResponse> {
    var decision = decision
    decision.madeAtUs = transaction.at.microseconds
    return Decision(
      events: [.decisionMade(LogV1.DecisionMade(decision: decision.encoded()))], answer: answer)
  }
}

package struct ReportOutcome: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 1_024
  private let request: V1.ReportOutcomeRequest

  package init(
    _ request: V1.ReportOutcomeRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    self.request = request
    try Validate.name(request.decisionID, field: "decision_id")
    try LearnChecks.finite(request.reward, field: "reward", in: 0...1)
    try LearnChecks.notNegative(request.cost, field: "cost")
    try LearnChecks.duration(request.durationMs, field: "duration_ms")
    try Validate.optionalName(request.usedStrategy, field: "used_strategy")
    try Validate.optionalName(request.rater, field: "rater")
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.ReportOutcomeResponse> {
    let decision = try DecisionQueries.find(request.decisionID, scope: scope, in: transaction.db)
    guard let decision else { throw LociError.notFound(.decision, id: request.decisionID) }
    guard !decision.hasOutcome else {
      throw LociError.failedPrecondition("decision \(request.decisionID) has its outcome already")
    }
    let event = LogV1.OutcomeReported(
      decisionID: request.decisionID, reward: request.reward, cost: request.cost,
      durationMs: request.durationMs, usedStrategy: request.usedStrategy, rater: request.rater)
    return Decision(events: [.outcomeReported(event)], answer: V1.ReportOutcomeResponse())
  }
}
