import LociClient
import LociProto
import LociServer
import LociWire
import Testing

/// Feedback, experience and learning over the wire.
@Suite struct LearningTests {
  private static let scope = V1.Scope(tenant: "t", agent: "a")

  private static func experience(_ number: Int, _ strategy: String, _ success: Bool) -> V1.Experience {
    V1.Experience(
      id: "\(strategy) \(number)",
      task: V1.Task(text: "refund the order of a customer \(number % 3)", kind: "refund"),
      steps: success ? ["look", "verify", "pay"] : ["look", "pay"], strategy: strategy, success: success,
      cost: 2)
  }

  @Test func experienceIsFoundWithRates() async throws {
    try await TestNode.run { server in
      let client = server.client
      let experiences =
        (0..<20).map { Self.experience($0, "careful", $0 % 5 != 0) }
        + (0..<20).map { Self.experience($0, "quick", $0 % 5 == 0) }
        + [V1.Experience(task: V1.Task(text: "book a flight to Oslo", kind: "travel"), success: true)]
      let recorded = try await client.experiences.recordExperiences(
        V1.RecordExperiencesRequest(scope: Self.scope, experiences: experiences))
      #expect(recorded.experienceIDs.count == 41)
      let found = try await client.experiences.findSimilarExperiences(
        V1.FindSimilarExperiencesRequest(
          scope: Self.scope, task: V1.Task(text: "refund the order of a customer 1"), limit: 5))
      #expect(found.experiences.count == 5 && found.matches == 40 && !found.byMeaning)
      #expect(found.strategies.map(\.strategy) == ["careful", "quick"])
      let best = try #require(found.strategies.first?.success)
      #expect(best.value == 0.8 && best.low > 0.5 && best.high < 0.95 && best.samples == 20)
      let patterns = try await client.experiences.findPatterns(
        V1.FindPatternsRequest(scope: Self.scope, taskKind: "refund"))
      #expect(patterns.patterns.contains { $0.steps == ["verify"] && $0.lift > 1.5 })
      let listed = try await client.experiences.listExperiences(
        V1.ListExperiencesRequest(scope: Self.scope, taskKind: "travel"))
      #expect(listed.experiences.count == 1)
      let other = V1.Scope(tenant: "t", agent: "b")
      let foreign = try await client.experiences.findSimilarExperiences(
        V1.FindSimilarExperiencesRequest(
          scope: other, task: V1.Task(text: "refund the order of a customer 1")))
      #expect(foreign.matches == 0)
      await client.close()
    }
  }

  @Test func recommendationsFollowExperience() async throws {
    try await TestNode.run { server in
      let client = server.client
      let task = V1.Task(text: "refund", kind: "refund")
      let options = ["careful", "quick"].map { V1.StrategyOption(strategy: $0, cost: 1) }
      func recommend() async throws -> V1.RecommendStrategyResponse {
        try await client.learning.recommendStrategy(
          V1.RecommendStrategyRequest(scope: Self.scope, task: task, strategies: options))
      }
      await #expect(throws: RPCStatus.self) {
        try await client.learning.recommendStrategy(
          V1.RecommendStrategyRequest(scope: Self.scope, task: task))
      }
      for step in 0..<60 {
        let answer = try await recommend()
        #expect(answer.hasExperience == (step > 0))
        _ = try await client.learning.reportOutcome(
          V1.ReportOutcomeRequest(
            scope: Self.scope, decisionID: answer.decisionID, reward: answer.chosen == "careful" ? 1 : 0))
      }
      let last = try await recommend()
      #expect(last.ranking.first?.strategy == "careful")
      // Named by nobody: those that are known.
      let known = try await client.learning.recommendStrategy(
        V1.RecommendStrategyRequest(scope: Self.scope, task: task, dryRun: true))
      #expect(known.ranking.count == 2 && known.decisionID.isEmpty)
      var exported: [V1.Decision] = []
      for try await chunk in client.learning.exportDecisions(V1.ExportDecisionsRequest(scope: Self.scope)) {
        exported += chunk.decisions
      }
      #expect(exported.count == 61 && exported.count { $0.hasOutcome } == 60)
      let cycle = try #require(
        try await client.learning.runLearningCycle(V1.RunLearningCycleRequest(scope: Self.scope)).cycle)
      #expect(cycle.decisions == 60 && cycle.learners.contains { $0.learner == "reinforcement" })
      let cycles = try await client.learning.listLearningCycles(
        V1.ListLearningCyclesRequest(scope: Self.scope))
      #expect(cycles.cycles == [cycle])
      await client.close()
    }
  }

  @Test func aRepeatedRecommendationIsTheFirst() async throws {
    try await TestNode.run { server in
      let client = server.client
      let request = V1.RecommendStrategyRequest(
        scope: Self.scope, task: V1.Task(text: "t"),
        strategies: ["a", "b", "c"].map { V1.StrategyOption(strategy: $0) },
        options: V1.WriteOptions(requestID: "once"))
      let first = try await client.learning.recommendStrategy(request)
      for _ in 0..<5 {
        let again = try await client.learning.recommendStrategy(request)
        #expect(again.decisionID == first.decisionID && again.chosen == first.chosen)
      }
      await client.close()
    }
  }

  @Test func feedbackIsAnalysed() async throws {
    try await TestNode.run { server in
      let client = server.client
      func rating(_ number: Int, _ value: Double) -> V1.Feedback {
        V1.Feedback(
          kind: .rating, target: V1.Target(kind: .trace, id: "t\(number % 7)"), value: value,
          rater: "r\(number % 4)", strategy: "careful", createdAtUs: Int64(number + 1))
      }
      let ratings = (0..<120).map { rating($0, $0 < 60 ? [4, 5][$0 % 2] : [1, 2][$0 % 2]) }
      let issues = [
        "the refund was paid twice", "refund paid twice again", "twice the refund was paid", "page is slow"
      ]
      .map {
        V1.Feedback(kind: .issue, target: V1.Target(kind: .tool, id: "pay"), text: $0, strategy: "careful")
      }
      _ = try await client.feedback.giveFeedback(
        V1.GiveFeedbackRequest(scope: Self.scope, feedback: ratings + issues))
      let answer = try await client.feedback.analyzeFeedback(
        V1.AnalyzeFeedbackRequest(scope: Self.scope))
      let group = try #require(answer.groups.first)
      #expect(group.name == "careful" && group.count == 124 && group.issues == 4)
      #expect(group.changePoints.count == 1 && (group.trend?.high ?? 1) < 0)
      #expect(answer.issues.first?.count == 3 && answer.issues.first?.terms.contains("twice") == true)
      #expect(answer.raters.count == 4 && answer.findings.contains { $0.contains("fell") })
      let listed = try await client.feedback.listFeedback(
        V1.ListFeedbackRequest(scope: Self.scope, target: V1.Target(kind: .tool, id: "pay")))
      #expect(listed.feedback.count == 4)
      await client.close()
    }
  }

  @Test func memoriesAreConsolidated() async throws {
    try await TestNode.run { server in
      let client = server.client
      let drafts = ["Anna lives in Berlin.", "Anna's home is in Berlin.", "李强住在北京。", "李强搬到上海了。"]
        .map { V1.MemoryDraft(text: $0) }
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: Self.scope, memories: drafts))
      let request = V1.ConsolidateMemoriesRequest(scope: Self.scope, dryRun: true)
      let preview = try await client.learning.consolidateMemories(request)
      #expect(
        preview.consolidation?.links.map(\.relation).sorted { $0.rawValue < $1.rawValue } == [
          .duplicate, .superseded
        ])
      func count() async throws -> Int {
        try await client.memories.listMemories(V1.ListMemoriesRequest(scope: Self.scope)).memories.count
      }
      #expect(try await count() == 4)
      let done = try await client.learning.consolidateMemories(
        V1.ConsolidateMemoriesRequest(scope: Self.scope))
      #expect(try await count() == 3)
      let undone = try await client.learning.undoConsolidation(
        V1.UndoConsolidationRequest(scope: Self.scope, consolidationID: done.consolidation?.id ?? ""))
      #expect(undone.memoriesRestored == 1)
      #expect(try await count() == 4)
      let found = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(scope: Self.scope, query: "home Berlin", limit: 4))
      #expect(found.hits.contains { $0.memory?.text == "Anna's home is in Berlin." })
      await client.close()
    }
  }
}
