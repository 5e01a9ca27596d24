import LociClient
import LociProto
import LociServer
import Testing

/// Consolidation in the background, where an agent's policy asks for it.
@Suite struct ConsolidationPolicyTests {
  private static let scope = V1.Scope(tenant: "t", agent: "a")
  private static let said = ["Anna lives in Berlin.", "Anna's home is in Berlin.", "Ben likes tea."]

  private static func run(_ body: (LociClient) async throws -> Void) async throws {
    try await TestNode.run(configure: { $0.consolidationInterval = .milliseconds(20) }) { server in
      let client = server.client
      try await body(client)
      await client.close()
    }
  }

  private static func set(_ policy: V1.MemoryPolicy, _ client: LociClient) async throws {
    _ = try await client.memories.setMemoryPolicy(
      V1.SetMemoryPolicyRequest(scope: scope, policy: policy))
  }

  private static func add(_ texts: [String], _ client: LociClient) async throws {
    _ = try await client.memories.addMemories(
      V1.AddMemoriesRequest(scope: scope, memories: texts.map { V1.MemoryDraft(text: $0) }))
  }

  private static func texts(_ client: LociClient) async throws -> Set<String> {
    let listed = try await client.memories.listMemories(V1.ListMemoriesRequest(scope: scope))
    return Set(listed.memories.map(\.text))
  }

  private static func consolidations(_ client: LociClient) async throws -> [V1.Consolidation] {
    try await client.learning.listConsolidations(V1.ListConsolidationsRequest(scope: scope)).consolidations
  }

  /// Waits for the background, a bounded number of its rounds.
  private static func first(_ client: LociClient) async throws -> V1.Consolidation {
    for _ in 0..<500 {
      if let done = try await consolidations(client).first { return done }
      try await Task.sleep(for: .milliseconds(20))
    }
    return try #require(try await consolidations(client).first)
  }

  @Test func enoughNewMemoriesAreConsolidatedAndStayUndone() async throws {
    try await Self.run { client in
      try await Self.set(V1.MemoryPolicy(consolidateAfterMemories: 3), client)
      try await Self.add(Array(Self.said.prefix(2)), client)
      try await Task.sleep(for: .milliseconds(200))
      #expect(try await Self.texts(client).count == 2)
      try await Self.add([Self.said[2]], client)
      let done = try await Self.first(client)
      #expect(done.merged.count == 1 && done.memoriesRead == 3)
      #expect(try await Self.texts(client).count == 2)
      _ = try await client.learning.undoConsolidation(
        V1.UndoConsolidationRequest(scope: Self.scope, consolidationID: done.id))
      // The same is not done again, and what is new is.
      try await Self.add(["Carl works at Bosch.", "Carl is employed by Bosch."], client)
      for _ in 0..<500 {
        if try await Self.consolidations(client).count > 1 { break }
        try await Task.sleep(for: .milliseconds(20))
      }
      let texts = try await Self.texts(client)
      #expect(texts.isSuperset(of: Self.said) && texts.count == 4)
    }
  }

  @Test func aSessionsEndConsolidates() async throws {
    try await Self.run { client in
      try await Self.set(V1.MemoryPolicy(consolidateAtSessionEnd: true), client)
      _ = try await client.sessions.createSession(
        V1.CreateSessionRequest(scope: Self.scope, id: "s", activate: true))
      try await Self.add(Self.said, client)
      try await Task.sleep(for: .milliseconds(200))
      #expect(try await Self.texts(client).count == 3)
      _ = try await client.sessions.transitionSession(
        V1.TransitionSessionRequest(scope: Self.scope, sessionID: "s", state: .completed))
      #expect(try await Self.first(client).merged.count == 1)
      #expect(try await Self.texts(client).count == 2)
    }
  }

  @Test func withoutAPolicyNothingIsMerged() async throws {
    try await Self.run { client in
      try await Self.add(Self.said, client)
      try await Task.sleep(for: .milliseconds(300))
      #expect(try await Self.texts(client).count == 3)
      await #expect(throws: (any Error).self) {
        try await Self.set(V1.MemoryPolicy(consolidateAfterMemories: 20_001), client)
      }
    }
  }
}
