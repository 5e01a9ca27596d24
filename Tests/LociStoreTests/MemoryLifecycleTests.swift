import GRDB
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import Testing

/// Duplicates, superseding, expiry and what memories have beside their text.
@Suite struct MemoryLifecycleTests {
  private let scope: Scope
  private let test: TestStore
  private var shard: Shard { test.store.shard(of: scope) }

  init() throws {
    scope = try Scope(tenant: "t", agent: "a")
    test = try TestStore(shards: 1)
  }

  private func add(
    _ drafts: [V1.MemoryDraft], _ duplicates: V1.DuplicatePolicy = .keep
  ) async throws -> V1.AddMemoriesResponse {
    try await shard.submit(
      AddMemories(
        V1.AddMemoriesRequest(memories: drafts, duplicates: duplicates), scope: scope, key: nil,
        ids: test.ids,
        encoder: nil))
  }

  private func get(_ id: String) async throws -> V1.Memory {
    let (scope, now, id) = (scope, test.clock.now(), try MemoryID(validating: id))
    return try await shard.read { db in try MemoryQueries.get(id, scope: scope, now: now, in: db) }
  }

  private func list(_ filter: V1.Filter = V1.Filter()) async throws -> [String] {
    let (scope, now, filter) = (scope, test.clock.now(), try ItemFilter(filter))
    return try await shard.read { db in
      try MemoryQueries.list(
        filter, newestFirst: false, page: try PageRequest(nil), scope: scope, now: now, in: db
      ).memories.map(\.id)
    }
  }

  private func code(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return "none"
    } catch let error as LociError {
      return switch error {
      case .notFound: "notFound"
      case .failedPrecondition: "failedPrecondition"
      case .invalid(let field, _): field
      default: "other"
      }
    } catch { return "\(error)" }
  }

  @Test func whatWasSaidIsKeptAsItWas() async throws {
    _ = try await add([
      V1.MemoryDraft(
        id: "m", text: "She lives in Lisbon", confidence: 0.25, source: .tool, trust: .low, validFromUs: 10,
        validUntilUs: 20, tags: ["home", "city"])
    ])
    let memory = try await get("m")
    #expect(memory.confidence == 0.25 && memory.source == .tool && memory.trust == .low)
    #expect(memory.validFromUs == 10 && memory.validUntilUs == 20 && memory.tags == ["home", "city"])
    #expect(memory.saidCount == 1 && memory.accessCount == 0 && memory.supersededAtUs == 0)
    // An update leaves it alone.
    _ = try await shard.submit(
      UpdateMemory(V1.UpdateMemoryRequest(memoryID: "m", text: "She lives in Porto"), scope: scope, key: nil))
    #expect(try await get("m").tags == ["home", "city"])
    try await test.store.close()
  }

  @Test func filters() async throws {
    _ = try await add([
      V1.MemoryDraft(id: "a", text: "one", confidence: 0.9, source: .user, trust: .high, tags: ["x", "y"]),
      V1.MemoryDraft(
        id: "b", text: "two", confidence: 0.2, source: .inferred, trust: .untrusted, tags: ["x"]),
      V1.MemoryDraft(id: "c", text: "three", validFromUs: 100, validUntilUs: 200)
    ])
    #expect(try await list(V1.Filter(tags: ["x"])) == ["a", "b"])
    #expect(try await list(V1.Filter(tags: ["x", "y"])) == ["a"])
    #expect(try await list(V1.Filter(sources: [.inferred, .tool])) == ["b"])
    #expect(try await list(V1.Filter(confidenceMin: 0.5)) == ["a", "c"])
    #expect(try await list(V1.Filter(trustMin: .low)) == ["a", "c"])
    #expect(try await list(V1.Filter(validAtUs: 150)) == ["a", "b", "c"])
    #expect(try await list(V1.Filter(validAtUs: 200)) == ["a", "b"])
    try await test.store.close()
  }

  @Test func theSameWordsAreStoredOnce() async throws {
    let first = try await add([V1.MemoryDraft(id: "m", text: "Likes tea, hot.")], .exact)
    #expect(first.memoryIDs == ["m"] && first.duplicatePlaces.isEmpty)
    let again = try await add(
      [
        V1.MemoryDraft(text: "likes TEA hot"), V1.MemoryDraft(id: "n", text: "Likes coffee"),
        V1.MemoryDraft(text: "likes coffee!")
      ],
      .exact)
    #expect(again.memoryIDs == ["m", "n", "n"] && again.duplicatePlaces == [0, 2])
    #expect(try await get("m").saidCount == 2)
    #expect(try await get("n").saidCount == 2)
    #expect(try await list() == ["m", "n"])
    // What has no letters is never the same.
    #expect(
      try await add([V1.MemoryDraft(text: "!!"), V1.MemoryDraft(text: "??")], .exact).duplicatePlaces.isEmpty)
    // What was deleted is no duplicate.
    _ = try await shard.submit(
      DeleteMemories(V1.DeleteMemoriesRequest(memoryIDs: ["m"]), scope: scope, key: nil))
    #expect(try await add([V1.MemoryDraft(id: "o", text: "Likes tea, hot.")], .exact).memoryIDs == ["o"])
    try await test.store.close()
  }

  @Test(arguments: [
    ("She moved to 12 Oak Street", "She moved to 14 Oak Street", false),
    ("He likes tea", "He does not like tea", false), ("他喜欢茶", "他不喜欢茶", false),
    ("He really likes tea", "He likes tea a lot", true), ("", "", true)
  ])
  func numbersAndNegationsAreNeverMerged(a: String, b: String, expected: Bool) {
    #expect(NearDuplicate.mayMerge(a, b) == expected)
  }

  @Test func fingerprintsIgnoreCaseSpaceWidthAndPunctuation() {
    #expect(Fingerprint.of("Ｔｅａ, 12!") == Fingerprint.of("tea12"))
    #expect(Fingerprint.of("tea 1") != Fingerprint.of("tea 2"))
    #expect(Fingerprint.of("我喜欢茶。") == Fingerprint.of("我 喜欢茶"))
    #expect(Fingerprint.of("…") == 0)
  }

  @Test func theOlderVersionStaysReadable() async throws {
    _ = try await add([V1.MemoryDraft(id: "old", text: "Lives in Rome")])
    let between = test.clock.now().microseconds
    test.clock.advance(by: 1_000)
    _ = try await add([V1.MemoryDraft(id: "new", text: "Lives in Lisbon", supersedesID: "old")])
    #expect(try await list() == ["new"])
    #expect(try await list(V1.Filter(asOfUs: between)) == ["old"])
    let old = try await get("old")
    #expect(old.supersededByID == "new" && old.supersededAtUs > between)
    #expect(try await get("new").supersedesID == "old")
    #expect(
      await code { _ = try await add([V1.MemoryDraft(text: "Lives in Oslo", supersedesID: "old")]) }
        == "failedPrecondition")
    #expect(await code { _ = try await add([V1.MemoryDraft(text: "x", supersedesID: "none")]) } == "notFound")
    #expect(
      await code {
        _ = try await shard.submit(
          UpdateMemory(V1.UpdateMemoryRequest(memoryID: "old", text: "x"), scope: scope, key: nil))
      } == "failedPrecondition")
    try await checkRebuild()
  }

  @Test func expiryIsAnEventThatCanBeUndone() async throws {
    _ = try await shard.submit(
      SetMemoryPolicy(
        V1.SetMemoryPolicyRequest(
          policy: V1.MemoryPolicy(
            lifetimes: [V1.TypeLifetime(type: .working, ttlMs: 10)], retentionMs: 1_000)), scope: scope,
        key: nil))
    _ = try await add([
      V1.MemoryDraft(id: "work", type: .working, text: "by the policy"),
      V1.MemoryDraft(id: "own", type: .working, text: "by itself", ttlMs: 60_000),
      V1.MemoryDraft(id: "fact", type: .semantic, text: "for ever")
    ])
    #expect(try await list() == ["work", "own", "fact"])
    test.clock.advance(by: 10_000)
    #expect(try await list() == ["own", "fact"])
    await test.store.expireMemories(now: test.clock.now())
    #expect(await code { _ = try await get("work") } == "notFound")
    func restore(_ id: String) async throws {
      _ = try await shard.submit(
        RestoreMemories(V1.RestoreMemoriesRequest(memoryIDs: [id]), scope: scope, key: nil))
    }
    #expect(await code { try await restore("fact") } == "notFound")
    try await restore("work")
    #expect(try await get("work").expiresAtUs == 0)
    #expect(try await list() == ["work", "own", "fact"])
    // After the retention window it is gone for good.
    test.clock.advance(by: 60_000_000)
    await test.store.expireMemories(now: test.clock.now())
    test.clock.advance(by: 1_000_001)
    await test.store.expireMemories(now: test.clock.now())
    #expect(await code { try await restore("own") } == "notFound")
    try await checkRebuild()
  }

  @Test func aTenantsPolicyHoldsWhereTheAgentsSaysNothing() async throws {
    let own = V1.MemoryPolicy(lifetimes: [V1.TypeLifetime(type: .working, ttlMs: 10)])
    let tenant = V1.MemoryPolicy(
      lifetimes: [
        V1.TypeLifetime(type: .working, ttlMs: 99), V1.TypeLifetime(type: .episodic, ttlMs: 20)
      ], retentionMs: 1_000)
    _ = try await shard.submit(
      SetMemoryPolicy(V1.SetMemoryPolicyRequest(policy: own), scope: scope, key: nil))
    _ = try await shard.submit(
      SetMemoryPolicy(V1.SetMemoryPolicyRequest(policy: tenant), tenant: scope.tenant, key: nil))
    let known = test.policies.of(scope.tenant)
    #expect(known == tenant)
    let effective = MemoryPolicy.effective(own, tenant: known)
    #expect(effective.lifetimes.map(\.ttlMs) == [10, 20] && effective.retentionMs == 1_000)
    _ = try await shard.submit(
      AddMemories(
        V1.AddMemoriesRequest(memories: [
          V1.MemoryDraft(id: "work", type: .working, text: "w"),
          V1.MemoryDraft(id: "episode", type: .episodic, text: "e"), V1.MemoryDraft(id: "fact", text: "f")
        ]), scope: scope, key: nil, ids: test.ids, encoder: nil, tenantPolicy: known))
    test.clock.advance(by: 10_000)
    #expect(try await list() == ["episode", "fact"])
    test.clock.advance(by: 10_000)
    #expect(try await list() == ["fact"])
    await test.store.expireMemories(now: test.clock.now(), test.policies)
    // The tenant's window of a second is over; the default would be days.
    test.clock.advance(by: 1_000_001)
    await test.store.expireMemories(now: test.clock.now(), test.policies)
    #expect(
      await code {
        _ = try await shard.submit(
          RestoreMemories(V1.RestoreMemoriesRequest(memoryIDs: ["work"]), scope: scope, key: nil))
      } == "notFound")
    let again = MemoryPolicies()
    try await shard.read { db in try again.load(db) }
    #expect(again.of(scope.tenant) == tenant)
    try await checkRebuild()
  }

  @Test func whatIsFoundIsCounted() async throws {
    let recorder = AccessRecorder()
    _ = try await add([V1.MemoryDraft(id: "m", text: "tea")])
    let scope = scope
    let item = try await shard.read { db in try Int64.fetchOne(db, sql: "SELECT item FROM memories") ?? 0 }
    for _ in 0..<3 { recorder.found([item], scope: scope, at: test.clock.now()) }
    recorder.found(Array(repeating: 999, count: 50), scope: scope, at: test.clock.now())
    await recorder.flush(to: test.store)
    #expect(try await get("m").accessCount == 3)
    #expect(try await get("m").lastAccessAtUs > 0)
    try await checkRebuild()
  }

  @Test(arguments: [
    (V1.MemoryDraft(text: "x", confidence: 1.5), "memories.confidence"),
    (V1.MemoryDraft(text: "x", source: V1.MemorySource(rawValue: 9)), "memories.source"),
    (V1.MemoryDraft(text: "x", trust: V1.TrustClass(rawValue: -1)), "memories.trust"),
    (V1.MemoryDraft(text: "x", validFromUs: 5, validUntilUs: 5), "memories.valid_until_us"),
    (V1.MemoryDraft(text: "x", tags: ["a", "a"]), "memories.tags"),
    (V1.MemoryDraft(text: "x", tags: [""]), "memories.tags"),
    (V1.MemoryDraft(text: "x", ttlMs: -1), "memories.ttl_ms")
  ])
  func badDraftsNameTheirField(draft: V1.MemoryDraft, field: String) async {
    #expect(await code { _ = try await add([draft]) } == field)
  }

  private func checkRebuild() async throws {
    let report = try await test.store.verifyByRebuilding(test.store.shards[0], workers: test.workers)
    #expect(report.differences == [])
    try await test.store.close()
  }
}
