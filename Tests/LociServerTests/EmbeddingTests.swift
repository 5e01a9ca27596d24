import Foundation
import LociClient
import LociProto
import LociText
import LociWire
import Testing

/// The embedding service over a real connection. The hashing encoder needs no model, so these run everywhere.
struct EmbeddingTests {
  private let texts = ["the train leaves at nine", "a train that leaves", "会议改到星期二", ""]

  private func with(_ body: (LociClient) async throws -> Void) async throws {
    try await TestNode.run(embedder: HashingEncoder()) { server in
      let client = server.client
      try await body(client)
      await client.close()
    }
  }

  @Test func formatsCarryTheSameVectors() async throws {
    try await with { client in
      let floats = try await client.embeddings.encode(V1.EncodeRequest(texts: texts))
      #expect(floats.dimension == 512)
      #expect(floats.vectors.count == 4 * 512)
      #expect(floats.tokenCounts == [5, 4, 13, 0])
      #expect(floats.fingerprint == "hashing-512-v1")
      #expect(floats.cached == 0)
      let packed = try await client.embeddings.encode(V1.EncodeRequest(texts: texts, format: .float32Bytes))
      #expect(packed.vectors.isEmpty)
      #expect(packed.cached == 4)
      let numbers = stride(from: 0, to: packed.packed.count, by: 4).map { at in
        Float(
          bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(packed.packed[at + $1]) << (8 * UInt32($1)) })
      }
      #expect(numbers == floats.vectors)
      let small = try await client.embeddings.encode(V1.EncodeRequest(texts: texts, format: .int8))
      #expect(small.scales.count == 4)
      #expect(small.packed.count == 4 * 512)
      for (index, byte) in small.packed.enumerated() {
        let value = Float(Int8(bitPattern: byte)) * small.scales[index / 512]
        #expect(abs(value - floats.vectors[index]) <= small.scales[index / 512] * 0.51)
      }
    }
  }

  @Test func aStreamAnswersEachRequestInOrder() async throws {
    try await with { client in
      let single = try await client.embeddings.encode(V1.EncodeRequest(texts: [texts[0]]))
      let call = client.embeddings.encodeStream()
      for text in texts.prefix(3) {
        try await call.send(V1.EncodeStreamRequest(encode: V1.EncodeRequest(texts: [text])))
      }
      await call.closeSend()
      var answers: [V1.EncodeResponse] = []
      for try await answer in call.responses { if let encode = answer.encode { answers.append(encode) } }
      #expect(answers.count == 3)
      #expect(answers.first?.vectors == single.vectors)
      #expect(answers.map(\.tokenCounts) == [[5], [4], [13]])
    }
  }

  @Test func similarityIsTheCosineOfEachPair() async throws {
    try await with { client in
      let own = try await client.embeddings.similarity(
        V1.SimilarityRequest(left: V1.VectorSet(texts: Array(texts.prefix(3)))))
      #expect((own.rows, own.columns) == (3, 3))
      for index in 0..<3 { #expect(abs(own.cosines[index * 4] - 1) < 1e-5) }
      #expect(own.cosines[1] == own.cosines[3])
      #expect(own.cosines[1] > own.cosines[2])
      var vector = [Float](repeating: 0, count: 1_024)
      vector[3] = 5
      vector[512 + 4] = 2
      let mixed = try await client.embeddings.similarity(
        V1.SimilarityRequest(left: V1.VectorSet(vectors: vector), right: V1.VectorSet(vectors: vector)))
      #expect(mixed.cosines == [1, 0, 0, 1])
      let words = try await client.embeddings.similarity(
        V1.SimilarityRequest(
          left: V1.VectorSet(texts: [texts[0]], inputType: .query), right: V1.VectorSet(vectors: vector)))
      #expect((words.rows, words.columns) == (1, 2))
    }
  }

  @Test func whatCannotBeIsRefused() async throws {
    try await with { client in
      func refuses(_ comment: Comment, _ call: () async throws -> Void) async {
        let error = await #expect(throws: RPCStatus.self, comment) { try await call() }
        #expect(error?.code == .invalidArgument, comment)
      }
      await refuses("no texts") { _ = try await client.embeddings.encode(V1.EncodeRequest()) }
      await refuses("format") {
        _ = try await client.embeddings.encode(
          V1.EncodeRequest(texts: ["a"], format: V1.VectorFormat(rawValue: 99)))
      }
      await refuses("long texts") {
        _ = try await client.embeddings.encode(
          V1.EncodeRequest(texts: ["a"], longTexts: V1.LongTexts(rawValue: 9)))
      }
      await refuses("left missing") { _ = try await client.embeddings.similarity(V1.SimilarityRequest()) }
      for set in [
        V1.VectorSet(), V1.VectorSet(vectors: [1, 2]),
        V1.VectorSet(texts: ["a"], vectors: [Float](repeating: 1, count: 512)),
        V1.VectorSet(vectors: [Float](repeating: 0, count: 512)),
        V1.VectorSet(vectors: [Float](repeating: .nan, count: 512))
      ] {
        await refuses("\(set.texts) \(set.vectors.prefix(2))") {
          _ = try await client.embeddings.similarity(V1.SimilarityRequest(left: set))
        }
      }
      let many = V1.VectorSet(texts: [String](repeating: "a", count: 1_000))
      await refuses("pairs") {
        let more = V1.VectorSet(vectors: [Float](repeating: 1, count: 512 * 1_001))
        _ = try await client.embeddings.similarity(V1.SimilarityRequest(left: many, right: more))
      }
    }
  }

  @Test func theServerSaysWhatEncodesAndHowMuch() async throws {
    try await with { client in
      _ = try await client.embeddings.encode(V1.EncodeRequest(texts: ["a", "b"], inputType: .query))
      _ = try await client.embeddings.encode(V1.EncodeRequest(texts: ["a", "c"], inputType: .query))
      let stats = try await client.embeddings.getEncoderStats(V1.GetEncoderStatsRequest())
      #expect(stats.queryTexts == 3)
      #expect((stats.cacheHits, stats.cacheMisses) == (1, 3))
      #expect(stats.cacheBytes > 0)
      #expect(stats.waitingQueries == 0)
      let models = try await client.embeddings.listModels(V1.ListModelsRequest()).models
      #expect(models.map(\.kind) == ["hashing"])
      let health = try await client.admin.health(V1.HealthRequest())
      #expect(health.status == .degraded)
      #expect(health.problems.contains { $0.contains("hashing") })
    }
  }

  /// Another encoder: everything is found at every moment, and in the end by the new one alone.
  @Test func changingTheEncoderLeavesNoGap() async throws {
    guard let model = TestNode.model else { return }
    let folder = TemporaryFolder()
    let scope = V1.Scope(tenant: "t", agent: "a")
    let count = 150
    let memories = (0..<count).map { number in
      V1.MemoryDraft(
        text: "note \(number): " + String(repeating: "the ship \(number) waits in the harbour. ", count: 8))
    }
    func found(_ client: LociClient) async throws -> (hits: Int, outdated: UInt64) {
      let answer = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(scope: scope, query: "ships in the port", limit: 1_000, mode: .semantic))
      let stats = try await client.embeddings.getEncoderStats(V1.GetEncoderStatsRequest())
      return (answer.hits.count, stats.outdatedVectors)
    }
    try await TestNode.run(folder: folder.path, embedder: HashingEncoder()) { server in
      let client = server.client
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: scope, memories: memories, options: V1.WriteOptions(waitForIndex: true)))
      #expect(try await found(client) == (count, 0))
      await client.close()
    }
    try await TestNode.run(folder: folder.path, model: model) { server in
      let client = server.client
      var steps: Set<UInt64> = []
      while true {
        let now = try await found(client)
        #expect(now.hits == count)
        steps.insert(now.outdated)
        if now.outdated == 0 { break }
      }
      #expect(steps.count > 1, "it was over before anybody looked")
      #expect(try await found(client) == (count, 0))
      await client.close()
    }
  }
}
