import LociClient
import LociProto
import LociServer
import LociRemote
import LociWire
import Testing

/// Compression over a real connection.
@Suite struct CompressionTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")
  private let texts = [
    V1.CompressionText(
      role: .user, name: "Anna", text: "Hey! How are you? I'm really happy to see you again."),
    V1.CompressionText(
      role: .user, name: "Ben", text: "Thanks! I moved to Lisbon on 12 March 2023 with my dog Rex."),
    V1.CompressionText(
      role: .user, name: "Anna", text: "Wow, that is so great to hear! The flight TP-943 was late.")
  ]

  @Test func textsShrinkAndComeBack() async throws {
    try await TestNode.run { server in
      let client = server.client
      let target = V1.CompressionTarget(ratio: 0.6)
      let answer = try await client.compression.compress(V1.CompressRequest(texts: texts, target: target))
      let figures = try #require(answer.figures)
      #expect(figures.items == 3 && figures.tokensAfter * 10 <= figures.tokensBefore * 6)
      for word in ["Lisbon", "12", "March", "2023", "Rex", "TP-943"] { #expect(answer.text.contains(word)) }
      #expect(answer.artifacts.contains { $0.value == "TP-943" && $0.ids == ["2"] })
      #expect(answer.retention.map { $0.artifacts == 1 } == true)
      let back = try await client.compression.expand(V1.ExpandRequest(archive: answer.archive))
      #expect(back.texts.map(\.text) == texts.map(\.text) && back.texts.map(\.name) == texts.map(\.name))
      let one = try await client.compression.expand(V1.ExpandRequest(archive: answer.archive, ids: ["1"]))
      #expect(one.texts.map(\.text) == [texts[1].text])
      let scores = try await client.compression.score(V1.ScoreRequest(texts: texts)).scores
      #expect(scores.count == 3 && scores[1].content > scores[0].content)
      let plan = try await client.compression.planCompression(V1.PlanCompressionRequest(texts: texts))
      #expect(plan.plans.count == 4)
      await client.close()
    }
  }

  @Test func aContextIsCompactedAndStaysReadableAndSearchable() async throws {
    try await TestNode.run { server in
      let client = server.client
      let messages = (0..<60).map { number in
        V1.MessageDraft(
          role: .user, text: "Note \(number): the lighthouse keeper counted \(number * 3) gulls.")
      }
      _ = try await client.contexts.append(
        V1.AppendRequest(scope: scope, contextID: "c", messages: messages, createContext: true))
      let options = V1.WriteOptions(requestID: "r1")
      let request = V1.CompactContextRequest(scope: scope, contextID: "c", keepNewest: 10, options: options)
      let compacted = try await client.compression.compactContext(request)
      let compaction = try #require(compacted.compaction)
      #expect(compaction.untilNumber == 50 && compacted.text.contains("147"))
      // A retry, and another request with nothing new, change nothing.
      #expect(try await client.compression.compactContext(request).compaction?.id == compaction.id)
      let again = V1.CompactContextRequest(scope: scope, contextID: "c", keepNewest: 10)
      #expect(try await client.compression.compactContext(again).compaction?.id == compaction.id)

      let listed = try await client.contexts.listMessages(
        V1.ListMessagesRequest(scope: scope, contextID: "c", page: V1.Page(size: 100)))
      #expect(Set(listed.messages.map(\.text)) == Set(messages.map(\.text)))
      let found = try await client.contexts.searchMessages(
        V1.SearchMessagesRequest(scope: scope, query: "note 7"))
      #expect(found.hits.contains { $0.message?.text == messages[7].text })

      let expanded = try await client.compression.expand(
        V1.ExpandRequest(scope: scope, compactionID: compaction.id, page: V1.Page(size: 1_000)))
      #expect(expanded.texts.map(\.text) == messages.prefix(50).map(\.text))
      let report = try await client.compression.reportCompactions(V1.ReportCompactionsRequest(scope: scope))
      #expect(report.compactions.map(\.id) == [compaction.id])
      let stats = try await client.compression.getCompressionStats(
        V1.GetCompressionStatsRequest(scope: scope))
      #expect(stats.compactions == 1 && stats.figures?.items == 50)
      _ = try await client.compression.undoCompaction(
        V1.UndoCompactionRequest(scope: scope, compactionID: compaction.id))
      let gone = try await client.compression.reportCompactions(V1.ReportCompactionsRequest(scope: scope))
      #expect(gone.compactions.isEmpty)
      await client.close()
    }
  }

  /// By words and by meaning: neither the question's words nor the answer's are in both.
  @Test(arguments: [true, false]) func aQuestionKeepsWhatItAsksFor(isStored: Bool) async throws {
    guard let model = TestNode.model else { return }
    try await TestNode.run(model: model) { server in
      let client = server.client
      let lines =
        (0..<40).map { "We talked about the weather and the traffic of week \($0)." } + [
          "My physician told me to stop eating cheese and butter."
        ]
      let texts = lines.enumerated().map { V1.CompressionText(id: "m\($0)", role: .user, text: $1) }
      let scope = V1.Scope(tenant: "t", agent: "a")
      if isStored {
        _ = try await client.contexts.append(
          V1.AppendRequest(
            scope: scope, contextID: "c",
            messages: texts.map { V1.MessageDraft(id: $0.id, role: .user, text: $0.text) },
            createContext: true, options: V1.WriteOptions(waitForIndex: true)))
      }
      let target = V1.CompressionTarget(ratio: 0.1, question: "What did the doctor forbid?")
      let answer = try await client.compression.compress(
        V1.CompressRequest(
          texts: isStored ? [] : texts, scope: isStored ? scope : nil, contextID: isStored ? "c" : "",
          target: target))
      let figures = try #require(answer.figures)
      #expect(figures.tokensAfter * 10 <= figures.tokensBefore)
      #expect(answer.units.first { $0.id == "m40" }?.verbatim == true)
      #expect(answer.text.contains(lines[40]))
      await client.close()
    }
  }

  @Test func aContextOfAnyLengthIsStreamed() async throws {
    try await TestNode.run { server in
      let client = server.client
      for start in stride(from: 0, to: 500, by: 100) {
        _ = try await client.contexts.append(
          V1.AppendRequest(
            scope: scope, contextID: "c",
            messages: (start..<start + 100).map {
              V1.MessageDraft(role: .user, text: "Note \($0): the keeper counted \($0 * 3) gulls.")
            }, createContext: true))
      }
      var parts: [V1.CompressStreamResponse] = []
      let request = V1.CompressStreamRequest(scope: scope, contextID: "c", partMessages: 150)
      for try await part in client.compression.compressStream(request) { parts.append(part) }
      #expect(
        parts.map(\.fromNumber) == [1, 151, 301, 451] && parts.map(\.untilNumber) == [150, 300, 450, 500])
      var texts: [String] = []
      for part in parts {
        let archive = try #require(part.part).archive
        texts += try await client.compression.expand(V1.ExpandRequest(archive: archive)).texts.map(\.text)
      }
      #expect(texts.count == 500 && texts[499].hasPrefix("Note 499:"))
      let total = try #require(parts.last?.total)
      #expect(total.items == 500 && total.tokensAfter * 10 <= total.tokensBefore * 3 + 40)
      await client.close()
    }
  }

  @Test func aSummaryFallsBackAndSaysSo() async throws {
    let texts = texts
    try await TestNode.run { server in
      let client = server.client
      let answer = try await client.compression.summarize(V1.SummarizeRequest(texts: texts, tokenBudget: 40))
      #expect(answer.coveredIDs == ["0", "1", "2"] && answer.model.isEmpty && answer.fallbackReason.isEmpty)
      #expect(answer.text.contains("Lisbon") && answer.tokensAfter <= 40)
      await client.close()
    }
    var configuration = RemoteSummariser.Configuration(url: "http://127.0.0.1:1/v1", model: "m")
    configuration.attempts = 1
    let summariser = try RemoteSummariser(configuration)
    try await TestNode.run(configure: { $0.summariser = summariser }) { server in
      let client = server.client
      let request = V1.SummarizeRequest(texts: texts, tokenBudget: 40)
      let answer = try await client.compression.summarize(request)
      #expect(answer.fallbackReason.contains("cannot be reached") && answer.text.contains("Lisbon"))
      var own = request
      own.extractive = true
      #expect(try await client.compression.summarize(own).fallbackReason.isEmpty, "the model was not asked")
      await client.close()
    }
    await summariser.close()
  }

  @Test func memoriesAreFoldedExpandedAndBroughtBack() async throws {
    try await TestNode.run { server in
      let client = server.client
      let drafts = (0..<40).map { number in
        V1.MemoryDraft(
          id: "k\(number)",
          text: "On day \(number) the keeper counted \(number * 3) gulls at pier \(number % 4).",
          importance: 0.3, createdAtUs: 1_700_000_000_000_000 + Int64(number))
      }
      _ = try await client.memories.addMemories(V1.AddMemoriesRequest(scope: scope, memories: drafts))
      let request = V1.CompactMemoriesRequest(
        scope: scope, memoriesMax: 30, options: V1.WriteOptions(requestID: "r"))
      let compaction = try #require(try await client.compression.compactMemories(request).compaction)
      let covered = compaction.digests.flatMap(\.coveredIDs)
      #expect(covered == (0..<20).map { "k\($0)" })
      #expect(
        try await client.compression.compactMemories(request).compaction?.id == compaction.id,
        "a retry is the same compaction")

      let expanded = try await client.compression.expand(
        V1.ExpandRequest(scope: scope, compactionID: compaction.id, page: V1.Page(size: 1_000)))
      #expect(expanded.texts.map(\.text) == drafts.prefix(20).map(\.text))
      let one = try await client.compression.expand(
        V1.ExpandRequest(scope: scope, compactionID: compaction.id, ids: ["k7"]))
      #expect(one.texts.map(\.text) == [drafts[7].text])
      let found = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(scope: scope, query: "57 gulls", mode: .keyword))
      #expect(found.hits.first?.memory?.id == compaction.digests[0].memoryID)

      let report = try await client.compression.reportCompactions(V1.ReportCompactionsRequest(scope: scope))
      #expect(report.memoryCompactions.map(\.id) == [compaction.id])
      let stats = try await client.compression.getCompressionStats(
        V1.GetCompressionStatsRequest(scope: scope))
      #expect(stats.memoryCompactions == 1 && stats.memoryFigures?.items == 20)
      _ = try await client.compression.undoCompaction(
        V1.UndoCompactionRequest(scope: scope, compactionID: compaction.id))
      let all = try await client.memories.listMemories(
        V1.ListMemoriesRequest(scope: scope, page: V1.Page(size: 100)))
      #expect(Set(all.memories.map(\.id)) == Set(drafts.map(\.id)))
      await client.close()
    }
  }

  /// The context's, else the agent's, else the tenant's, else the default.
  @Test func theNearestPolicyHolds() async throws {
    try await TestNode.run { server in
      let client = server.client
      let compression = client.compression
      _ = try await client.contexts.createContext(V1.CreateContextRequest(scope: scope, id: "c"))
      func policy(_ context: String = "c") async throws -> String {
        let answer = try await compression.getCompressionPolicy(
          V1.GetCompressionPolicyRequest(scope: scope, contextID: context))
        return "\(answer.origin) \(answer.policy?.keepNewest ?? 0)"
      }
      func set(_ keep: UInt32?, _ context: String) async throws {
        _ = try await compression.setCompressionPolicy(
          V1.SetCompressionPolicyRequest(
            scope: scope, contextID: context, policy: keep.map { V1.CompressionPolicy(keepNewest: $0) }))
      }
      func setTenant(_ keep: UInt32?) async throws {
        _ = try await compression.setTenantCompressionPolicy(
          V1.SetTenantCompressionPolicyRequest(
            scope: V1.Scope(tenant: "t"), policy: keep.map { V1.CompressionPolicy(keepNewest: $0) }))
      }
      #expect(try await policy() == "default 20")
      try await setTenant(3)
      #expect(try await policy() == "tenant 3")
      #expect(try await policy("") == "tenant 3")
      try await set(4, "")
      #expect(try await policy() == "agent 4")
      try await set(5, "c")
      #expect(try await policy() == "context 5")
      #expect(try await policy("") == "agent 4")
      // What the policy says is what a compaction does.
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: scope, contextID: "c",
          messages: (0..<20).map { V1.MessageDraft(role: .user, text: "The keeper counted \($0) gulls.") }))
      let compacted = try await compression.compactContext(
        V1.CompactContextRequest(scope: scope, contextID: "c"))
      #expect(compacted.compaction?.untilNumber == 15)
      try await set(nil, "c")
      try await set(nil, "")
      #expect(try await policy() == "tenant 3")
      try await setTenant(nil)
      #expect(try await policy() == "default 20")
      await client.close()
    }
  }

  @Test func badRequestsAreNamed() async throws {
    try await TestNode.run { server in
      let client = server.client
      func refused(_ code: RPCStatus.Code, _ body: () async throws -> Void) async {
        do {
          try await body()
          Issue.record("was not refused")
        } catch let status as RPCStatus {
          #expect(status.code == code, "\(status)")
        } catch {
          Issue.record("\(error)")
        }
      }
      let compression = client.compression
      await refused(.invalidArgument) { _ = try await compression.compress(V1.CompressRequest()) }
      await refused(.invalidArgument) {
        _ = try await compression.compress(
          V1.CompressRequest(texts: texts, target: V1.CompressionTarget(ratio: 1.5)))
      }
      await refused(.invalidArgument) {
        _ = try await compression.expand(V1.ExpandRequest(archive: [1, 2, 3]))
      }
      await refused(.invalidArgument) { _ = try await compression.expand(V1.ExpandRequest()) }
      await refused(.notFound) {
        _ = try await compression.expand(V1.ExpandRequest(scope: scope, compactionID: "none"))
      }
      await refused(.notFound) {
        _ = try await compression.compactContext(V1.CompactContextRequest(scope: scope, contextID: "none"))
      }
      await refused(.invalidArgument) {
        _ = try await compression.compactMemories(V1.CompactMemoriesRequest(scope: scope))
      }
      await refused(.invalidArgument) {
        _ = try await compression.summarize(V1.SummarizeRequest(texts: texts, tokenBudget: 100_001))
      }
      for policy in [
        V1.CompressionPolicy(memoriesMax: 9), V1.CompressionPolicy(snapshotsMax: 3),
        V1.CompressionPolicy(target: V1.CompressionTarget(question: "why?"))
      ] {
        let contextID = policy.snapshotsMax > 0 ? "c" : ""
        await refused(.invalidArgument) {
          _ = try await compression.setCompressionPolicy(
            V1.SetCompressionPolicyRequest(scope: scope, contextID: contextID, policy: policy))
        }
      }
      await refused(.invalidArgument) {
        let request = V1.CompressStreamRequest(
          scope: scope, contextID: "c", target: V1.CompressionTarget(tokenBudget: 9))
        for try await _ in compression.compressStream(request) {}
      }
      await refused(.invalidArgument) {
        _ = try await compression.planCompression(V1.PlanCompressionRequest(texts: texts, ratios: [0]))
      }
      await client.close()
    }
  }
}
