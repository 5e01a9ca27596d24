import GRDB
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import Testing
import LociTestKit

/// What is deleted is gone from every index at the returned position and after; what is not is found.
@Suite struct DeleteTests {
  private static let encoder = EncoderIdentity(fingerprint: "test-encoder", dimension: 8)

  /// Adds, changes and deletes one kind of id, and knows what is left of it.
  private struct Writer {
    let test: TestStore
    let scope: Scope
    let prefix: String
    var rng: SplitMix64
    var live: [String: String] = [:]
    var deleted: Set<String> = []
    var expired: [String: String] = [:]
    var count = 0

    private var shard: Shard { test.store.shard(of: scope) }

    private mutating func vector() -> [Float] {
      (0..<DeleteTests.encoder.dimension).map { _ in Float.random(in: -1...1, using: &rng) + 0.01 }
    }

    /// Returns the position of the write, if there was one.
    mutating func step() async throws -> V1.Position? {
      count += 1
      let known = live.keys.sorted()
      switch Int.random(in: 0..<8, using: &rng) {
      case 4:
        // Replaced: only the newer one is found.
        guard let older = known.randomElement(using: &rng) else { return nil }
        let id = "\(prefix)-\(count)"
        let draft = V1.MemoryDraft(
          id: id, text: "train newer \(id)", embedding: vector(), supersedesID: older)
        (live[older], live[id]) = (nil, draft.text)
        return try await add(draft)
      case 5:
        // Its time passes at once; whether it was taken out of the indexes yet must not show.
        let id = "\(prefix)-\(count)"
        let draft = V1.MemoryDraft(id: id, text: "train brief \(id)", embedding: vector(), ttlMs: 1)
        expired[id] = draft.text
        let position = try await add(draft)
        test.clock.advance(by: 1_000)
        guard Bool.random(using: &rng) else { return position }
        return try await shard.submit(ExpireMemories(scope: scope)).position
      case 6:
        guard let id = expired.keys.sorted().randomElement(using: &rng) else { return nil }
        _ = try await shard.submit(ExpireMemories(scope: scope))
        (live[id], expired[id]) = (expired[id], nil)
        let position = try await shard.submit(
          RestoreMemories(V1.RestoreMemoriesRequest(memoryIDs: [id]), scope: scope, key: nil)
        ).position
        // The vector went with the index entry, and nothing encodes here: it comes again with the text.
        return try await embedAgain(id) ?? position
      case 7:
        // Said once more: nothing new is stored.
        guard let id = known.randomElement(using: &rng), let text = live[id] else { return nil }
        let draft = V1.MemoryDraft(text: text.uppercased() + "!", embedding: vector())
        let answer = try await shard.submit(
          AddMemories(
            V1.AddMemoriesRequest(memories: [draft], duplicates: .exact), scope: scope, key: nil,
            ids: test.ids,
            encoder: DeleteTests.encoder))
        #expect(answer.memoryIDs == [id] && answer.duplicatePlaces == [0])
        return answer.position
      case 0, 1:
        let id = "\(prefix)-\(count)"
        let draft = V1.MemoryDraft(id: id, text: "train \(id)", embedding: vector())
        live[id] = draft.text
        return try await shard.submit(
          AddMemories(
            V1.AddMemoriesRequest(memories: [draft]), scope: scope, key: nil, ids: test.ids,
            encoder: DeleteTests.encoder)
        ).position
      case 2:
        guard let id = known.randomElement(using: &rng) else { return nil }
        live[id] = nil
        deleted.insert(id)
        return try await shard.submit(
          DeleteMemories(V1.DeleteMemoriesRequest(memoryIDs: [id]), scope: scope, key: nil)
        ).position
      default:
        // A deleted id is free again; what comes under it is new.
        guard let id = deleted.sorted().randomElement(using: &rng) else { return nil }
        deleted.remove(id)
        let draft = V1.MemoryDraft(id: id, text: "train again \(count)", embedding: vector())
        live[id] = draft.text
        return try await shard.submit(
          AddMemories(
            V1.AddMemoriesRequest(memories: [draft]), scope: scope, key: nil, ids: test.ids,
            encoder: DeleteTests.encoder)
        ).position
      }
    }

    private func add(_ draft: V1.MemoryDraft) async throws -> V1.Position? {
      try await shard.submit(
        AddMemories(
          V1.AddMemoriesRequest(memories: [draft]), scope: scope, key: nil, ids: test.ids,
          encoder: DeleteTests.encoder)
      ).position
    }

    /// Deletes and adds under the same id, so that it has a vector.
    private mutating func embedAgain(_ id: String) async throws -> V1.Position? {
      _ = try await shard.submit(
        DeleteMemories(V1.DeleteMemoriesRequest(memoryIDs: [id]), scope: scope, key: nil))
      return try await add(V1.MemoryDraft(id: id, text: live[id] ?? "", embedding: vector()))
    }

    mutating func check(_ search: HybridSearch, at position: V1.Position, _ mode: V1.SearchMode) async throws
    {
      let request = try SearchRequest(
        text: "train", embedding: vector(), limit: 1_000, mode: mode, weights: nil, filter: nil,
        waitForIndex: false, encoder: DeleteTests.encoder)
      let (scope, now) = (scope, test.clock.now())
      let outcome = try await search.search(
        request, scope: scope, source: MemorySource(), shard: shard,
        consistency: .atLeast([Position(shard: shard.id, sequence: position.sequence)]),
        checkCancellation: {}
      ) { scopeRow, db in
        try MemoryQueries.allowed(by: request.filter, scopeRow: scopeRow, now: now, in: db)
      } fetch: { items, db in
        try MemoryQueries.memories(items, now: now, in: db)
      }
      let own = outcome.items.byItem.values.filter { $0.id.hasPrefix(prefix + "-") }
      let found = Dictionary(own.map { ($0.id, $0.text) }) { first, _ in first }
      #expect(outcome.items.byItem.count == outcome.ranked.count, "a hit without an item")
      #expect(found == live, "\(mode), \(prefix), step \(count)")
    }
  }

  /// Writers of one agent, and of others whose vectors push theirs out of the cache, all at once.
  @Test(arguments: [UInt64(1), 2, 3], [1 << 20, 1])
  func deletedIsGoneAndTheRestIsFound(seed: UInt64, cacheBytes: Int) async throws {
    let test = try TestStore(shards: 1, encoder: Self.encoder, cacheBytes: cacheBytes)
    let search = HybridSearch(
      encoder: nil, cache: test.vectors, pipeline: nil, clock: test.clock)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<6 {
        group.addTask {
          var writer = Writer(
            test: test, scope: try Scope(tenant: "t", agent: "a\(number / 2)"), prefix: "w\(number)",
            rng: SplitMix64(seed: seed &* 100 &+ UInt64(number)))
          for _ in 0..<80 {
            guard let position = try await writer.step() else { continue }
            let mode: V1.SearchMode = [.semantic, .keyword, .hybrid][writer.count % 3]
            try await writer.check(search, at: position, mode)
          }
        }
      }
      try await group.waitForAll()
    }
    let report = try await test.store.verifyByRebuilding(test.store.shards[0], workers: test.workers)
    #expect(report.differences == [])
    try await test.store.close()
  }
}
