import LociClient
import LociProto
import Testing

/// Names are bytes. Two that Unicode calls equivalent ("é" as one scalar or as two) are two names, whatever Swift's
/// comparison of strings says of them.
@Suite struct UnicodeNamesTests {
  private static let one = "caf\u{E9}"
  private static let two = "cafe\u{301}"

  @Test func equivalentTenantsAreTwoTenants() async throws {
    try await TestNode.run(shards: 1) { server in
      let client = server.client
      let scopes = [
        V1.Scope(tenant: Self.one, agent: "a"), V1.Scope(tenant: Self.two, agent: "a"),
        V1.Scope(tenant: "t", agent: Self.one), V1.Scope(tenant: "t", agent: Self.two)
      ]
      for (number, scope) in scopes.enumerated() {
        _ = try await client.contexts.append(
          V1.AppendRequest(
            scope: scope, contextID: "c", messages: [V1.MessageDraft(role: .user, text: "secret \(number)")],
            createContext: true))
      }
      for (number, scope) in scopes.enumerated() {
        let found = try await client.contexts.searchMessages(
          V1.SearchMessagesRequest(scope: scope, query: "secret", mode: .keyword))
        #expect(found.hits.map { $0.message?.text } == ["secret \(number)"])
        let listed = try await client.contexts.listMessages(V1.ListMessagesRequest(scope: scope))
        #expect(listed.messages.map(\.text) == ["secret \(number)"])
      }
      await client.close()
    }
  }

  @Test func equivalentIDsAreTwoIDs() async throws {
    try await TestNode.run(shards: 1) { server in
      let client = server.client
      let scope = V1.Scope(tenant: "t", agent: "a")
      let ids = [Self.one, Self.two]
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: scope, contextID: "c", messages: ids.map { V1.MessageDraft(id: $0, role: .user, text: "x") },
          createContext: true))
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: scope, memories: ids.map { V1.MemoryDraft(id: $0, text: "x") }))
      let messages = try await client.contexts.deleteMessages(
        V1.DeleteMessagesRequest(scope: scope, messageIDs: ids))
      #expect(messages.messagesDeleted == 2)
      let memories = try await client.memories.deleteMemories(
        V1.DeleteMemoriesRequest(scope: scope, memoryIDs: ids))
      #expect(memories.memoriesDeleted == 2)
      await client.close()
    }
  }

  /// The words of the text that went must go from the index, and those of the new one come.
  @Test func anEquivalentTextIsAnotherText() async throws {
    try await TestNode.run(shards: 1) { server in
      let client = server.client
      let scope = V1.Scope(tenant: "t", agent: "a")
      let texts = ["\u{D55C}\u{AE00}", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}"]
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: scope, memories: [V1.MemoryDraft(id: "m", text: texts[0])]))
      _ = try await client.memories.updateMemory(
        V1.UpdateMemoryRequest(scope: scope, memoryID: "m", text: texts[1]))
      let stored = try await client.memories.getMemory(V1.GetMemoryRequest(scope: scope, memoryID: "m"))
      #expect(Array((stored.memory?.text ?? "").utf8) == Array(texts[1].utf8))
      let found = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(scope: scope, query: texts[1], mode: .keyword))
      #expect(found.hits.count == 1)
      _ = try await client.memories.deleteMemories(
        V1.DeleteMemoriesRequest(scope: scope, memoryIDs: ["m"]))
      for text in texts {
        let left = try await client.memories.searchMemories(
          V1.SearchMemoriesRequest(scope: scope, query: text, mode: .keyword))
        #expect(left.hits.isEmpty && left.report?.keywordMatches == 0)
      }
      await client.close()
    }
  }
}
