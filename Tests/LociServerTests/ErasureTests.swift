import Foundation
import LociClient
import LociProto
import LociServer
import LociWire
import Logging
import Testing

/// Forgetting over a real connection: what is forgotten is in no answer and in no file.
@Suite struct ErasureTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")
  private let other = V1.Scope(tenant: "t", agent: "b")

  @Test func memoriesAndMessagesLeaveEveryAnswerAndEveryFile() async throws {
    try await Self.withFolder { folder in
      try await TestNode.run(folder: folder) { server in
        let client = server.client
        let secrets = try await write(client)
        let kept = try await everything(client, of: other)
        #expect(Self.files(folder, holding: "zanzibar").isEmpty == false, "the test must be able to fail")
        let erasure = try #require(
          try await client.erasure.forget(
            V1.ForgetRequest(
              scope: scope, memoryIDs: ["secret", "gone"], messageIDs: [secrets[0]], subject: "Zanzibar",
              reason: "ticket 7")
          ).erasure)
        #expect(erasure.rewrittenAtUs > 0 && erasure.recordsRedacted > 0 && erasure.reason == "ticket 7")
        let counts = Dictionary(uniqueKeysWithValues: erasure.counts.map { ($0.index, $0.count) })
        #expect(counts["messages"] == 4 && counts["memories"] == 2)
        #expect(counts["snapshots"] == 1, "a snapshot held a deleted message")
        #expect(counts["compactions"] == 1)
        #expect(Self.files(folder, holding: "zanzibar") == [])
        let position = try #require(erasure.position)
        let consistency = V1.Consistency(level: .session, after: [position])
        for mode in [V1.SearchMode.keyword, .hybrid] {
          let hits = try await client.contexts.searchMessages(
            V1.SearchMessagesRequest(
              scope: scope, query: "zanzibar", limit: 10, mode: mode, consistency: consistency)
          ).hits
          #expect(hits.allSatisfy { $0.message?.text.lowercased().contains("zanzibar") == false })
        }
        let left = try await everything(client, of: scope)
        #expect(left.contains("the ordinary line 3") && left.contains("likes window seats"))
        #expect(!left.contains { $0.lowercased().contains("zanzibar") })
        #expect(try await everything(client, of: other) == kept)
        let found = try await client.erasure.listErasures(V1.ListErasuresRequest(scope: scope)).erasures
        #expect(found == [erasure])
        // Life goes on, and a rollback to the snapshot brings nothing back.
        _ = try await client.contexts.append(
          V1.AppendRequest(
            scope: scope, contextID: "c", messages: [V1.MessageDraft(role: .user, text: "after")]))
        _ = try await client.sessions.rollbackSession(
          V1.RollbackSessionRequest(scope: scope, sessionID: "s", snapshotID: "before"))
        #expect(!(try await everything(client, of: scope)).contains { $0.lowercased().contains("zanzibar") })
        await client.close()
      }
      #expect(Self.files(folder, holding: "zanzibar") == [])
      try await Self.expectSound(folder)
    }
  }

  /// A digest says what the memories said that it stands for: it goes with any of them, and the others come back.
  @Test(arguments: [true, false]) func aDigestHoldsNothingForgotten(bySubject: Bool) async throws {
    try await Self.withFolder { folder in
      try await TestNode.run(folder: folder) { server in
        let client = server.client
        let drafts = (0..<40).map { number in
          V1.MemoryDraft(
            id: "k\(number)",
            text: number == 3
              ? "The code is ZANZIBAR-77." : "On day \(number) the keeper counted \(number * 3) gulls.",
            importance: 0.2, createdAtUs: 1_700_000_000_000_000 + Int64(number))
        }
        _ = try await client.memories.addMemories(V1.AddMemoriesRequest(scope: scope, memories: drafts))
        let compaction = try #require(
          try await client.compression.compactMemories(
            V1.CompactMemoriesRequest(
              scope: scope, memoriesMax: 20, options: V1.WriteOptions(requestID: "fold"))
          ).compaction)
        #expect(compaction.digests.contains { $0.text.contains("ZANZIBAR-77") })
        _ = try await client.erasure.forget(
          V1.ForgetRequest(
            scope: scope, memoryIDs: bySubject ? [] : ["k3"], subject: bySubject ? "zanzibar-77" : ""))
        #expect(Self.files(folder, holding: "zanzibar") == [])
        let left = try await everything(client, of: scope)
        #expect(Set(left) == Set(drafts.map(\.text).filter { !$0.contains("ZANZIBAR") }))
        await client.close()
      }
      #expect(Self.files(folder, holding: "zanzibar") == [])
      try await Self.expectSound(folder)
    }
  }

  @Test func aWholeAgentLeavesEveryFile() async throws {
    try await Self.withFolder { folder in
      try await TestNode.run(folder: folder) { server in
        let client = server.client
        _ = try await write(client)
        try await writeTheRest(client)
        let kept = try await everything(client, of: other)
        let erasure = try #require(
          try await client.erasure.forget(V1.ForgetRequest(scope: scope, wholeAgent: true)).erasure)
        #expect(erasure.wholeAgent && erasure.rewrittenAtUs > 0)
        #expect(Self.files(folder, holding: "zanzibar") == [])
        #expect(try await everything(client, of: scope) == [])
        #expect(try await everything(client, of: other) == kept)
        #expect(try await client.feedback.listFeedback(V1.ListFeedbackRequest(scope: scope)).feedback.isEmpty)
        #expect(
          try await client.erasure.getErasure(
            V1.GetErasureRequest(scope: scope, erasureID: erasure.id)
          ).erasure == erasure)
        _ = try await client.contexts.append(
          V1.AppendRequest(
            scope: scope, contextID: "c", messages: [V1.MessageDraft(role: .user, text: "again")],
            createContext: true))
        #expect(try await everything(client, of: scope) == ["again"], "the agent may begin again")
        await client.close()
      }
      try await Self.expectSound(folder)
    }
  }

  @Test func whatWasNotWrittenAnewBeforeAStopIsAfterTheNextStart() async throws {
    try await Self.withFolder { folder in
      let id = try await TestNode.run(folder: folder) { server in
        let client = server.client
        _ = try await write(client)
        let erasure = try await client.erasure.forget(
          V1.ForgetRequest(scope: scope, contextIDs: ["c2"], subject: "zanzibar", noWait: true)
        ).erasure
        await client.close()
        return erasure?.id ?? ""
      }
      try await TestNode.run(folder: folder) { server in
        let client = server.client
        var erasure: V1.Erasure?
        repeat {
          try await Task.sleep(for: .milliseconds(20))
          erasure = try await client.erasure.getErasure(
            V1.GetErasureRequest(scope: scope, erasureID: id)
          ).erasure
        } while erasure?.rewrittenAtUs == 0
        await client.close()
      }
      #expect(Self.files(folder, holding: "zanzibar") == [])
      try await Self.expectSound(folder)
    }
  }

  @Test func whatADigestQuotesLeavesItToo() async throws {
    try await Self.withFolder { folder in
      try await TestNode.run(folder: folder) { server in
        let client = server.client
        let drafts = (0..<40).map { number in
          V1.MemoryDraft(
            id: "m\(number)", type: .episodic,
            text:
              "On day \(number) the ferry to \(number == 3 ? "Zanzibar" : "the island") carried \(number * 7) people.",
            importance: 0.1)
        }
        _ = try await client.memories.addMemories(V1.AddMemoriesRequest(scope: scope, memories: drafts))
        let compacted = try await client.compression.compactMemories(
          V1.CompactMemoriesRequest(scope: scope, memoriesMax: 10))
        let digests = try #require(compacted.compaction?.digests)
        #expect(digests.contains { $0.coveredIDs.contains("m3") }, "the oldest are folded")
        _ = try await client.erasure.forget(V1.ForgetRequest(scope: scope, memoryIDs: ["m3"]))
        #expect(Self.files(folder, holding: "zanzibar") == [])
        #expect(!(try await everything(client, of: scope)).contains { $0.contains("Zanzibar") })
        let other = try await client.memories.getMemory(V1.GetMemoryRequest(scope: scope, memoryID: "m4"))
        #expect(other.memory?.text == drafts[4].text)
        await client.close()
      }
      try await Self.expectSound(folder)
    }
  }

  @Test func writersGoOnMeanwhile() async throws {
    try await Self.withFolder { folder in
      try await TestNode.run(folder: folder, shards: 1) { server in
        let client = server.client
        _ = try await write(client)
        let acknowledged = try await withThrowingTaskGroup(of: [String].self) { group in
          for writer in 0..<4 {
            group.addTask {
              var texts: [String] = []
              for number in 0..<150 {
                let text = "writer \(writer) line \(number)"
                _ = try await client.contexts.append(
                  V1.AppendRequest(
                    scope: V1.Scope(tenant: "t", agent: "w\(writer)"), contextID: "c",
                    messages: [V1.MessageDraft(role: .user, text: text)], createContext: true))
                texts.append(text)
              }
              return texts
            }
          }
          group.addTask { [scope] in
            for memory in ["secret", "plain", "gone"] {
              _ = try await client.erasure.forget(V1.ForgetRequest(scope: scope, memoryIDs: [memory]))
            }
            return []
          }
          return try await group.reduce(into: []) { $0 += $1 }
        }
        var stored: Set<String> = []
        for writer in 0..<4 {
          stored.formUnion(try await everything(client, of: V1.Scope(tenant: "t", agent: "w\(writer)")))
        }
        #expect(stored == Set(acknowledged) && acknowledged.count == 600)
        await client.close()
      }
      try await Self.expectSound(folder)
    }
  }

  @Test func badRequestsAreNamed() async throws {
    try await TestNode.run { server in
      let client = server.client
      for request in [
        V1.ForgetRequest(scope: scope), V1.ForgetRequest(scope: scope, subject: "x"),
        V1.ForgetRequest(scope: scope, subject: "name", wholeAgent: true),
        V1.ForgetRequest(scope: scope, memoryIDs: [""]), V1.ForgetRequest(memoryIDs: ["m"]),
        V1.ForgetRequest(scope: scope, memoryIDs: Array(repeating: "m", count: 10_001))
      ] {
        await #expect(throws: RPCStatus.self) { try await client.erasure.forget(request) }
      }
      let nothing = try await client.erasure.forget(V1.ForgetRequest(scope: scope, memoryIDs: ["never"]))
      #expect(nothing.erasure?.counts == [], "an unknown id is no error")
      await client.close()
    }
  }

  // MARK: What is written

  /// Messages and memories of two agents, some of them with a secret; a session with a snapshot that holds a message
  /// deleted since, a compaction, a remembered answer. Returns the ids of messages with the secret.
  private func write(_ client: LociClient) async throws -> [String] {
    var secrets: [String] = []
    for owner in [scope, other] {
      let word = owner == scope ? "Zanzibar" : "Samarkand"
      _ = try await client.sessions.createSession(
        V1.CreateSessionRequest(scope: owner, id: "s", contextID: "c"))
      let first = try await client.contexts.append(
        V1.AppendRequest(
          scope: owner, contextID: "c",
          messages: [
            V1.MessageDraft(role: .user, text: "I was born in \(word)."),
            V1.MessageDraft(role: .user, text: "hello", name: word),
            V1.MessageDraft(
              role: .tool, text: "found", attributes: [V1.Attribute(key: "place", value: word.lowercased())])
          ] + (0..<40).map { V1.MessageDraft(role: .user, text: "the ordinary line \($0)") },
          createContext: true))
      _ = try await client.sessions.takeSnapshot(
        V1.TakeSnapshotRequest(scope: owner, sessionID: "s", id: "before"))
      let ids = first.messageIDs
      if owner == scope { secrets = Array(ids.prefix(3)) }
      _ = try await client.contexts.deleteMessages(
        V1.DeleteMessagesRequest(scope: owner, messageIDs: [ids[1]]))
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: owner, contextID: "c2",
          messages: [V1.MessageDraft(role: .user, text: "From \(word.uppercased()) again, 桑给巴尔")],
          createContext: true))
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: owner, contextID: "c3",
          messages: (0..<60).map {
            V1.MessageDraft(
              role: .user, text: "Note \($0) on \(word): the lighthouse keeper counted \($0 * 3) gulls.")
          }.prefix(1)
            + (1..<60).map {
              V1.MessageDraft(role: .user, text: "Note \($0): the lighthouse keeper counted \($0 * 3) gulls.")
            }, createContext: true))
      _ = try await client.compression.compactContext(
        V1.CompactContextRequest(scope: owner, contextID: "c3", keepNewest: 10))
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: owner,
          memories: [
            V1.MemoryDraft(id: "secret", type: .semantic, text: "Born in \(word)"),
            V1.MemoryDraft(id: "plain", type: .semantic, text: "likes window seats"),
            V1.MemoryDraft(id: "gone", type: .semantic, text: "\(word) was deleted by hand"),
            V1.MemoryDraft(
              id: "tagged", type: .semantic, text: "a place",
              attributes: [V1.Attribute(key: "subject", value: word)])
          ]))
      _ = try await client.memories.updateMemory(
        V1.UpdateMemoryRequest(
          scope: owner, memoryID: "secret", text: "Was born in \(word) in 1990",
          options: V1.WriteOptions(requestID: "update-1")))
      _ = try await client.memories.deleteMemories(
        V1.DeleteMemoriesRequest(scope: owner, memoryIDs: ["gone"]))
    }
    return secrets
  }

  /// What else an agent may keep.
  private func writeTheRest(_ client: LociClient) async throws {
    let trace = "0af7651916cd43dd8448eb211c80319c"
    _ = try await client.traces.writeSteps(
      V1.WriteStepsRequest(
        scope: scope,
        steps: [
          V1.Step(
            traceID: trace, spanID: "b7ad6b7169203331", kind: .tool, name: "zanzibar", startedAtUs: 1,
            endedAtUs: 2,
            input: "zanzibar", output: String(repeating: "the zanzibar papers ", count: 2_000))
        ]))
    _ = try await client.experiences.recordExperiences(
      V1.RecordExperiencesRequest(
        scope: scope,
        experiences: [
          V1.Experience(task: V1.Task(text: "find zanzibar on a map"), strategy: "zanzibar", success: true)
        ]))
    _ = try await client.feedback.giveFeedback(
      V1.GiveFeedbackRequest(
        scope: scope,
        feedback: [
          V1.Feedback(
            kind: .comment, target: V1.Target(kind: .strategy, id: "zanzibar"), text: "zanzibar was wrong")
        ]))
    _ = try await client.vectors.createCollection(
      V1.CreateCollectionRequest(
        scope: scope, name: "zanzibar", config: V1.CollectionConfig(dimension: 2, idKind: .name)))
    _ = try await client.vectors.upsert(
      V1.UpsertRequest(
        scope: scope, collection: "zanzibar",
        ids: V1.PointIds(names: ["zanzibar-1"]), vectors: V1.Vectors(values: [0.6, 0.8]),
        attributes: [
          V1.PointAttributes(attributes: [V1.TypedAttribute(key: "place", value: .text("zanzibar"))])
        ]))
  }

  // MARK: What is looked at

  /// Texts of all messages and memories of an agent, and its snapshots'.
  private func everything(_ client: LociClient, of scope: V1.Scope) async throws -> [String] {
    var texts: [String] = []
    for try await chunk in client.contexts.export(V1.ExportRequest(scope: scope)) {
      texts += chunk.messages.map(\.text)
    }
    texts += try await client.memories.listMemories(
      V1.ListMemoriesRequest(scope: scope, page: V1.Page(size: 1_000))
    ).memories.map(\.text)
    return texts
  }

  private static func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "loci-erasure-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  /// Files below `folder` that hold the word, in any case, as UTF-8.
  private static func files(_ folder: String, holding word: String) -> [String] {
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    let forms = [word, word.uppercased(), word.capitalized].map { Data($0.utf8) }
    return names.filter { name in
      guard let content = FileManager.default.contents(atPath: folder + "/" + name) else { return false }
      return forms.contains { content.range(of: $0) != nil }
    }
  }

  private static func expectSound(_ folder: String) async throws {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let report = await Checkup(dataPath: folder, rebuild: true, logger: logger).run()
    #expect(report.problems == [])
  }
}
