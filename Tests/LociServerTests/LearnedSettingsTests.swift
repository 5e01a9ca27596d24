import LociClient
import LociProto
import Testing

/// What is learned changes what Loci itself does at the next call, and undoing it restores that exactly.
@Suite struct LearnedSettingsTests {
  private static let scope = V1.Scope(tenant: "t", agent: "a")

  private struct Found: Equatable {
    let ids: [String]
    let scores: [Float]
    let adjustments: [String]
  }

  private struct Agent {
    let client: LociClient

    func addTea() async throws {
      let drafts = ["one", "two", "three"].map { name in
        V1.MemoryDraft(
          id: name, text: "Anna drinks tea \(name == "one" ? "tea tea" : "at \(name)")",
          importance: name == "three" ? 1 : 0.25)
      }
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: LearnedSettingsTests.scope, memories: drafts))
    }

    func search(weights: V1.RankWeights? = nil, tuning: V1.TuningUnit? = nil) async throws -> Found {
      let answer = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(
          scope: LearnedSettingsTests.scope, query: "tea", weights: weights, explain: true, tuning: tuning))
      return Found(
        ids: answer.hits.compactMap { $0.memory?.id }, scores: answer.hits.map(\.score),
        adjustments: answer.report?.adjustmentIDs ?? [])
    }

    func propose(
      _ kind: V1.AdjustmentKind, _ subject: String, _ value: Double, taskKind: String = "", share: Double = 0
    ) async throws -> String {
      let adjustment = V1.Adjustment(
        kind: kind, subject: subject, taskKind: taskKind, valueBefore: 0.5, valueAfter: value,
        hypothesis: "h",
        trialShare: share)
      let answer = try await client.learning.proposeAdjustment(
        V1.ProposeAdjustmentRequest(scope: LearnedSettingsTests.scope, adjustment: adjustment))
      return try #require(answer.adjustment?.id)
    }

    func move(_ id: String, _ state: V1.AdjustmentState) async throws {
      _ = try await client.learning.decideAdjustment(
        V1.DecideAdjustmentRequest(scope: LearnedSettingsTests.scope, adjustmentID: id, state: state))
    }
  }

  private static func run(_ body: (Agent) async throws -> Void) async throws {
    try await TestNode.run { server in
      let client = server.client
      try await body(Agent(client: client))
      await client.close()
    }
  }

  @Test func learnedWeightsRankUntilTheyAreUndone() async throws {
    try await Self.run { agent in
      try await agent.addTea()
      let before = try await agent.search()
      #expect(before.ids.first == "one" && before.adjustments == [])
      let id = try await agent.propose(.retrievalWeight, "importance", 1)
      let other = try await agent.propose(.retrievalWeight, "exact", 0.125)
      #expect(try await agent.search() == before)
      try await agent.move(id, .adopted)
      try await agent.move(other, .adopted)
      let during = try await agent.search()
      #expect(during.ids.first == "three" && Set(during.adjustments) == [id, other])
      // Who gives weights has them.
      let given = V1.RankWeights(exact: 1)
      let own = try await agent.search(weights: given)
      #expect(own.ids.first == "one" && own.adjustments == [])
      try await agent.move(other, .rolledBack)
      try await agent.move(id, .rolledBack)
      #expect(try await agent.search() == before)
    }
  }

  @Test func aMemoryThatHelpedComesFirst() async throws {
    try await Self.run { agent in
      try await agent.addTea()
      let before = try await agent.search()
      let neutral = try await agent.propose(.memoryWeight, "two", 0.5)
      try await agent.move(neutral, .adopted)
      #expect(try await agent.search().scores == before.scores)
      let hurts = try await agent.propose(.memoryWeight, "one", 0)
      let helps = try await agent.propose(.memoryWeight, "two", 1)
      let gone = try await agent.propose(.memoryWeight, "never there", 1)
      for id in [hurts, helps, gone] { try await agent.move(id, .adopted) }
      let during = try await agent.search()
      let place = try #require(during.ids.firstIndex(of: "two"))
      let former = try #require(before.ids.firstIndex(of: "two"))
      #expect(during.scores[place] == before.scores[former] + 0.5 && !during.adjustments.contains(gone))
      for id in [neutral, hurts, helps, gone] { try await agent.move(id, .rolledBack) }
      #expect(try await agent.search() == before)
    }
  }

  @Test func aUnitIsOnOneSideOfATrial() async throws {
    try await Self.run { agent in
      try await agent.addTea()
      let before = try await agent.search()
      let id = try await agent.propose(.retrievalWeight, "importance", 1, taskKind: "chat", share: 0.5)
      try await agent.move(id, .trial)
      #expect(try await agent.search() == before)
      var sides: Set<Bool> = []
      for number in 0..<20 {
        let unit = V1.TuningUnit(unit: "session \(number)", taskKind: "chat")
        let tuning = try await agent.client.learning.getTuning(
          V1.GetTuningRequest(scope: Self.scope, unit: unit.unit, taskKind: "chat"))
        let isWith = tuning.values.contains { $0.adjustmentID == id }
        sides.insert(isWith)
        #expect(try await agent.search(tuning: unit).adjustments == (isWith ? [id] : []))
        let foreign = V1.TuningUnit(unit: unit.unit, taskKind: "other")
        #expect(try await agent.search(tuning: foreign) == before)
      }
      #expect(sides == [true, false])
    }
  }

  @Test func aLearnedRatioCompressesUntilItIsUndone() async throws {
    try await Self.run { agent in
      let texts = (0..<20).map { number in
        V1.CompressionText(
          role: .user, name: "Anna",
          text: "Well, you know, on day \(number) we really saw \(number * 7) gulls near the old lighthouse.")
      }
      func compress(_ target: V1.CompressionTarget? = nil) async throws -> V1.CompressResponse {
        try await agent.client.compression.compress(
          V1.CompressRequest(texts: texts, scope: Self.scope, target: target, omitArchive: true))
      }
      let before = try await compress()
      let half = V1.CompressionTarget(ratio: 0.75)
      let asked = try await compress(half)
      let id = try await agent.propose(.compressionRatio, "", 0.75)
      try await agent.move(id, .adopted)
      #expect(before.text != asked.text)
      #expect(try await compress().text == asked.text)
      let own = V1.CompressionTarget(ratio: 0.5)
      let ownText = try await compress(own).text
      #expect(ownText != asked.text)
      try await agent.move(id, .rolledBack)
      #expect(try await compress() == before)
      #expect(try await compress(own).text == ownText)
    }
  }

  @Test func anExperienceTakesItsStepsFromItsTrace() async throws {
    try await Self.run { agent in
      let trace = "0af7651916cd43dd8448eb211c80319c"
      func step(_ number: Int, _ kind: V1.StepKind, _ name: String) -> V1.Step {
        V1.Step(
          traceID: trace, spanID: "00000000000000a\(number)", kind: kind, name: name,
          startedAtUs: Int64(1 << 50) + Int64(number) * 2_000,
          endedAtUs: Int64(1 << 50) + Int64(number) * 2_000 + 1_000, status: .ok)
      }
      _ = try await agent.client.traces.writeSteps(
        V1.WriteStepsRequest(
          scope: Self.scope,
          steps: [
            step(3, .tool, "pay"), step(1, .tool, "look"), step(2, .llm, "think"), step(4, .tool, "pay")
          ]))
      let task = V1.Task(text: "refund", kind: "refund")
      let recorded = try await agent.client.experiences.recordExperiences(
        V1.RecordExperiencesRequest(
          scope: Self.scope,
          experiences: [
            V1.Experience(id: "read", task: task, traceID: trace, success: true),
            V1.Experience(
              id: "said", task: task, steps: ["own"], traceID: trace, success: true, durationMs: 3),
            V1.Experience(id: "absent", task: task, traceID: "0af7651916cd43dd8448eb211c80319d")
          ]))
      #expect(recorded.experienceIDs.count == 3)
      func get(_ id: String) async throws -> V1.Experience {
        let answer = try await agent.client.experiences.getExperience(
          V1.GetExperienceRequest(scope: Self.scope, experienceID: id))
        return try #require(answer.experience)
      }
      let read = try await get("read")
      #expect(read.steps == ["look", "pay", "pay"] && read.durationMs == 7)
      let said = try await get("said")
      #expect(said.steps == ["own"] && said.durationMs == 3)
      #expect(try await get("absent").steps == [])
    }
  }
}
