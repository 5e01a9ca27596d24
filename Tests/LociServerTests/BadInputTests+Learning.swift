import LociClient
import LociProto

/// What can be wrong with calls about feedback, experience and learning.
extension BadInputTests {
  private static let bad = "INVALID_FIELD"
  private static let task = V1.Task(text: "t", kind: "k")
  private static let target = V1.Target(kind: .strategy, id: "s")

  static var learningCases: [Case] { feedbackCases + experienceCases + decisionCases + consolidationCases }

  private static var feedbackCases: [Case] {
    func give(_ name: String, _ feedback: V1.Feedback) -> Case {
      call(
        name, "FeedbackService", "GiveFeedback", V1.GiveFeedbackRequest(scope: scope, feedback: [feedback]),
        invalid, bad)
    }
    return [
      give("feedback on nothing", V1.Feedback(kind: .thumb, value: 1)),
      give("feedback of no kind", V1.Feedback(target: target)),
      give("a rating beyond its scale", V1.Feedback(kind: .rating, target: target, value: 6)),
      give("a rating that is no number", V1.Feedback(kind: .rating, target: target, value: .nan)),
      give(
        "a scale upside down",
        V1.Feedback(kind: .rating, target: target, value: 2, scaleMin: 5, scaleMax: 1)),
      give("half a thumb", V1.Feedback(kind: .thumb, target: target, value: 0.5)),
      give("an issue without words", V1.Feedback(kind: .issue, target: target)),
      give("a preference to nothing", V1.Feedback(kind: .preference, target: target)),
      call(
        "an infinite measurement", "FeedbackService", "ReportMetrics",
        V1.ReportMetricsRequest(
          scope: scope,
          samples: [V1.MetricSample(name: "m", value: .infinity, direction: .lowerIsBetter)]), invalid, bad),
      call(
        "a measurement good in no direction", "FeedbackService", "ReportMetrics",
        V1.ReportMetricsRequest(scope: scope, samples: [V1.MetricSample(name: "m", value: 1)]), invalid, bad),
      call(
        "certainty", "FeedbackService", "AnalyzeFeedback",
        V1.AnalyzeFeedbackRequest(scope: scope, confidence: 1), invalid, bad)
    ]
  }

  private static var experienceCases: [Case] {
    func record(_ name: String, _ edit: (inout V1.Experience) -> Void) -> Case {
      var experience = V1.Experience(task: task)
      edit(&experience)
      return call(
        name, "ExperienceService", "RecordExperiences",
        V1.RecordExperiencesRequest(scope: scope, experiences: [experience]), invalid, bad)
    }
    return [
      record("an experience of no task") { $0.task = nil },
      record("a task without words") { $0.task?.text = "" },
      record("a reward of 2") { $0.reward = 2 },
      record("a negative cost") { $0.cost = -1 },
      record("a step without a name") { $0.steps = [""] },
      record("a duration before it began") { $0.durationMs = -1 },
      record("a trace that is none") { $0.traceID = "xyz" },
      call(
        "an experience that is not there", "ExperienceService", "GetExperience",
        V1.GetExperienceRequest(scope: scope, experienceID: "none"), notFound, "NOT_FOUND"),
      call(
        "likeness above 1", "ExperienceService", "FindSimilarExperiences",
        V1.FindSimilarExperiencesRequest(scope: scope, task: task, threshold: 1.5), invalid, bad),
      call(
        "no weight at all", "ExperienceService", "FindSimilarExperiences",
        V1.FindSimilarExperiencesRequest(scope: scope, task: task, weights: V1.SimilarityWeights()), invalid,
        bad),
      call(
        "patterns of 13 steps", "ExperienceService", "FindPatterns",
        V1.FindPatternsRequest(scope: scope, lengthMax: 13), invalid, bad),
      call(
        "support above 1", "ExperienceService", "FindPatterns",
        V1.FindPatternsRequest(scope: scope, supportMin: 1.1), invalid, bad)
    ]
  }

  private static var decisionCases: [Case] {
    func recommend(_ name: String, _ edit: (inout V1.RecommendStrategyRequest) -> Void) -> Case {
      var request = V1.RecommendStrategyRequest(
        scope: scope, task: task,
        strategies: [V1.StrategyOption(strategy: "a"), V1.StrategyOption(strategy: "b")])
      edit(&request)
      return call(name, "LearningService", "RecommendStrategy", request, invalid, bad)
    }
    func propose(_ name: String, _ edit: (inout V1.Adjustment) -> Void) -> Case {
      var adjustment = V1.Adjustment(kind: .compressionRatio, valueAfter: 0.5, hypothesis: "h")
      edit(&adjustment)
      return call(
        name, "LearningService", "ProposeAdjustment",
        V1.ProposeAdjustmentRequest(scope: scope, adjustment: adjustment), invalid, bad)
    }
    return [
      recommend("one strategy only") { $0.strategies.removeLast() },
      recommend("a strategy twice") { $0.strategies[1].strategy = "a" },
      recommend("a negative cost of a strategy") { $0.strategies[0].cost = -1 },
      recommend("exploration above 1") { $0.epsilon = 1.5 },
      recommend("a half-life that is no number") { $0.halfLifeDecisions = .nan },
      call(
        "nothing known and nothing named", "LearningService", "RecommendStrategy",
        V1.RecommendStrategyRequest(scope: scope, task: task), precondition, "FAILED_PRECONDITION"),
      call(
        "an outcome of no decision", "LearningService", "ReportOutcome",
        V1.ReportOutcomeRequest(scope: scope, decisionID: "none", reward: 1), notFound, "NOT_FOUND"),
      call(
        "a reward below 0", "LearningService", "ReportOutcome",
        V1.ReportOutcomeRequest(scope: scope, decisionID: "d", reward: -0.5), invalid, bad),
      propose("an adjustment of no kind") { $0.kind = .unspecified },
      propose("a ratio of 2") { $0.valueAfter = 2 },
      propose("no hypothesis") { $0.hypothesis = "" },
      propose("a trial on nobody") { $0.trialShare = -1 },
      call(
        "an adjustment that is not there", "LearningService", "DecideAdjustment",
        V1.DecideAdjustmentRequest(scope: scope, adjustmentID: "none", state: .adopted), notFound, "NOT_FOUND"
      ),
      call(
        "tuning of nobody", "LearningService", "GetTuning", V1.GetTuningRequest(scope: scope), invalid, bad)
    ]
  }

  private static var consolidationCases: [Case] {
    [
      call(
        "a unit of work with a long name", "MemoryService", "SearchMemories",
        V1.SearchMemoriesRequest(
          scope: scope, query: "q", tuning: V1.TuningUnit(unit: String(repeating: "u", count: 129))), invalid,
        bad),
      call(
        "consolidation after more memories than one reads", "MemoryService", "SetMemoryPolicy",
        V1.SetMemoryPolicyRequest(scope: scope, policy: V1.MemoryPolicy(consolidateAfterMemories: 20_001)),
        invalid, bad),
      call(
        "likeness of memories above 1", "LearningService", "ConsolidateMemories",
        V1.ConsolidateMemoriesRequest(scope: scope, candidateSimilarity: 1.5), invalid, bad),
      call(
        "digests of one memory", "LearningService", "ConsolidateMemories",
        V1.ConsolidateMemoriesRequest(scope: scope, digestClusterMin: 1), invalid, bad),
      call(
        "a consolidation that is not there", "LearningService", "UndoConsolidation",
        V1.UndoConsolidationRequest(scope: scope, consolidationID: "none"), notFound, "NOT_FOUND"),
      call(
        "no memories to strengthen", "LearningService", "ReinforceMemories",
        V1.ReinforceMemoriesRequest(scope: scope), invalid, bad),
      call(
        "strength above 1", "LearningService", "ListWeakMemories",
        V1.ListWeakMemoriesRequest(scope: scope, strengthMax: 2), invalid, bad)
    ]
  }
}
