import LociCore
import LociLearn
import LociProto
import LociRecall
import LociStore
import LociWire

/// Recommendation, cycles and adjustments on the wire: decode, call, encode.
struct LearningService: LearningServiceProvider {
  let node: NodeParts
  let policies: PolicyCache

  private static let exportBytes = 1 << 20

  // MARK: Decisions

  func recommendStrategy(
    _ request: V1.RecommendStrategyRequest, _ call: CallContext
  ) async throws -> V1.RecommendStrategyResponse {
    let scope = try request.checkedScope()
    let key = try request.requestKey()
    let recommendation = try RecommendationRequest(request)
    let search = try SimilarSearch(task: request.task)
    let found = try await node.similarExperiences(
      search, scope: scope, waitForIndex: false, consistency: request.consistency, call: call)
    let policies = policies
    let (policy, position) = try await node.read(scope, request.consistency) { db, position in
      let policy = try policies.policy(
        kind: recommendation.task.kind, halfLife: recommendation.halfLife, scope: scope, in: db)
      return (policy, position)
    }
    let recommender = Recommender(recommendation, policy: policy, similar: found.similar)
    var outcome = try recommender.recommend(id: node.ids.next(), seed: UInt64.random(in: 0 ... .max))
    guard !request.dryRun else {
      outcome.answer.decisionID = ""
      outcome.answer.position = position
      return outcome.answer
    }
    return try await node.write(
      RememberDecision(outcome.decision, answer: outcome.answer, scope: scope, key: key))
  }

  func reportOutcome(
    _ request: V1.ReportOutcomeRequest, _ call: CallContext
  ) async throws -> V1.ReportOutcomeResponse {
    let scope = try request.checkedScope()
    return try await node.write(try ReportOutcome(request, scope: scope, key: request.requestKey()))
  }

  func exportDecisions(
    _ request: V1.ExportDecisionsRequest, _ call: CallContext,
    _ responses: ResponseStream<V1.ExportDecisionsResponse>
  ) async throws {
    let scope = try request.checkedScope()
    var last: Int64 = 0
    while true {
      try call.checkCancellation()
      let after = last
      let chunk = try await node.read(scope, request.consistency) { db, _ in
        try DecisionQueries.export(
          after: after, kind: request.taskKind, bytesMax: Self.exportBytes, scope: scope, in: db)
      }
      guard let chunk else { return }
      try await responses.send(V1.ExportDecisionsResponse(decisions: chunk.decisions))
      last = chunk.last
    }
  }

  // MARK: Cycles

  func runLearningCycle(
    _ request: V1.RunLearningCycleRequest, _ call: CallContext
  ) async throws -> V1.RunLearningCycleResponse {
    let scope = try request.checkedScope()
    return try await node.runLearningCycle(of: scope, key: try request.requestKey())
  }

  func listLearningCycles(
    _ request: V1.ListLearningCyclesRequest, _ call: CallContext
  ) async throws -> V1.ListLearningCyclesResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try AdjustmentQueries.cycles(page: page, scope: scope, in: db)
      return V1.ListLearningCyclesResponse(cycles: found.cycles, page: found.page)
    }
  }

  // MARK: Adjustments

  func proposeAdjustment(
    _ request: V1.ProposeAdjustmentRequest, _ call: CallContext
  ) async throws -> V1.ProposeAdjustmentResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try ProposeAdjustment(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }

  func decideAdjustment(
    _ request: V1.DecideAdjustmentRequest, _ call: CallContext
  ) async throws -> V1.DecideAdjustmentResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DecideAdjustment(request, scope: scope, key: request.requestKey()))
  }

  func listAdjustments(
    _ request: V1.ListAdjustmentsRequest, _ call: CallContext
  ) async throws -> V1.ListAdjustmentsResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    try Validate.count(request.states.count, field: "states", in: 0...8)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try AdjustmentQueries.list(request.states, page: page, scope: scope, in: db)
      return V1.ListAdjustmentsResponse(adjustments: found.adjustments, page: found.page)
    }
  }

  func getTuning(_ request: V1.GetTuningRequest, _ call: CallContext) async throws -> V1.GetTuningResponse {
    let scope = try request.checkedScope()
    try Validate.name(request.unit, field: "unit")
    try Validate.optionalName(request.taskKind, field: "task_kind")
    return try await node.read(scope, request.consistency) { db, _ in
      Tuning.values(
        try AdjustmentQueries.all([.trial, .adopted], scope: scope, in: db), unit: request.unit,
        kind: request.taskKind)
    }
  }
}

extension NodeParts {
  /// Reads a snapshot, learns beside everything that callers wait for, and remembers what came of it.
  func runLearningCycle(
    of scope: Scope, key: RequestKey? = nil
  ) async throws -> V1.RunLearningCycleResponse {
    let (data, adjustments) = try await read(scope, nil) { db, _ in
      (
        try AdjustmentQueries.learningData(scope: scope, in: db),
        try AdjustmentQueries.all(scope: scope, in: db)
      )
    }
    let (id, now, ids) = (ids.next(), clock.now().microseconds, ids)
    let outcome = try await upkeep.run {
      CycleRunner().run(data, adjustments: adjustments, id: id, at: now, newID: { ids.next() })
    }
    return try await write(FinishCycle(outcome, before: adjustments, scope: scope, key: key))
  }
}
