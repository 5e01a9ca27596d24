import LociClient
import LociProto
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
        _ = try await compression.planCompression(V1.PlanCompressionRequest(texts: texts, ratios: [0]))
      }
      await client.close()
    }
  }
}
