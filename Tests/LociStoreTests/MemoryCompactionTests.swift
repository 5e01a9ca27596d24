import GRDB
import LociCompress
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import Testing

/// Older memories are folded into digests: what they say is found there, and all of it can be undone.
@Suite struct MemoryCompactionTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")

  private func text(_ number: Int) -> String {
    "On day \(number) the keeper counted \(number * 3) gulls at pier \(number % 4)."
  }

  private func live(_ test: TestStore) async throws -> [V1.Memory] {
    let scope = try Scope(tenant: "t", agent: "a")
    let now = test.clock.now()
    return try await test.store.shard(of: scope).read { db in
      try MemoryQueries.list(
        try ItemFilter(nil), newestFirst: false, page: try PageRequest(V1.Page(size: 1_000)), scope: scope,
        now: now, in: db
      ).memories
    }
  }

  private func count(_ sql: String, _ test: TestStore) async throws -> Int {
    let scope = try Scope(tenant: "t", agent: "a")
    return try await test.store.shard(of: scope).read { db in try Int.fetchOne(db, sql: sql) ?? -1 }
  }

  private func undo(_ id: String, _ test: TestStore) async throws {
    let scope = try Scope(tenant: "t", agent: "a")
    let request = V1.UndoCompactionRequest(scope: self.scope, compactionID: id)
    _ = try await test.store.shard(of: scope).submit(UndoMemoryCompaction(request, scope: scope, key: nil))
  }

  private func checkRebuild(_ test: TestStore) async throws {
    for shard in test.store.shards {
      let report = try await test.store.verifyByRebuilding(shard, workers: test.workers)
      #expect(report.differences.isEmpty, "\(report.differences)")
    }
  }

  @Test func theOlderHalfOfLittleImportanceIsFolded() async throws {
    let test = try TestStore()
    // Every fourth is important.
    _ = try await test.add((0..<40).map(text)) { $0 % 4 == 0 ? 0.9 : 0.2 }
    let compaction = try #require(try await test.compactMemories(above: 30)?.compaction)
    let covered = compaction.digests.flatMap(\.coveredIDs)
    #expect(covered.count == 15, "of 20 old ones, five are important")
    let memories = try await live(test)
    #expect(memories.count == 25 + compaction.digests.count)
    let texts = memories.map(\.text)
    for number in 0..<40 where number % 4 == 0 || number >= 20 { #expect(texts.contains(text(number))) }
    let figures = try #require(compaction.figures)
    #expect(figures.items == 15 && figures.tokensAfter < figures.tokensBefore / 2)
    let digest = try #require(memories.first { $0.id == compaction.digests[0].memoryID })
    #expect(digest.attributes.contains { $0.key == "digest_of" && $0.value.contains(covered[0]) })
    // The numbers that the digest's memories had are still there.
    for number in [3, 9, 21] { #expect(compaction.digests.contains { $0.text.contains("\(number)") }) }
    try await checkRebuild(test)
    try await test.store.close()
  }

  @Test func importantOnesGoOnlyWhenTheOthersAreNotEnough() async throws {
    let test = try TestStore()
    _ = try await test.add((0..<40).map(text)) { $0 < 20 ? 0.5 + Float($0) / 100 : 0.1 }
    let compaction = try #require(try await test.compactMemories(above: 30)?.compaction)
    // Ten too many; of the old ones all are important: the least important ten.
    #expect(compaction.digests.flatMap(\.coveredIDs).count == 10)
    let texts = try await live(test).map(\.text)
    for number in 10..<40 { #expect(texts.contains(text(number))) }
    #expect(try await test.compactMemories(above: 40) == nil)
    try await test.store.close()
  }

  @Test func undoPutsEverythingBack() async throws {
    let test = try TestStore()
    _ = try await test.add((0..<40).map(text))
    let before = try await live(test)
    let id = try #require(try await test.compactMemories(above: 20)?.compaction).id
    #expect(try await live(test) != before)
    try await undo(id, test)
    #expect(try await live(test) == before)
    for table in ["memory_compactions", "memory_digests"] {
      #expect(try await count("SELECT count(*) FROM \(table)", test) == 0)
    }
    await #expect(throws: LociError.notFound(.compaction, id: id)) { try await undo(id, test) }
    try await checkRebuild(test)
    try await test.store.close()
  }

  /// What is deleted stands in no digest any more; nothing else is lost by it.
  @Test(arguments: [true, false]) func deletingTakesTheDigestBack(deletesDigest: Bool) async throws {
    let test = try TestStore()
    let ids = try await test.add(["the secret code is XYLO-77"] + (1..<40).map(text))
    let compaction = try #require(try await test.compactMemories(above: 20)?.compaction)
    let digest = try #require(compaction.digests.first { $0.coveredIDs.contains(ids[0]) })
    #expect(digest.text.contains("XYLO-77"))
    let scope = try Scope(tenant: "t", agent: "a")
    let gone = deletesDigest ? digest.memoryID : ids[0]
    _ = try await test.store.shard(of: scope).submit(
      DeleteMemories(V1.DeleteMemoriesRequest(scope: self.scope, memoryIDs: [gone]), scope: scope, key: nil))
    let memories = try await live(test)
    #expect(!memories.contains { $0.id == digest.memoryID })
    #expect(memories.contains { $0.text.contains("XYLO-77") } == deletesDigest)
    for id in digest.coveredIDs where id != ids[0] { #expect(memories.contains { $0.id == id }) }
    try await checkRebuild(test)
    try await test.store.close()
  }

  @Test func whatChangedMeanwhileIsRefused() async throws {
    let test = try TestStore()
    let ids = try await test.add((0..<40).map(text))
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shard(of: scope)
    let now = test.clock.now()
    let plan = try #require(
      try await shard.read { db in
        try MemoryCompactionPlan(memoriesMax: 20, scope: scope, now: now, in: db)
      })
    let event = try plan.event(
      id: "x", digestIDs: { test.ids.next() }, target: Compressor.Target(), meter: .estimated(),
      isAutomatic: true)
    let update = try UpdateMemory(
      V1.UpdateMemoryRequest(scope: self.scope, memoryID: ids[0], text: "changed"), scope: scope, key: nil)
    _ = try await shard.submit(update)
    await #expect(throws: LociError.self) {
      _ = try await shard.submit(RecordMemoryCompaction(event, of: plan, scope: scope, key: nil))
    }
    #expect(try await live(test).count == 40)
    try await test.store.close()
  }

  @Test func surplusSnapshotsAreFound() async throws {
    let test = try SessionBench()
    _ = try await test.create("s", context: "c")
    for number in 0..<5 { _ = try await test.snapshot("s", "p\(number)") }
    let found = try await test.store.store.shard(of: test.scope).read { [scope = test.scope] db in
      (
        try SnapshotQueries.sessions(withMoreThan: 3, scope: scope, in: db),
        try SnapshotQueries.sessions(withMoreThan: 9, scope: scope, in: db)
      )
    }
    #expect(found.0.count == 1 && found.1.isEmpty)
  }
}

extension TestStore {
  /// Memories of agent "a", one microsecond apart.
  @discardableResult
  func add(_ texts: [String], importance: (Int) -> Float = { _ in 0.3 }) async throws -> [String] {
    let scope = try Scope(tenant: "t", agent: "a")
    let drafts = texts.enumerated().map { number, text in
      V1.MemoryDraft(
        text: text, importance: importance(number), createdAtUs: 1_700_000_000_000_000 + Int64(number))
    }
    return try await store.shard(of: scope).submit(
      AddMemories(
        V1.AddMemoriesRequest(memories: drafts, duplicates: .keep), scope: scope, key: nil, ids: ids,
        encoder: nil)
    ).memoryIDs
  }

  /// Folds the memories of agent "a"; `nil` when there is nothing to fold.
  func compactMemories(above most: Int) async throws -> V1.CompactMemoriesResponse? {
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = store.shard(of: scope)
    let now = clock.now()
    let plan = try await shard.read { db in
      try MemoryCompactionPlan(memoriesMax: most, scope: scope, now: now, in: db)
    }
    guard let plan,
      let event = try plan.event(
        id: ids.next(), digestIDs: { ids.next() }, target: Compressor.Target(), meter: .estimated(),
        isAutomatic: false)
    else { return nil }
    return try await shard.submit(RecordMemoryCompaction(event, of: plan, scope: scope, key: nil))
  }
}
