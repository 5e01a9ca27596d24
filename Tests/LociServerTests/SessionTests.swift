import LociClient
import LociProto
import LociWire
import Testing

/// Sessions, branches, assembly and the state bus over a real connection.
@Suite struct SessionTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")

  private func append(_ texts: [String], to context: String, _ client: LociClient) async throws {
    _ = try await client.contexts.append(
      V1.AppendRequest(
        scope: scope, contextID: context, messages: texts.map { V1.MessageDraft(role: .user, text: $0) },
        createContext: true))
  }

  @Test func aSessionFromBeginningToEnd() async throws {
    try await TestNode.run { server in
      let client = server.client
      let created = try await client.sessions.createSession(
        V1.CreateSessionRequest(
          scope: scope, id: "trip", title: "A trip", timeoutMs: 600_000,
          variables: [V1.VariableChange(name: "city", value: "\"Lisbon\"")], activate: true))
      #expect(created.session?.state == .active && created.session?.contextID == "trip")
      try await append(["one", "two"], to: "trip", client)
      let snapshot = try await client.sessions.takeSnapshot(
        V1.TakeSnapshotRequest(scope: scope, sessionID: "trip", label: "two said"))
      try await append(["three"], to: "trip", client)
      let id = try #require(snapshot.snapshot?.id)
      let diff = try await client.sessions.diffSnapshots(
        V1.DiffSnapshotsRequest(scope: scope, sessionID: "trip", fromSnapshotID: id))
      #expect(diff.messagesAddedCount == 1)
      let back = try await client.sessions.rollbackSession(
        V1.RollbackSessionRequest(scope: scope, sessionID: "trip", snapshotID: id))
      #expect(back.messagesRemoved == 1)
      let searched = try await client.contexts.searchMessages(
        V1.SearchMessagesRequest(scope: scope, query: "three"))
      #expect(searched.hits.isEmpty, "what was rolled back is found no more")
      _ = try await client.sessions.rollbackSession(
        V1.RollbackSessionRequest(scope: scope, sessionID: "trip", snapshotID: back.undoSnapshotID))
      let again = try await client.contexts.searchMessages(
        V1.SearchMessagesRequest(scope: scope, query: "three"))
      #expect(again.hits.map(\.message?.text) == ["three"], "what came back is found again")
      _ = try await client.sessions.transitionSession(
        V1.TransitionSessionRequest(scope: scope, sessionID: "trip", state: .completed, reason: "done"))
      let snapshots = try await client.sessions.listSnapshots(
        V1.ListSnapshotsRequest(scope: scope, sessionID: "trip"))
      #expect(snapshots.snapshots.map(\.automatic) == [true, true, false])
      #expect(snapshots.snapshots.last?.position == snapshot.snapshot?.position)
      await client.close()
    }
  }

  /// A snapshot with more than a frame holds, piece by piece.
  @Test func anExportIsWhole() async throws {
    try await TestNode.run { server in
      let client = server.client
      _ = try await client.sessions.createSession(
        V1.CreateSessionRequest(scope: scope, id: "s", activate: true))
      let long = String(repeating: "x", count: 200_000)
      for round in 0..<5 { try await append((0..<8).map { "\(round).\($0) \(long)" }, to: "s", client) }
      for number in 0..<30 {
        _ = try await client.sessions.setVariables(
          V1.SetVariablesRequest(
            scope: scope, sessionID: "s", variables: [V1.VariableChange(name: "v\(number)", value: long)]))
      }
      for number in 0..<8 {
        _ = try await client.memories.addMemories(
          V1.AddMemoriesRequest(
            scope: scope, memories: [V1.MemoryDraft(text: "\(number) \(long)", contextID: "s")]))
      }
      let taken = try await client.sessions.takeSnapshot(V1.TakeSnapshotRequest(scope: scope, sessionID: "s"))
      let id = try #require(taken.snapshot?.id)
      _ = try await client.contexts.listMessages(V1.ListMessagesRequest(scope: scope, contextID: "s"))
      try await append(["since"], to: "s", client)
      for (snapshot, count) in [(id, 40), ("", 41)] {
        var (messages, variables, memories, sessions) = (0, 0, 0, 0)
        let request = V1.ExportSnapshotRequest(scope: scope, sessionID: "s", snapshotID: snapshot)
        for try await piece in client.sessions.exportSnapshot(request) {
          messages += piece.messages.count
          variables += piece.variables.count
          memories += piece.memories.count
          sessions += piece.session == nil ? 0 : 1
        }
        #expect([messages, variables, memories, sessions] == [count, 30, 8, 1])
      }
      await client.close()
    }
  }

  /// The server itself ends what is not heard of.
  @Test func aSessionTimesOut() async throws {
    try await TestNode.run { server in
      let client = server.client
      _ = try await client.sessions.createSession(
        V1.CreateSessionRequest(scope: scope, id: "s", timeoutMs: 1, activate: true))
      var state = V1.SessionState.active
      for _ in 0..<600 where state != .expired {
        try await Task.sleep(for: .milliseconds(50))
        state =
          try await client.sessions.getSession(V1.GetSessionRequest(scope: scope, sessionID: "s")).session?
          .state ?? state
      }
      #expect(state == .expired)
      let life = try await client.sessions.listTransitions(
        V1.ListTransitionsRequest(scope: scope, sessionID: "s"))
      #expect(life.transitions.map(\.toState) == [.created, .active, .expired])
      await client.close()
    }
  }

  @Test func theStateBusReadsAllAtOnePosition() async throws {
    try await TestNode.run { server in
      let client = server.client
      let nothing = try await client.state.getCurrent(V1.GetCurrentRequest(scope: scope))
      #expect(nothing.context == nil && nothing.session == nil && nothing.messages.isEmpty)
      _ = try await client.sessions.createSession(
        V1.CreateSessionRequest(
          scope: scope, id: "s", variables: [V1.VariableChange(name: "x", value: "1")], activate: true))
      try await append((1...30).map { "message \($0)" }, to: "s", client)
      let memory = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: scope,
          memories: [
            V1.MemoryDraft(id: "k1", text: "likes trains", contextID: "s"),
            V1.MemoryDraft(id: "k2", text: "the invoice is unpaid")
          ]))
      let current = try await client.state.getCurrent(
        V1.GetCurrentRequest(scope: scope, query: "trains", messageLimit: 3))
      #expect(current.position?.sequence == memory.position?.sequence)
      #expect(current.context?.id == "s" && current.session?.id == "s")
      #expect(current.messages.map(\.text) == ["message 28", "message 29", "message 30"])
      #expect(current.variables.map(\.value) == ["1"] && current.sessions.map(\.id) == ["s"])
      #expect(current.memories.first?.memory?.id == "k1")
      let plain = try await client.state.getCurrent(V1.GetCurrentRequest(scope: scope, sessionID: "s"))
      #expect(plain.messages.count == 20 && plain.memories.map(\.memory?.id) == ["k1"])
      await client.close()
    }
  }

  @Test func anAssembledContextKeepsItsBudget() async throws {
    try await TestNode.run { server in
      let client = server.client
      try await append((1...50).map { "message \($0) about trains" }, to: "c", client)
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: scope, memories: [V1.MemoryDraft(id: "k", text: "likes trains")]))
      let answer = try await client.contexts.assembleContext(
        V1.AssembleContextRequest(
          scope: scope, contextID: "c", tokenBudget: 100, query: "trains"))
      #expect(answer.counter == "estimate" && answer.tokenCount <= 100)
      #expect(answer.parts.first?.kind == .memory && answer.parts.first?.id == "k")
      #expect(answer.parts.last?.number == 50)
      #expect(answer.position?.sequence ?? 0 > 0)
      await client.close()
    }
  }

  @Test func theEncodersTokenizerCounts() async throws {
    guard let model = TestNode.model else { return }
    try await TestNode.run(model: model) { server in
      let client = server.client
      try await append(["We moved the meeting to Tuesday."], to: "c", client)
      let answer = try await client.contexts.assembleContext(
        V1.AssembleContextRequest(
          scope: scope, contextID: "c", tokenBudget: 100, messageOverheadTokens: 1))
      #expect(answer.counter.contains("MiniLM") && answer.tokenCount == 7 + 1)
      await client.close()
    }
  }

  @Test func aRetryOfARollbackChangesNothing() async throws {
    try await TestNode.run { server in
      let client = server.client
      _ = try await client.sessions.createSession(
        V1.CreateSessionRequest(scope: scope, id: "s", activate: true))
      _ = try await client.sessions.takeSnapshot(
        V1.TakeSnapshotRequest(scope: scope, sessionID: "s", id: "p"))
      try await append(["one"], to: "s", client)
      let request = V1.RollbackSessionRequest(
        scope: scope, sessionID: "s", snapshotID: "p", options: V1.WriteOptions(requestID: "once"))
      let first = try await client.sessions.rollbackSession(request)
      try await append(["two"], to: "s", client)
      #expect(try await client.sessions.rollbackSession(request) == first)
      let listed = try await client.contexts.listMessages(
        V1.ListMessagesRequest(scope: scope, contextID: "s"))
      #expect(listed.messages.map(\.text) == ["two"])
      await client.close()
    }
  }
}
