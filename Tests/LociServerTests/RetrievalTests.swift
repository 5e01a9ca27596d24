import LociClient
import LociProto
import Testing

/// What a search may be told beside its query, and why something is not found. Words only: no model is needed.
@Suite struct RetrievalTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")
  private static let day = Int64(86_400) * 1_000_000
  /// 10 May 2023, 12:00 UTC, a Wednesday.
  private static let noon = Int64(1_683_720_000) * 1_000_000

  private func talk(_ client: LociClient) async throws {
    let turns = [
      ("Melanie", "Where did you go hiking last weekend?"),
      ("Caroline", "Up in the Dolomites, it was lovely."),
      ("Melanie", "My garden is full of tomatoes"), ("Caroline", "Bring me some"),
      ("Melanie", "The train was late"),
      ("Caroline", "Mine too"), ("Melanie", "We painted the kitchen"), ("Caroline", "Which colour?"),
      ("Melanie", "Blue, like the sea"), ("Caroline", "Nice")
    ]
    _ = try await client.contexts.append(
      V1.AppendRequest(
        scope: scope, contextID: "c",
        messages: turns.enumerated().map { index, turn in
          V1.MessageDraft(
            id: "m\(index)", role: .user, text: turn.1, name: turn.0,
            createdAtUs: Self.noon - Self.day + Int64(index) * 1_000_000)
        }, createContext: true))
  }

  @Test func anAnswerIsFoundByTheWordsOfItsQuestion() async throws {
    try await TestNode.run { server in
      let client = server.client
      try await talk(client)
      func search(_ granularity: V1.Granularity) async throws -> V1.SearchMessagesResponse {
        try await client.contexts.searchMessages(
          V1.SearchMessagesRequest(
            scope: scope, query: "Where did Caroline go hiking?", limit: 3, mode: .keyword, explain: true,
            options: V1.SearchOptions(granularity: granularity)))
      }
      let alone = try await search(.item)
      #expect(alone.hits.map { $0.message?.id } == ["m0"])
      #expect(alone.hits[0].explanation?.windowBm25Narrow == 0)
      let together = try await search(.passage)
      let answer = try #require(together.hits.first { $0.message?.id == "m1" })
      let parts = try #require(answer.explanation)
      #expect(parts.windowBm25Narrow > 0 && parts.windowBm25Wide > 0 && parts.speaker == 1)
      #expect(parts.coverage == 0 && parts.bm25 == 0)
      #expect(together.report?.stages == ["names", "keyword", "passages", "rank", "fetch"])
      // The score is the sum of its parts.
      let weights = try #require(parts.weights)
      let sum = weights.exact * parts.exactZ + weights.semantic * parts.semanticZ + weights.cues * parts.cues
      #expect(abs(sum - answer.score) < 1e-4)
      await client.close()
    }
  }

  @Test func turnsAroundAHitAreShown() async throws {
    try await TestNode.run { server in
      let client = server.client
      try await talk(client)
      let answer = try await client.contexts.searchMessages(
        V1.SearchMessagesRequest(
          scope: scope, query: "tomatoes", limit: 1, mode: .keyword,
          options: V1.SearchOptions(granularity: .item, neighbours: 3)))
      #expect(answer.hits.first?.message?.id == "m2")
      #expect(answer.hits.first?.before.map(\.id) == ["m0", "m1"])
      #expect(answer.hits.first?.after.map(\.id) == ["m3", "m4", "m5"])
      await client.close()
    }
  }

  @Test(arguments: [
    ("what about trains yesterday?", 1), ("昨天的 train", 1), ("trains last month", 0), ("trains", 1)
  ])
  func theTimeInAQueryNarrowsIt(query: String, expected: Int) async throws {
    try await TestNode.run { server in
      let client = server.client
      try await talk(client)
      let answer = try await client.contexts.searchMessages(
        V1.SearchMessagesRequest(
          scope: scope, query: query, mode: .keyword,
          options: V1.SearchOptions(granularity: .item, timeExpressions: true, nowUs: Self.noon)))
      #expect(answer.hits.filter { $0.message?.id == "m4" }.count == expected)
      #expect((answer.report?.timeRange == nil) == (query == "trains"))
      await client.close()
    }
  }

  @Test func anyWordingFindsIt() async throws {
    try await TestNode.run { server in
      let client = server.client
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope,
          memories: ["likes ships", "likes trains", "likes tea"].map { V1.MemoryDraft(id: $0, text: $0) }))
      let answer = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(
          scope: scope, query: "ships", mode: .keyword,
          options: V1.SearchOptions(moreQueries: ["railway trains"])))
      #expect(Set(answer.hits.compactMap { $0.memory?.id }) == ["likes ships", "likes trains"])
      await client.close()
    }
  }

  @Test func whyAMemoryIsMissing() async throws {
    try await TestNode.run { server in
      let client = server.client
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope,
          memories: [
            V1.MemoryDraft(id: "best", text: "trains trains"),
            V1.MemoryDraft(id: "next", text: "trains and many other things that take longer to say"),
            V1.MemoryDraft(id: "other", text: "tea"),
            V1.MemoryDraft(id: "gone", text: "trains", expiresAtUs: 1),
            V1.MemoryDraft(id: "old", type: .working, text: "trains")
          ]))
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope, memories: [V1.MemoryDraft(id: "new", text: "ships", tags: ["x"], supersedesID: "old")]
        ))
      func why(_ id: String, _ filter: V1.Filter? = nil) async throws -> V1.ExplainMissResponse {
        try await client.memories.explainMiss(
          V1.ExplainMissRequest(
            search: V1.SearchMemoriesRequest(query: "trains", limit: 1, mode: .keyword, filter: filter),
            memoryID: id, scope: scope))
      }
      #expect(try await why("best").reason == .found)
      let next = try await why("next")
      #expect(
        next.reason == .rank && next.rank == 2 && next.score < next.lastScore
          && (next.explanation?.bm25 ?? 0) > 0)
      #expect(try await why("gone").reason == .expired)
      #expect(try await why("old").reason == .superseded)
      #expect(try await why("never").reason == .notThere)
      #expect(try await why("best", V1.Filter(tags: ["x"])).reason == .filtered)
      // No encoder is loaded here: its embedding is still to come.
      #expect(try await why("other").reason == .notIndexed)
      await client.close()
    }
  }

  @Test func whyAMessageIsMissing() async throws {
    try await TestNode.run { server in
      let client = server.client
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: scope, contextID: "c",
          messages: [
            V1.MessageDraft(id: "best", role: .user, text: "trains trains"),
            V1.MessageDraft(
              id: "next", role: .assistant, text: "trains and many other things that take longer to say"),
            V1.MessageDraft(id: "other", role: .user, text: "tea")
          ], createContext: true))
      func why(_ id: String, _ filter: V1.Filter? = nil) async throws -> V1.ExplainMessageMissResponse {
        try await client.contexts.explainMessageMiss(
          V1.ExplainMessageMissRequest(
            search: V1.SearchMessagesRequest(query: "trains", limit: 1, mode: .keyword, filter: filter),
            messageID: id, scope: scope))
      }
      #expect(try await why("best").reason == .found)
      let next = try await why("next")
      #expect(next.reason == .rank && next.rank == 2 && next.score < next.lastScore)
      #expect((next.explanation?.bm25 ?? 0) > 0)
      #expect(try await why("best", V1.Filter(roles: [.assistant])).reason == .filtered)
      #expect(try await why("other").reason == .notIndexed)
      #expect(try await why("never").reason == .notThere)
      _ = try await client.contexts.deleteMessages(
        V1.DeleteMessagesRequest(scope: scope, messageIDs: ["best"]))
      #expect(try await why("best").reason == .notThere)
      await client.close()
    }
  }

  @Test(arguments: [
    (V1.SearchOptions(granularity: V1.Granularity(rawValue: 9)), "options.granularity"),
    (V1.SearchOptions(diversity: 1.5), "options.diversity"),
    (V1.SearchOptions(deadlineMs: -1), "options.deadline_ms"),
    (V1.SearchOptions(moreQueries: [""]), "options.more_queries"),
    (V1.SearchOptions(neighbours: 11), "options.neighbours"),
    (V1.SearchOptions(timeExpressions: true, utcOffsetMinutes: 9_999), "options.utc_offset_minutes")
  ])
  func badOptionsNameTheirField(options: V1.SearchOptions, field: String) async throws {
    try await TestNode.run { server in
      let client = server.client
      do {
        _ = try await client.memories.searchMemories(
          V1.SearchMemoriesRequest(scope: scope, query: "x", options: options))
        Issue.record("\(field) was taken")
      } catch { #expect("\(error)".contains(field)) }
      await client.close()
    }
  }

  /// Likeness of meaning beside what was said before, and what is said again in other words.
  @Test func diversityAndNearDuplicates() async throws {
    guard let model = TestNode.model else { return }
    try await TestNode.run(model: model) { server in
      let client = server.client
      let texts = [
        "The cat sleeps on the sofa", "The cat is sleeping on the sofa", "Cats need a vet once a year"
      ]
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope, memories: texts.map { V1.MemoryDraft(id: $0, text: $0) },
          options: V1.WriteOptions(waitForIndex: true)))
      func order(_ diversity: Float) async throws -> [String] {
        try await client.memories.searchMemories(
          V1.SearchMemoriesRequest(
            scope: scope, query: "where does the cat sleep", limit: 3, mode: .semantic,
            options: V1.SearchOptions(diversity: diversity))
        ).hits.compactMap { $0.memory?.id }
      }
      #expect(try await order(0).last == texts[2])
      #expect(try await order(0.7)[1] == texts[2])
      let again = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope,
          memories: [
            V1.MemoryDraft(text: "The cat sleeps on a sofa"),
            V1.MemoryDraft(text: "The cat does not sleep on the sofa"),
            V1.MemoryDraft(text: "Quarterly revenue grew")
          ], options: V1.WriteOptions(waitForIndex: true), duplicates: .near, duplicateCosineMin: 0.9))
      #expect(again.duplicatePlaces == [0])
      await client.close()
    }
  }
}
