import LociContext
import LociCore
import LociMemory
import LociProto
import LociStore
import Testing

@testable import LociRecall
import LociTestKit

/// Words are found, and weigh the same, whether they are in the full-text index or wait for it.
@Suite struct WaitingWordsTests {
  private func search(
    _ query: String, _ source: any ItemSource, in test: TestStore, agent: String = "a"
  ) async throws -> [Int64: Float] {
    let scope = try Scope(tenant: "t", agent: agent)
    return try await test.store.shard(of: scope).read { db in
      guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [:] }
      let found = try KeywordIndex.search(
        query, bucket: Bucket(scopeRow: scopeRow, kind: source.kind), source: source, limit: 1_000,
        wanted: [], allowed: nil, in: db, checkCancellation: {})
      #expect(found.count == UInt64(found.best.count))
      return Dictionary(uniqueKeysWithValues: found.best.map { ($0.item, $0.bm25) })
    }
  }

  private func through(_ test: TestStore) async throws -> Int64 {
    try await test.store.shards[0].read { db in try WaitingWords.through(in: db) }
  }

  /// Another agent's text that is long enough to send everything into the index.
  private func flush(_ test: TestStore) async throws {
    let text = String(repeating: "filler ", count: WaitingWords.bytesMax / 7 + 1)
    _ = try await test.append([text], by: "other")
    #expect(try await through(test) > 0)
  }

  @Test func scoresDoNotDependOnTheIndex() async throws {
    let test = try TestStore(shards: 1)
    var rng = SplitMix64(seed: 11)
    let words = ["train", "station", "stations", "会议", "明天的会议", "v1.2.3", "Köln", "the", "of", "a-b"]
    let texts = (0..<100).map { _ in
      (0...Int.random(in: 0..<12, using: &rng)).map { _ in words.randomElement(using: &rng) ?? "" }
        .joined(separator: " ")
    }
    for text in texts { _ = try await test.append([text]) }
    let queries = ["train station", "会议", "议", "v1.2.3", "koln the", "absent", "the"]
    var waiting: [[Int64: Float]] = []
    for query in queries { waiting.append(try await search(query, MessageSource(), in: test)) }
    #expect(try await through(test) == 0)
    try await flush(test)
    for (query, before) in zip(queries, waiting) {
      let after = try await search(query, MessageSource(), in: test)
      #expect(Set(after.keys) == Set(before.keys), "\(query)")
      for (item, score) in after { #expect(abs(score - (before[item] ?? 0)) < 1e-5, "\(query)") }
      #expect(before.isEmpty == (query == "absent"))
    }
    // Half in the index, half waiting, against all of it in the index.
    for text in texts { _ = try await test.append([text]) }
    var mixed: [[Int64: Float]] = []
    for query in queries { mixed.append(try await search(query, MessageSource(), in: test)) }
    try await flush(test)
    for (query, before) in zip(queries, mixed) {
      let after = try await search(query, MessageSource(), in: test)
      #expect(Set(after.keys) == Set(before.keys), "\(query)")
      for (item, score) in after { #expect(abs(score - (before[item] ?? 0)) < 1e-5, "\(query)") }
    }
    try await test.store.close()
  }

  @Test func waitingMemoriesChangeAndGo() async throws {
    let test = try TestStore(shards: 1)
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shards[0]
    let drafts = [V1.MemoryDraft(id: "one", text: "apple"), V1.MemoryDraft(id: "two", text: "apple pear")]
    _ = try await shard.submit(
      AddMemories(
        V1.AddMemoriesRequest(memories: drafts), scope: scope, key: nil, ids: test.ids, encoder: nil))
    #expect(try await search("apple", MemorySource(), in: test).count == 2)
    _ = try await shard.submit(
      UpdateMemory(V1.UpdateMemoryRequest(memoryID: "one", text: "plum"), scope: scope, key: nil))
    #expect(try await search("apple", MemorySource(), in: test).count == 1)
    #expect(try await search("plum", MemorySource(), in: test).count == 1)
    try await flush(test)
    // In the index now: changed and deleted there.
    _ = try await shard.submit(
      UpdateMemory(V1.UpdateMemoryRequest(memoryID: "one", text: "cherry"), scope: scope, key: nil))
    _ = try await shard.submit(
      DeleteMemories(V1.DeleteMemoriesRequest(memoryIDs: ["two"]), scope: scope, key: nil))
    for (word, count) in [("plum", 0), ("cherry", 1), ("apple", 0), ("pear", 0)] {
      #expect(try await search(word, MemorySource(), in: test).count == count, "\(word)")
    }
    let report = try await test.store.verifyByRebuilding(shard, workers: test.workers)
    #expect(report.differences == [])
    try await test.store.close()
  }

  @Test func aRestartFindsWhatWaits() async throws {
    let path: String
    do {
      let test = try TestStore(shards: 1, keepsFolder: true)
      path = test.path
      _ = try await test.append(["the first word"])
      try await flush(test)
      _ = try await test.append(["a second word", ""])
      try await test.store.close()
    }
    let again = try TestStore(path: path, keepsFolder: false)
    #expect(try await search("word", MessageSource(), in: again).count == 2)
    _ = try await again.append(["the third word"])
    try await flush(again)
    #expect(try await search("word", MessageSource(), in: again).count == 3)
    let report = try await again.store.verifyByRebuilding(again.store.shards[0], workers: again.workers)
    #expect(report.differences == [])
    try await again.store.close()
  }

  @Test func manyItemsGoInTogether() async throws {
    let test = try TestStore(shards: 1)
    for number in 0..<WaitingWords.itemsMax {
      #expect(try await through(test) == 0)
      _ = try await test.append(["word \(number)"])
    }
    #expect(try await through(test) > 0)
    #expect(try await search("word", MessageSource(), in: test).count == WaitingWords.itemsMax)
    try await test.store.close()
  }
}
