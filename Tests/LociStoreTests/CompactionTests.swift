import GRDB
import LociCompress
import LociContext
import LociCore
import LociProto
import LociStore
import Testing

/// Compactions of stored contexts: nothing that can be read changes, and everything can be undone.
@Suite struct CompactionTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")

  private func fill(_ test: TestStore, _ context: String = "c", count: Int = 60) async throws {
    for start in stride(from: 0, to: count, by: 10) {
      _ = try await test.append(
        (start..<(start + 10)).map { number in
          "Message \(number): we visited the harbour of town number \(number * 7) and it cost $\(number),00 in all."
        }, to: context)
    }
  }

  @discardableResult
  private func compact(
    _ test: TestStore, _ context: String = "c", keep: Int = 10
  ) async throws -> V1.Compaction? {
    try await test.compact(context, keep: keep)?.compaction
  }

  private func count(_ sql: String, _ test: TestStore) async throws -> Int {
    let scope = try Scope(tenant: "t", agent: "a")
    return try await test.store.shard(of: scope).read { db in try Int.fetchOne(db, sql: sql) ?? -1 }
  }

  private func checkRebuild(_ test: TestStore) async throws {
    for shard in test.store.shards {
      let report = try await test.store.verifyByRebuilding(shard, workers: test.workers)
      #expect(report.differences.isEmpty, "\(report.differences)")
    }
  }

  @Test func theTextsAreColdAndReadAsBefore() async throws {
    let test = try TestStore()
    try await fill(test)
    let before = try await test.texts(of: "a")
    let compaction = try #require(try await compact(test))
    #expect(compaction.fromNumber == 1 && compaction.untilNumber == 50)
    let figures = try #require(compaction.figures)
    #expect(figures.items == 50 && figures.tokensAfter * 10 <= figures.tokensBefore * 3 + 10)
    #expect(figures.archiveBytes < figures.bytesBefore / 2)
    #expect(try await count("SELECT count(*) FROM messages WHERE text = '' AND cold IS NOT NULL", test) == 50)
    #expect(try await test.texts(of: "a") == before)
    try await checkRebuild(test)
    // What comes after goes into the next one; nothing is compacted twice.
    #expect(try await compact(test) == nil)
    try await fill(test, count: 20)
    #expect(try await compact(test)?.fromNumber == 51)
    #expect(try await test.texts(of: "a").count == 80)
    try await checkRebuild(test)
    try await test.store.close()
  }

  @Test func undoPutsEverythingBack() async throws {
    let test = try TestStore()
    try await fill(test)
    let before = try await test.texts(of: "a")
    let id = try #require(try await compact(test)).id
    let scope = try Scope(tenant: "t", agent: "a")
    let undo = try UndoCompaction(
      V1.UndoCompactionRequest(scope: self.scope, compactionID: id), scope: scope, key: nil)
    _ = try await test.store.shard(of: scope).submit(undo)
    #expect(try await count("SELECT count(*) FROM messages WHERE cold IS NOT NULL", test) == 0)
    #expect(try await count("SELECT count(*) FROM cold_blocks", test) == 0)
    #expect(try await test.texts(of: "a") == before)
    await #expect(throws: LociError.notFound(.compaction, id: id)) {
      _ = try await test.store.shard(of: scope).submit(undo)
    }
    try await checkRebuild(test)
    try await test.store.close()
  }

  @Test func whatIsDeletedIsInNoBlock() async throws {
    let test = try TestStore()
    try await fill(test)
    _ = try await test.append(["the secret word is xylophone"], messageID: "m")
    try await fill(test, count: 20)
    try await compact(test)
    let scope = try Scope(tenant: "t", agent: "a")
    let delete = try DeleteMessages(
      V1.DeleteMessagesRequest(scope: self.scope, messageIDs: ["m"]), scope: scope, key: nil)
    _ = try await test.store.shard(of: scope).submit(delete)
    #expect(try await count("SELECT count(*) FROM cold_blocks", test) == 0)
    #expect(try await count("SELECT count(*) FROM compactions", test) == 0)
    #expect(try await test.texts(of: "a").count == 80)
    #expect(!(try await test.texts(of: "a")).contains { $0.contains("xylophone") })
    try await checkRebuild(test)
    try await test.store.close()
  }

  @Test func aDeletedContextLeavesNothing() async throws {
    let test = try TestStore()
    try await fill(test)
    try await compact(test)
    let scope = try Scope(tenant: "t", agent: "a")
    let delete = try DeleteContext(
      V1.DeleteContextRequest(scope: self.scope, contextID: "c"), scope: scope, key: nil)
    _ = try await test.store.shard(of: scope).submit(delete)
    for table in ["messages", "compactions", "cold_blocks"] {
      #expect(try await count("SELECT count(*) FROM \(table)", test) == 0, "\(table)")
    }
    try await checkRebuild(test)
    try await test.store.close()
  }

  /// The messages changed between the reading and the writing: nothing is recorded, and the next one is right.
  @Test func aPlanThatIsOldIsRefused() async throws {
    let test = try TestStore()
    try await fill(test)
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shard(of: scope)
    let plan = try #require(
      try await shard.read { db in
        try CompactionPlan(ContextID(unchecked: "c"), keepNewest: 10, scope: scope, in: db)
      })
    let events = try plan.events(id: "x", target: Compressor.Target(), meter: .estimated(), isAutomatic: true)
    try await compact(test)
    await #expect(throws: LociError.self) {
      _ = try await shard.submit(RecordCompaction(events, scope: scope, key: nil))
    }
    #expect(try await count("SELECT count(*) FROM compactions", test) == 1)
    try await checkRebuild(test)
    try await test.store.close()
  }

  @Test func whatIsDueIsFoundByItsPolicy() async throws {
    let test = try TestStore()
    try await fill(test)
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shard(of: scope)
    func due() async throws -> Int {
      try await shard.read { db in try CompactionQueries.due(limit: 9, in: db).count }
    }
    func set(_ policy: V1.CompressionPolicy?, _ context: String = "") async throws {
      let request = V1.SetCompressionPolicyRequest(scope: self.scope, contextID: context, policy: policy)
      _ = try await shard.submit(try SetCompressionPolicy(request, scope: scope, key: nil))
    }
    #expect(try await due() == 0)
    try await set(V1.CompressionPolicy(automatic: true, threshold: 0.05))
    #expect(try await due() == 1)
    try await set(V1.CompressionPolicy(automatic: true, threshold: 0.9))
    #expect(try await due() == 0)
    try await set(V1.CompressionPolicy(automatic: true, threshold: 0.05))
    try await set(V1.CompressionPolicy(automatic: false), "c")
    #expect(try await due() == 0, "the context's own policy wins")
    try await set(nil, "c")
    #expect(try await due() == 1)
    try await set(nil)
    let (tenant, other) = (try TenantID(validating: "t"), try TenantID(validating: "u"))
    func dueByTenant(_ tenants: [TenantID: V1.CompressionPolicy]) async throws -> Int {
      try await shard.read { db in try CompactionQueries.due(limit: 9, tenants: tenants, in: db).count }
    }
    #expect(try await dueByTenant([:]) == 0)
    #expect(try await dueByTenant([tenant: V1.CompressionPolicy(automatic: true, threshold: 0.05)]) == 1)
    #expect(try await dueByTenant([tenant: V1.CompressionPolicy(automatic: true, threshold: 0.9)]) == 0)
    #expect(try await dueByTenant([other: V1.CompressionPolicy(automatic: true, threshold: 0.05)]) == 0)
    try await set(V1.CompressionPolicy(automatic: false))
    #expect(
      try await dueByTenant([tenant: V1.CompressionPolicy(automatic: true, threshold: 0.05)]) == 0,
      "the agent's own policy wins")
    #expect(throws: LociError.self) {
      try SetCompressionPolicy(
        V1.SetCompressionPolicyRequest(policy: V1.CompressionPolicy(threshold: 2)), scope: scope, key: nil)
    }
    try await checkRebuild(test)
    try await test.store.close()
  }
}

extension TestStore {
  /// Compacts all messages of a context of agent "a" but the newest; `nil` when they are too few.
  func compact(
    _ context: String = "c", keep: Int = 10, by agent: String = "a"
  ) async throws -> V1.CompactContextResponse? {
    let scope = try Scope(tenant: "t", agent: agent)
    let shard = store.shard(of: scope)
    let plan = try await shard.read { db in
      try CompactionPlan(ContextID(unchecked: context), keepNewest: keep, scope: scope, in: db)
    }
    guard let plan else { return nil }
    let events = try plan.events(
      id: ids.next(), target: Compressor.Target(), meter: .estimated(), isAutomatic: false)
    return try await shard.submit(RecordCompaction(events, scope: scope, key: nil))
  }
}
