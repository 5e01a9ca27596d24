import LociCore
import LociLearn
import LociMemory
import LociProto
import LociStore
import Testing

/// Learning over a real store: what is learned comes from the log, and can be undone.
@Suite struct StoreTests {
  private static let strategies = ["careful", "quick", "ask"]

  private func task(_ kind: String = "refund") -> V1.Task {
    V1.Task(text: "refund the order", kind: kind, features: [V1.Attribute(key: "channel", value: "web")])
  }

  private func decide(
    _ test: LearnStore, seed: UInt64, epsilon: Double = 0.05
  ) async throws -> V1.RecommendStrategyResponse {
    try await test.recommend(
      V1.RecommendStrategyRequest(
        task: task(), strategies: Self.strategies.map { V1.StrategyOption(strategy: $0) },
        epsilon: epsilon), seed: seed)
  }

  @Test func theBestStrategyIsLearned() async throws {
    let test = try LearnStore()
    var generator = SeededGenerator(seed: 4)
    let chances = ["careful": 0.8, "quick": 0.4, "ask": 0.5]
    var late = 0
    for step in 0..<200 {
      let answer = try await decide(test, seed: generator.next())
      #expect(close(answer.ranking.reduce(0) { $0 + $1.propensity }, 1, 1e-9))
      if step == 0 { #expect(!answer.hasExperience && answer.reason.contains("guess")) }
      if step >= 150, answer.chosen == "careful" { late += 1 }
      let reward = generator.uniform() < chances[answer.chosen] ?? 0 ? 1.0 : 0
      try await test.report(answer.decisionID, reward: reward)
    }
    #expect(late >= 35, "\(late)")
    let last = try await decide(test, seed: 1)
    #expect(last.ranking.first?.strategy == "careful" && last.hasExperience)
    let estimate = try #require(last.ranking.first?.reward)
    #expect(estimate.low < 0.8 && 0.8 < estimate.high)
    try await test.store.close()
  }

  @Test func everythingIsRebuiltFromTheLog() async throws {
    let test = try LearnStore()
    try await history(test)
    let report = try await test.store.verifyByRebuilding(test.shard, workers: test.workers)
    #expect(report.differences == [] && report.rows > 0)
    // Another cache, as another server would have, learns the same.
    let fresh = PolicyCache()
    let scope = test.scope
    let context = TaskContext.encode(task())
    let (warm, cold) = try await test.shard.read { [policies = test.policies] db in
      var warm = try policies.policy(kind: "refund", halfLife: 0, scope: scope, in: db)
      var cold = try fresh.policy(kind: "refund", halfLife: 0, scope: scope, in: db)
      return (warm.estimates(context, of: Self.strategies), cold.estimates(context, of: Self.strategies))
    }
    #expect(warm == cold)
    try await test.store.close()
  }

  private func history(_ test: LearnStore) async throws {
    var generator = SeededGenerator(seed: 8)
    for step in 0..<60 {
      let answer = try await decide(test, seed: generator.next())
      try await test.report(
        answer.decisionID, reward: generator.uniform(), rater: step % 3 == 0 ? "" : "r\(step % 5)")
      let experience = V1.Experience(
        id: "e\(step)", task: task(), steps: ["look", "pay"], strategy: Self.strategies[step % 3],
        success: step % 2 == 0)
      try await test.record([experience])
    }
    let delete = V1.DeleteExperiencesRequest(experienceIDs: ["e3", "e4", "absent"])
    let deleted = try await test.shard.submit(
      DeleteExperiences(delete, scope: test.scope, key: nil))
    #expect(deleted.experiencesDeleted == 2)
    let feedback = V1.Feedback(
      kind: .rating, target: V1.Target(kind: .strategy, id: "careful"), value: 4, rater: "anna")
    _ = try await test.shard.submit(
      GiveFeedback(
        V1.GiveFeedbackRequest(feedback: [feedback]), scope: test.scope, key: nil, ids: test.ids))
    let sample = V1.MetricSample(name: "latency", value: 3, unit: "ms", direction: .lowerIsBetter)
    _ = try await test.shard.submit(
      ReportMetrics(V1.ReportMetricsRequest(samples: [sample]), scope: test.scope, key: nil))
    _ = try await test.cycle()
    let memories = try await test.add([
      "Anna lives in Berlin.", "Anna's home is in Berlin.", "Anna moved to Munich."
    ])
    _ = try await test.shard.submit(
      ReinforceMemories(
        V1.ReinforceMemoriesRequest(memoryIDs: [memories[1]]), scope: test.scope, key: nil))
    let done = try await test.consolidate()
    _ = try await test.shard.submit(
      UndoConsolidation(
        V1.UndoConsolidationRequest(consolidationID: done.id), scope: test.scope, key: nil))
    _ = try await test.consolidate(isAutomatic: true)
    let adjustment = V1.Adjustment(
      kind: .memoryWeight, subject: memories[0], valueBefore: 0.5, valueAfter: 0.75, hypothesis: "it helps")
    let proposed = try await test.shard.submit(
      ProposeAdjustment(
        V1.ProposeAdjustmentRequest(adjustment: adjustment), scope: test.scope, key: nil, ids: test.ids))
    for state in [V1.AdjustmentState.adopted, .rolledBack] {
      let decision = V1.DecideAdjustmentRequest(adjustmentID: proposed.adjustment?.id ?? "", state: state)
      _ = try await test.shard.submit(DecideAdjustment(decision, scope: test.scope, key: nil))
    }
  }

  @Test func anOutcomeIsReportedOnce() async throws {
    let test = try LearnStore()
    let answer = try await decide(test, seed: 1)
    try await test.report(answer.decisionID, reward: 1)
    await #expect(throws: LociError.self) { try await test.report(answer.decisionID, reward: 0) }
    await #expect(throws: LociError.notFound(.decision, id: "none")) {
      try await test.report("none", reward: 0)
    }
    try await test.store.close()
  }

  @Test func undoingAnAdjustmentRestoresBehaviour() async throws {
    let test = try LearnStore()
    func tuning() async throws -> [V1.GetTuningResponse] {
      let adjustments = try await test.adjustments()
      return (0..<200).map { Tuning.values(adjustments, unit: "unit \($0)", kind: "refund") }
    }
    func propose(_ value: Double) async throws -> String {
      let adjustment = V1.Adjustment(
        kind: .answerLength, taskKind: "refund", valueBefore: 100, valueAfter: value, hypothesis: "shorter")
      let request = V1.ProposeAdjustmentRequest(adjustment: adjustment)
      return try await test.shard.submit(
        ProposeAdjustment(request, scope: test.scope, key: nil, ids: test.ids)
      ).adjustment?.id ?? ""
    }
    func move(_ id: String, _ state: V1.AdjustmentState) async throws {
      let request = V1.DecideAdjustmentRequest(adjustmentID: id, state: state)
      _ = try await test.shard.submit(DecideAdjustment(request, scope: test.scope, key: nil))
    }
    try await move(try await propose(80), .adopted)
    let before = try await tuning()
    #expect(before.count { !$0.values.isEmpty } > 150)
    let second = try await propose(50)
    try await move(second, .trial)
    let during = try await tuning()
    let share = Double(during.count { $0.values.first?.value == 50 }) / 200
    #expect(share > 0.1 && share < 0.3)
    try await move(second, .adopted)
    #expect(try await tuning() != before)
    try await move(second, .rolledBack)
    #expect(try await tuning() == before)
    let history = try await test.adjustments().last?.history.map(\.state)
    #expect(history == [.proposed, .trial, .adopted, .rolledBack])
    await #expect(throws: LociError.self) { try await move(second, .adopted) }
    try await test.store.close()
  }

  /// A tenth of the raters report the opposite of what they saw.
  @Test func aPoisonedRaterFlipsNothing() async throws {
    let test = try LearnStore()
    var generator = SeededGenerator(seed: 17)
    let chances = ["careful": 0.75, "quick": 0.35, "ask": 0.5]
    for step in 0..<600 {
      let answer = try await decide(test, seed: generator.next(), epsilon: 0.3)
      let truth = generator.uniform() < chances[answer.chosen] ?? 0 ? 1.0 : 0
      // Raters 0 and 1 of 20 are adversaries, and talk three times as much as the others.
      let rater = step % 4 == 0 ? step / 4 % 2 : Int(generator.next() % 18) + 2
      try await test.report(
        answer.decisionID, reward: rater < 2 ? (answer.chosen == "quick" ? 1 : 0) : truth,
        rater: "rater \(rater)")
    }
    let last = try await decide(test, seed: 1)
    #expect(last.ranking.map(\.strategy) == ["careful", "ask", "quick"], "\(last.ranking)")
    let scope = test.scope
    let policy = try await test.shard.read { [policies = test.policies] db in
      try policies.policy(kind: "refund", halfLife: 0, scope: scope, in: db)
    }
    #expect(policy.weight(of: "rater 0") < 0.5 && policy.weight(of: "rater 7") > 0.6)
    try await test.store.close()
  }
}
