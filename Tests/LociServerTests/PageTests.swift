import LociClient
import LociProto
import Testing

/// Pages show every item once, whatever their size, and always fit an answer.
@Suite struct PageTests {
  private static let scope = V1.Scope(tenant: "t", agent: "a")

  @Test(arguments: [1, 7, 0, 1_000] as [Int32], [false, true])
  func pagesOfLargeMessagesShowEachOnce(size: Int32, newestFirst: Bool) async throws {
    try await TestNode.run { server in
      let client = server.client
      let count = 40
      for number in 0..<count {
        // 0 to 1 MiB, together far more than a frame holds.
        let text = "\(number) " + String(repeating: "x", count: number % 4 * 349_520)
        _ = try await client.contexts.append(
          V1.AppendRequest(
            scope: Self.scope, contextID: "c", messages: [V1.MessageDraft(role: .tool, text: text)],
            createContext: true))
      }
      for contextID in ["c", ""] {
        var seen: [Int] = []
        var page = V1.Page(size: size)
        repeat {
          let answer = try await client.contexts.listMessages(
            V1.ListMessagesRequest(
              scope: Self.scope, contextID: contextID, newestFirst: newestFirst, page: page))
          #expect(!answer.messages.isEmpty && answer.messages.count <= (size == 0 ? 100 : Int(size)))
          seen += answer.messages.compactMap { Int($0.text.prefix { $0 != " " }) }
          page.token = answer.page?.nextToken ?? ""
        } while !page.token.isEmpty
        #expect(seen == (newestFirst ? Array((0..<count).reversed()) : Array(0..<count)))
      }
      await client.close()
    }
  }

  @Test func aSearchSaysWhatItLeavesOut() async throws {
    try await TestNode.run { server in
      let client = server.client
      for number in 0..<12 {
        let text = "needle \(number) " + String(repeating: "x", count: 400_000)
        _ = try await client.contexts.append(
          V1.AppendRequest(
            scope: Self.scope, contextID: "c", messages: [V1.MessageDraft(role: .tool, text: text)],
            createContext: true))
      }
      for (limit, isTruncated) in [(5, false), (12, true)] as [(Int32, Bool)] {
        let found = try await client.contexts.searchMessages(
          V1.SearchMessagesRequest(scope: Self.scope, query: "needle", limit: limit, mode: .keyword))
        #expect(found.report?.truncated == isTruncated)
        #expect(found.hits.count == (isTruncated ? 7 : 5))
      }
      await client.close()
    }
  }

  @Test func memoriesAndContextsFitToo() async throws {
    try await TestNode.run { server in
      let client = server.client
      let attributes = (0..<60).map {
        V1.Attribute(key: "k\($0)", value: String(repeating: "v", count: 4_000))
      }
      for number in 0..<30 {
        _ = try await client.contexts.createContext(
          V1.CreateContextRequest(scope: Self.scope, id: "c\(number)", attributes: attributes))
        _ = try await client.memories.addMemories(
          V1.AddMemoriesRequest(
            scope: Self.scope,
            memories: [
              V1.MemoryDraft(
                id: "m\(number)", text: String(repeating: "x", count: 250_000), attributes: attributes)
            ]))
      }
      var (contexts, memories): ([String], [String]) = ([], [])
      var page = V1.Page()
      repeat {
        let answer = try await client.contexts.listContexts(
          V1.ListContextsRequest(scope: Self.scope, page: page))
        contexts += answer.contexts.map(\.id)
        page.token = answer.page?.nextToken ?? ""
      } while !page.token.isEmpty
      repeat {
        let answer = try await client.memories.listMemories(
          V1.ListMemoriesRequest(scope: Self.scope, page: page))
        memories += answer.memories.map(\.id)
        page.token = answer.page?.nextToken ?? ""
      } while !page.token.isEmpty
      #expect(contexts == (0..<30).reversed().map { "c\($0)" })
      #expect(memories == (0..<30).map { "m\($0)" })
      await client.close()
    }
  }
}
