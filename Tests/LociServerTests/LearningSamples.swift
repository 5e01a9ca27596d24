import LociProto

/// A full request of each unary RPC of feedback, experience and learning.
enum LearningSamples {
  private static let scope = V1.Scope(tenant: "t", agent: "a")
  private static let options = V1.WriteOptions(requestID: "request-1")
  private static let page = V1.Page(size: 5, token: "1.9")
  private static let attributes = [V1.Attribute(key: "k", value: "v"), V1.Attribute(key: "n", value: "2.5")]
  private static let task = V1.Task(text: "refund an order", kind: "refund", features: attributes)
  private static let target = V1.Target(kind: .strategy, id: "careful")

  static let all: [String: [UInt8]] = feedback.merging(experience) { $1 }.merging(learning) { $1 }

  private static let feedback: [String: [UInt8]] = [
    "GiveFeedback": V1.GiveFeedbackRequest(
      scope: scope,
      feedback: [
        V1.Feedback(
          kind: .rating, target: target, value: 4, scaleMin: 1, scaleMax: 5, text: "good", rater: "r",
          strategy: "careful", createdAtUs: 1 << 50, attributes: attributes),
        V1.Feedback(kind: .preference, target: target, otherTarget: V1.Target(kind: .strategy, id: "quick"))
      ], options: options
    ).encoded(),
    "ListFeedback": V1.ListFeedbackRequest(scope: scope, target: target, kinds: [.rating], page: page)
      .encoded(),
    "ReportMetrics": V1.ReportMetricsRequest(
      scope: scope,
      samples: [V1.MetricSample(name: "latency", value: 2, unit: "ms", direction: .lowerIsBetter)],
      options: options
    ).encoded(),
    "AnalyzeFeedback": V1.AnalyzeFeedbackRequest(
      scope: scope, grouping: .tool, created: V1.TimeRange(fromUs: 1), confidence: 0.9
    ).encoded()
  ]

  private static let experience: [String: [UInt8]] = [
    "RecordExperiences": V1.RecordExperiencesRequest(
      scope: scope,
      experiences: [
        V1.Experience(
          task: task, steps: ["look", "pay"], traceID: "0af7651916cd43dd8448eb211c80319c",
          strategy: "careful", success: true, reward: 0.75, cost: 2, durationMs: 30, memoryIDs: ["m"],
          note: "note", createdAtUs: 1 << 50, attributes: attributes)
      ], options: options
    ).encoded(),
    "GetExperience": V1.GetExperienceRequest(scope: scope, experienceID: "e").encoded(),
    "ListExperiences": V1.ListExperiencesRequest(
      scope: scope, taskKind: "refund", strategy: "careful", page: page
    ).encoded(),
    "DeleteExperiences": V1.DeleteExperiencesRequest(scope: scope, experienceIDs: ["e"], options: options)
      .encoded(),
    "FindSimilarExperiences": V1.FindSimilarExperiencesRequest(
      scope: scope, task: task, steps: ["look"], limit: 5, threshold: 0.5,
      weights: V1.SimilarityWeights(text: 0.5, features: 0.25, steps: 0.25)
    ).encoded(),
    "FindPatterns": V1.FindPatternsRequest(
      scope: scope, taskKind: "refund", supportMin: 0.25, lengthMax: 3, falseDiscoveryRate: 0.1,
      includeInsignificant: true, limit: 10
    ).encoded()
  ]

  private static let learning: [String: [UInt8]] = [
    "RecommendStrategy": V1.RecommendStrategyRequest(
      scope: scope, task: task,
      strategies: [V1.StrategyOption(strategy: "careful", cost: 1), V1.StrategyOption(strategy: "quick")],
      exploration: .ucb, epsilon: 0.25, costWeight: 0.125, halfLifeDecisions: 50, options: options
    ).encoded(),
    "ReportOutcome": V1.ReportOutcomeRequest(
      scope: scope, decisionID: "d", reward: 0.5, cost: 1, durationMs: 10, usedStrategy: "quick", rater: "r",
      options: options
    ).encoded(),
    "RunLearningCycle": V1.RunLearningCycleRequest(scope: scope, options: options).encoded(),
    "ListLearningCycles": V1.ListLearningCyclesRequest(scope: scope, page: page).encoded(),
    "ProposeAdjustment": V1.ProposeAdjustmentRequest(
      scope: scope,
      adjustment: V1.Adjustment(
        kind: .retrievalWeight, subject: "semantic", taskKind: "refund", valueBefore: 0.5, valueAfter: 0.75,
        hypothesis: "meaning matters", evidence: ["seen"],
        expectedGain: V1.Estimate(value: 0.5, low: 0.25, high: 0.75, samples: 9), trialShare: 0.5,
        outcomesMin: 9), startTrial: true, options: options
    ).encoded(),
    "DecideAdjustment": V1.DecideAdjustmentRequest(
      scope: scope, adjustmentID: "a", state: .adopted, reason: "r", options: options
    ).encoded(),
    "ListAdjustments": V1.ListAdjustmentsRequest(scope: scope, states: [.trial], page: page).encoded(),
    "GetTuning": V1.GetTuningRequest(scope: scope, unit: "u", taskKind: "refund").encoded(),
    "ConsolidateMemories": V1.ConsolidateMemoriesRequest(
      scope: scope, filter: V1.Filter(contextIDs: ["c"], importanceMin: 0.25), candidateSimilarity: 0.5,
      digestClusterMin: 3, options: options
    ).encoded(),
    "ListConsolidations": V1.ListConsolidationsRequest(scope: scope, page: page).encoded(),
    "UndoConsolidation": V1.UndoConsolidationRequest(scope: scope, consolidationID: "c", options: options)
      .encoded(),
    "ListWeakMemories": V1.ListWeakMemoriesRequest(scope: scope, strengthMax: 0.5, limit: 5).encoded(),
    "ReinforceMemories": V1.ReinforceMemoriesRequest(scope: scope, memoryIDs: ["m"], options: options)
      .encoded()
  ]
}
