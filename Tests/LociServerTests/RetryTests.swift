import LociClient
import LociProto
import LociWire
import Testing

/// A retry under the same request id changes nothing and gets the first answer.
@Suite struct RetryTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")

  private func append(_ text: String) -> V1.AppendRequest {
    V1.AppendRequest(
      scope: scope, contextID: "c", messages: [V1.MessageDraft(role: .user, text: text)], createContext: true,
      options: V1.WriteOptions(requestID: "once"))
  }

  @Test func theFirstAnswerComesAgainAfterARestart() async throws {
    let folder = TemporaryFolder()
    let first = try await TestNode.run(folder: folder.path) { server in
      try await server.client.contexts.append(append("hello"))
    }
    try await TestNode.run(folder: folder.path) { server in
      #expect(try await server.client.contexts.append(append("hello")) == first)
      let listed = try await server.client.contexts.listMessages(V1.ListMessagesRequest(scope: scope))
      #expect(listed.messages.map(\.text) == ["hello"])
    }
  }

  @Test func racingRetriesStoreOnce() async throws {
    try await TestNode.run { server in
      let client = server.client
      let answers = try await withThrowingTaskGroup(of: V1.AppendResponse.self) { group in
        for _ in 0..<32 { group.addTask { try await client.contexts.append(append("hello")) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(answers.map(\.messageIDs)).count == 1)
      #expect(Set(answers.compactMap { $0.position?.sequence }).count == 1)
      let listed = try await client.contexts.listMessages(V1.ListMessagesRequest(scope: scope))
      #expect(listed.messages.count == 1)
      await client.close()
    }
  }

  @Test func anotherRequestUnderTheSameIDIsRefused() async throws {
    try await TestNode.run { server in
      _ = try await server.client.contexts.append(append("hello"))
      await #expect(throws: RPCStatus.self) { try await server.client.contexts.append(append("other")) }
      await #expect(throws: RPCStatus.self) {
        try await server.client.contexts.createContext(
          V1.CreateContextRequest(scope: scope, options: V1.WriteOptions(requestID: "once")))
      }
    }
  }
}
