import LociClient
import LociProto
import LociServer
import LociText
import LociWire
import Testing

/// Searches over several agents of a tenant.
@Suite struct SearchAgentsTests {
  private static func scope(_ agent: String) -> V1.Scope { V1.Scope(tenant: "t", agent: agent) }

  private static func store(_ client: LociClient, _ texts: [String: [String]], wait: Bool = false)
    async throws
  {
    for (agent, texts) in texts {
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope(agent), memories: texts.map { V1.MemoryDraft(text: $0) },
          options: V1.WriteOptions(waitForIndex: wait)))
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: scope(agent), contextID: "c", messages: texts.map { V1.MessageDraft(role: .user, text: $0) },
          createContext: true, options: V1.WriteOptions(waitForIndex: wait)))
    }
  }

  @Test func whoMayNotReadAnAgentGetsNothingOfItAndIsTold() async throws {
    try await AccessTests.run { server in
      let root = AccessTests.client(server, AccessTests.rootKey)
      try await Self.store(
        root, ["own": ["own trains"], "granted": ["granted trains"], "closed": ["closed trains"]])
      _ = try await root.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: V1.Scope(tenant: "u", agent: "own"), memories: [V1.MemoryDraft(text: "foreign trains")]))
      for (agent, ends) in [("own", Int64(0)), ("late", 1)] {
        _ = try await root.access.setGrant(
          V1.SetGrantRequest(
            scope: Self.scope("granted"),
            grant: V1.Grant(agent: agent, permission: .read, expiresAtUs: ends)))
      }
      func search(
        _ agent: String, _ role: V1.AccessRole, _ agents: [String] = []
      ) async throws -> V1.SearchAgentsResponse {
        let key = try await root.access.createKey(
          V1.CreateKeyRequest(scope: V1.Scope(tenant: "t", agent: agent), role: role))
        let client = AccessTests.client(server, key.secret)
        return try await client.state.searchAgents(
          V1.SearchAgentsRequest(
            scope: V1.Scope(tenant: "t"), agents: agents, query: "trains", mode: .keyword))
      }
      func texts(_ answer: V1.SearchAgentsResponse) -> Set<String> {
        Set(
          answer.memories.compactMap { $0.hit?.memory?.text }
            + answer.messages.compactMap { $0.hit?.message?.text })
      }
      for role in [V1.AccessRole.agent, .reader] {
        let all = try await search("own", role)
        #expect(texts(all) == ["own trains", "granted trains"])
        #expect(all.searchedAgents == ["granted", "own"] && all.refusedAgents.isEmpty)
        let named = try await search("own", role, ["closed", "own", "never", "own"])
        #expect(texts(named) == ["own trains"])
        #expect(named.searchedAgents == ["own"] && named.refusedAgents == ["closed", "never"])
      }
      #expect(try await search("late", .agent).searchedAgents == ["late"])
      for (agent, role) in [("", V1.AccessRole.reader), ("", .agent), ("", .tenantAdmin)] {
        let all = try await search(agent, role)
        #expect(texts(all) == ["own trains", "granted trains", "closed trains"])
      }
      // What was refused is on record.
      var refusals: [V1.Refusal] = []
      for _ in 0..<200 where refusals.isEmpty {
        try await Task.sleep(for: .milliseconds(50))
        refusals = try await root.access.listRefusals(V1.ListRefusalsRequest(scope: Self.scope(""))).refusals
          .filter { $0.method == "loci.v1.StateService/SearchAgents" }
      }
      let wanted = Set(refusals.compactMap { $0.scope?.agent })
      #expect(!wanted.isEmpty && wanted.isSubset(of: ["closed", "never"]))
      let foreign = try await root.access.createKey(
        V1.CreateKeyRequest(scope: V1.Scope(tenant: "u", agent: "own")))
      let stranger = AccessTests.client(server, foreign.secret)
      let code = await AccessTests.code {
        try await stranger.state.searchAgents(
          V1.SearchAgentsRequest(scope: V1.Scope(tenant: "t"), agents: ["own"], query: "trains"))
      }
      #expect(code == .permissionDenied)
    }
  }

  /// An agent that has nothing to the point has a best hit too; beside another's it must not count as one.
  @Test(arguments: [false, true])
  func scoresOfAgentsCanBeCompared(byMeaning: Bool) async throws {
    let embedder: (any TextEmbedder)? = byMeaning ? HashingEncoder() : nil
    try await TestNode.run(embedder: embedder) { server in
      let client = server.client
      try await Self.store(
        client,
        [
          "trains": ["the night train to Lisbon leaves at nine", "a train ticket", "trains and stations"],
          "cats": [
            "the cat sleeps", "the dog barks at the night", "tea and cake", "a walk in the park", "nine lives"
          ]
        ], wait: byMeaning)
      let query = "when does the night train to Lisbon leave"
      let found = try await client.state.searchAgents(
        V1.SearchAgentsRequest(scope: V1.Scope(tenant: "t"), query: query, limit: 3, explain: true))
      #expect(found.memories.first?.agent == "trains" && found.messages.first?.agent == "trains")
      #expect(found.memories.first?.hit?.memory?.text == "the night train to Lisbon leaves at nine")
      let scores = found.memories.compactMap { $0.hit?.score }
      #expect(scores == scores.sorted(by: >) && scores.count == 3)
      // Each by itself, the best hit of either has the same standing.
      let alone = try await client.state.searchAgents(
        V1.SearchAgentsRequest(
          scope: V1.Scope(tenant: "t"), agents: ["cats"], target: .memories, query: query, limit: 1))
      #expect(alone.memories.first?.agent == "cats" && alone.messages.isEmpty)
      let best = try #require(found.memories.first?.hit?.score)
      let cat = found.memories.first { $0.agent == "cats" }?.hit?.score ?? -.infinity
      #expect(cat < best)
    }
  }

  @Test func badRequestsAreNamed() async throws {
    try await TestNode.run { server in
      for (request, field) in [
        (V1.SearchAgentsRequest(scope: V1.Scope(tenant: "t"), query: ""), "query"),
        (V1.SearchAgentsRequest(scope: V1.Scope(tenant: "t"), query: "x", limit: 101), "limit"),
        (V1.SearchAgentsRequest(scope: V1.Scope(tenant: "t"), agents: [""], query: "x"), "agent"),
        (
          V1.SearchAgentsRequest(
            scope: V1.Scope(tenant: "t"), target: V1.SearchTarget(rawValue: 9), query: "x"), "target"
        ),
        (
          V1.SearchAgentsRequest(
            scope: V1.Scope(tenant: "t"), agents: (0...1_000).map { "a\($0)" }, query: "x"), "agents"
        )
      ] {
        do {
          _ = try await server.client.state.searchAgents(request)
          Issue.record("\(field) was taken")
        } catch { #expect("\(error)".contains(field)) }
      }
      // A tenant without data has no agents.
      let none = try await server.client.state.searchAgents(
        V1.SearchAgentsRequest(scope: V1.Scope(tenant: "empty"), query: "x"))
      #expect(none.searchedAgents.isEmpty && none.memories.isEmpty)
    }
  }
}
