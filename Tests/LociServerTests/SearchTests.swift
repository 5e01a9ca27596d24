import LociClient
import LociProto
import Testing

/// Found by meaning and by words, in English and Chinese; and never again once deleted.
@Suite struct SearchTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")

  @Test func wordsAreFoundInBothLanguages() async throws {
    try await TestNode.run { server in
      let client = server.client
      let texts = [
        "The invoice is unpaid", "我们把会议改到星期二了", "Café in Zürich", "error E4021 in module auth_core"
      ]
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: scope, contextID: "c", messages: texts.map { V1.MessageDraft(role: .user, text: $0) },
          createContext: true))
      for (query, index) in [
        ("invoices", 0), ("会议", 1), ("星期", 1), ("会", 1), ("cafe zurich", 2), ("ＣＡＦＥ", 2), ("e4021", 3),
        ("auth_core", 3)
      ] {
        let found = try await client.contexts.searchMessages(
          V1.SearchMessagesRequest(scope: scope, query: query, mode: .keyword))
        #expect(found.hits.first?.message?.text == texts[index], "\(query)")
      }
      await client.close()
    }
  }

  @Test func meaningIsFoundAndDeletionsAreNot() async throws {
    guard let model = TestNode.model else { return }
    try await TestNode.run(model: model) { server in
      let client = server.client
      let texts = [
        "The meeting in Berlin was moved to Tuesday", "Anna prefers window seats on trains",
        "The cat sleeps on the warm keyboard", "Quarterly revenue grew by nine percent"
      ]
      let added = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope, memories: texts.map { V1.MemoryDraft(text: $0) },
          options: V1.WriteOptions(waitForIndex: true)))
      func best(_ query: String, _ mode: V1.SearchMode) async throws -> [String] {
        try await client.memories.searchMemories(
          V1.SearchMemoriesRequest(scope: scope, query: query, mode: mode)
        ).hits.compactMap { $0.memory?.text }
      }
      let queries = [
        ("when do we gather in Germany?", 0), ("where does she like to sit when travelling by rail?", 1),
        ("a pet naps on the computer", 2), ("company income went up", 3)
      ]
      for (query, index) in queries {
        #expect(try await best(query, .semantic).first == texts[index], "\(query)")
        #expect(try await best(query, .hybrid).first == texts[index], "\(query)")
      }
      _ = try await client.memories.deleteMemories(
        V1.DeleteMemoriesRequest(scope: scope, memoryIDs: [added.memoryIDs[0]]))
      for mode in [V1.SearchMode.semantic, .keyword, .hybrid] {
        #expect(try await !best("the meeting in Berlin on Tuesday", mode).contains(texts[0]), "\(mode)")
      }
      _ = try await client.memories.updateMemory(
        V1.UpdateMemoryRequest(
          scope: scope, memoryID: added.memoryIDs[2], text: "The dog digs in the garden",
          options: V1.WriteOptions(waitForIndex: true)))
      #expect(
        try await best("a hound makes holes among the flowers", .semantic).first
          == "The dog digs in the garden")
      #expect(try await !best("cat keyboard", .keyword).contains(texts[2]))
      await client.close()
    }
  }

  @Test func pendingEmbeddingsAreMadeAfterARestart() async throws {
    guard let model = TestNode.model else { return }
    let folder = TemporaryFolder()
    try await TestNode.run(folder: folder.path) { server in
      _ = try await server.client.memories.addMemories(
        V1.AddMemoriesRequest(scope: scope, memories: [V1.MemoryDraft(text: "The harbour is closed by ice")]))
    }
    try await TestNode.run(folder: folder.path, model: model) { server in
      let found = try await server.client.memories.searchMemories(
        V1.SearchMemoriesRequest(
          scope: scope, query: "ships cannot dock, it is frozen", mode: .semantic, waitForIndex: true))
      #expect(found.hits.count == 1)
      #expect(found.report?.pendingEmbeddings == 0)
    }
  }

  @Test func embeddingsOfTheCallerAreChecked() async throws {
    guard let model = TestNode.model else { return }
    try await TestNode.run(model: model) { server in
      let client = server.client
      func add(_ embedding: [Float]) async throws {
        _ = try await client.memories.addMemories(
          V1.AddMemoriesRequest(scope: scope, memories: [V1.MemoryDraft(text: "x", embedding: embedding)]))
      }
      var vector = [Float](repeating: 0, count: 384)
      await #expect(throws: (any Error).self, "length zero") { try await add(vector) }
      vector[7] = 2
      try await add(vector)
      await #expect(throws: (any Error).self, "dimension") { try await add(Array(vector.dropLast())) }
      for bad in [Float.nan, .infinity, -.infinity] {
        vector[3] = bad
        await #expect(throws: (any Error).self, "\(bad)") { try await add(vector) }
      }
      let found = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(scope: scope, embedding: (0..<384).map { $0 == 7 ? 1 : 0 }, mode: .semantic))
      #expect(found.hits.count == 1)
      await client.close()
    }
  }
}
