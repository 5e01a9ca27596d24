import GRDB
import LociContext
import LociCore
import LociMemory
import LociProto
import LociSession
import LociStore
import LociTestKit
import Testing

/// How much a tenant may store, over all shards.
@Suite struct QuotaTests {
  private struct SetLimit: Command {
    let scope: Scope
    let requestKey: RequestKey? = nil
    let costBytes = 64
    let limit: StoredAmount

    func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
      let event = LogV1.TenantQuotaSet(itemsMax: limit.items, bytesMax: limit.bytes)
      return Decision(events: [.tenantQuotaSet(event)], answer: Written())
    }
  }

  private func limit(_ tenant: String, items: Int64 = 0, bytes: Int64 = 0, _ test: TestStore) async throws {
    let scope = try Scope(tenant: tenant, agent: "loci.access")
    _ = try await test.store.shard(of: scope).submit(
      SetLimit(scope: scope, limit: StoredAmount(items: items, bytes: bytes)))
  }

  /// What the tables hold, counted without the triggers.
  private func counted(_ tenant: String, _ test: TestStore) async throws -> StoredAmount {
    func length(_ column: String) -> String { "ifnull(length(CAST(\(column) AS BLOB)), 0)" }
    func sum(_ table: String, items: String, _ columns: String..., via owner: String = "") -> String {
      let bytes = columns.map { length("r.\($0)") }.joined(separator: " + ")
      let scope = owner.isEmpty ? "r.scope" : owner
      return """
        SELECT \(items), coalesce(sum(\(bytes)), 0) FROM \(table) r
        WHERE \(scope) IN (SELECT row FROM scopes WHERE tenant = '\(tenant)')
        """
    }
    let session = "(SELECT scope FROM sessions WHERE row = r.session)"
    let queries = [
      sum("contexts", items: "count(*)", "title", "attributes"),
      sum("messages", items: "count(*)", "text", "data", "attributes"),
      sum("memories", items: "count(*)", "text", "attributes", "details", "tags"),
      sum("sessions", items: "count(*)", "title", "attributes"),
      sum("session_variables", items: "0", "value", via: session),
      sum("kept_messages", items: "0", "text", "data", "attributes", via: session),
      sum("kept_memories", items: "0", "text", "attributes", "details", via: session),
      sum("kept_variables", items: "0", "value", via: session),
      sum("checkpoints", items: "count(*)", "state", "metadata", "attributes"),
      sum("checkpoint_values", items: "0", "value"), sum("checkpoint_writes", items: "0", "value")
    ]
    var total = StoredAmount.zero
    for shard in test.store.shards {
      total = try await shard.read { [total] db in
        try queries.reduce(total) { total, query in
          guard let row = try Row.fetchOne(db, sql: query) else { return total }
          return total + StoredAmount(items: row[0] ?? 0, bytes: row[1])
        }
      }
    }
    return total
  }

  private func refusal<T>(_ call: () async throws -> T) async throws -> LociError? {
    do {
      _ = try await call()
      return nil
    } catch let error as LociError {
      guard case .quotaExceeded = error else { throw error }
      return error
    }
  }

  @Test func whatIsRefusedChangesNothingAndDeletingGivesRoomBack() async throws {
    let test = try TestStore()
    try await limit("t", items: 4, test)
    // The context is an item too.
    _ = try await test.append(["one", "two"], by: "a")
    let before = test.store.shards.map(\.position)
    let refused = try await refusal { try await test.append(["three", "four"], by: "a") }
    #expect(refused == .quotaExceeded(tenant: "t", of: "items", used: 3, adds: 2, limit: 4))
    // Another agent, in whichever shard, has the same quota; another tenant has its own.
    #expect(try await refusal { try await test.append(["three"], by: "b") } != nil)
    #expect(test.store.shards.map(\.position) == before)
    let scope = try Scope(tenant: "t", agent: "a")
    _ = try await test.store.shard(of: scope).submit(
      DeleteContext(V1.DeleteContextRequest(contextID: "c"), scope: scope, key: nil))
    #expect(test.store.quotas.used(by: scope.tenant) == .zero)
    _ = try await test.append(["one", "two", "three"], by: "b")
    #expect(test.store.quotas.used(by: scope.tenant).items == 4)
    // What is beyond a lower quota stays, and may shrink.
    try await limit("t", items: 1, test)
    let other = try Scope(tenant: "t", agent: "b")
    #expect(try await test.texts(of: "b").count == 3)
    _ = try await test.store.shard(of: other).submit(
      DeleteContext(V1.DeleteContextRequest(contextID: "c"), scope: other, key: nil))
    try await limit("t", test)
    _ = try await test.append((0..<50).map { "\($0)" }, by: "a")
    try await test.store.close()
  }

  @Test func aMemoryGrowsOnlyWithinTheQuota() async throws {
    let test = try TestStore()
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shard(of: scope)
    let draft = V1.MemoryDraft(id: "m", text: "short", attributes: [V1.Attribute(key: "k", value: "v")])
    _ = try await shard.submit(
      AddMemories(
        V1.AddMemoriesRequest(memories: [draft]), scope: scope, key: nil, ids: test.ids, encoder: nil))
    let used = test.store.quotas.used(by: scope.tenant)
    #expect(used == (try await counted("t", test)))
    try await limit("t", bytes: used.bytes + 10, test)
    func update(_ text: String) async throws -> LociError? {
      try await refusal {
        try await shard.submit(
          UpdateMemory(V1.UpdateMemoryRequest(memoryID: "m", text: text), scope: scope, key: nil))
      }
    }
    #expect(try await update("short and ten more.") != nil)
    #expect(try await update("short and ten m") == nil)
    #expect(test.store.quotas.used(by: scope.tenant).bytes == used.bytes + 10)
    #expect(try await update("s") == nil)
    #expect(test.store.quotas.used(by: scope.tenant).bytes == used.bytes - 4)
    try await test.store.close()
  }

  @Test func writersOfManyAgentsNeverGoBeyondTogether() async throws {
    let test = try TestStore(shards: 4)
    try await limit("t", items: 200, test)
    let stored = try await withThrowingTaskGroup(of: Int.self) { group in
      for agent in 0..<40 {
        group.addTask {
          var stored = 0
          for step in 0..<10 {
            let scope = try Scope(tenant: "t", agent: "a\(agent)")
            let request = V1.AddMemoriesRequest(memories: [V1.MemoryDraft(text: "\(agent) \(step)")])
            let command = try AddMemories(request, scope: scope, key: nil, ids: test.ids, encoder: nil)
            let refused = try await refusal { try await test.store.shard(of: scope).submit(command) }
            if refused == nil { stored += 1 }
          }
          return stored
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(stored == 200)
    #expect(test.store.quotas.used(by: TenantID(unchecked: "t")).items == 200)
    try await test.store.close()
  }

  /// Against a model of texts: a write is refused exactly when it would go beyond. What is counted is what the tables
  /// hold, here, after a restart, and after a rebuild from the log.
  @Test(arguments: UInt64(1)...6)
  func usageIsWhatTheTablesHold(seed: UInt64) async throws {
    let test = try TestStore(shards: 3, keepsFolder: true)
    let cap: Int64 = 4_000
    try await limit("t", items: seed % 2 == 0 ? 60 : 0, bytes: seed % 2 == 1 ? cap : 0, test)
    var rng = SplitMix64(seed: seed)
    var texts: [String: [String: String]] = [:]
    var refusals = 0
    for step in 0..<250 {
      let agent = "a\(Int.random(in: 0..<5, using: &rng))"
      let scope = try Scope(tenant: "t", agent: agent)
      let shard = test.store.shard(of: scope)
      let held = texts[agent] ?? [:]
      if Int.random(in: 0..<3, using: &rng) > 0 {
        let added = (0...Int.random(in: 0..<3, using: &rng)).map { place in
          (id: "\(step).\(place)", text: String(repeating: "文 x", count: .random(in: 0..<40, using: &rng)))
        }
        let request = V1.AppendRequest(
          contextID: "c", messages: added.map { V1.MessageDraft(id: $0.id, role: .user, text: $0.text) },
          createContext: true)
        let command = try AppendMessages(request, scope: scope, key: nil, ids: test.ids)
        let refused = try await refusal { try await shard.submit(command) }
        let items = texts.values.reduce(0) { $0 + $1.count + 1 } + added.count + (texts[agent] == nil ? 1 : 0)
        let bytes =
          texts.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.utf8.count } }
          + added.reduce(0) { $0 + $1.text.utf8.count }
        let fits = seed % 2 == 0 ? items <= 60 : bytes <= Int(cap)
        #expect((refused == nil) == fits, "seed \(seed) step \(step)")
        if refused == nil {
          texts[agent] = held.merging(added.map { ($0.id, $0.text) }) { $1 }
        } else {
          refusals += 1
        }
      } else if Int.random(in: 0..<8, using: &rng) == 0, texts[agent] != nil {
        _ = try await shard.submit(
          DeleteContext(V1.DeleteContextRequest(contextID: "c"), scope: scope, key: nil))
        texts[agent] = nil
      } else if let id = held.keys.sorted().randomElement(using: &rng) {
        _ = try await shard.submit(
          DeleteMessages(V1.DeleteMessagesRequest(messageIDs: [id, "none"]), scope: scope, key: nil))
        texts[agent]?[id] = nil
      }
    }
    #expect(refusals > 0, "seed \(seed)")
    let used = test.store.quotas.used(by: TenantID(unchecked: "t"))
    #expect(used == (try await counted("t", test)), "seed \(seed)")
    try await test.store.close()
    let again = try TestStore(path: test.path, keepsFolder: false)
    #expect(again.store.quotas.used(by: TenantID(unchecked: "t")) == used)
    #expect(again.store.quotas.limit(of: TenantID(unchecked: "t")) != .zero)
    for shard in again.store.shards {
      let report = try await again.store.verifyByRebuilding(shard, workers: again.workers)
      #expect(report.differences == [], "seed \(seed)")
    }
    try await again.store.close()
  }

  @Test func aRollbackIsNeverRefused() async throws {
    let test = try TestStore()
    let scope = try Scope(tenant: "t", agent: "a")
    let shard = test.store.shard(of: scope)
    let create = V1.CreateSessionRequest(id: "s", contextID: "c", activate: true)
    _ = try await shard.submit(CreateSession(create, scope: scope, key: nil, ids: test.ids))
    let ids = try await test.append(["one", "two"], by: "a").messageIDs
    let taken = try await shard.submit(
      TakeSnapshot(V1.TakeSnapshotRequest(sessionID: "s"), scope: scope, key: nil, ids: test.ids))
    _ = try await shard.submit(
      DeleteMessages(V1.DeleteMessagesRequest(messageIDs: ids), scope: scope, key: nil))
    // The snapshot still holds them.
    #expect(test.store.quotas.used(by: scope.tenant) == (try await counted("t", test)))
    #expect(test.store.quotas.used(by: scope.tenant).bytes >= 6)
    try await limit("t", items: 1, bytes: 1, test)
    #expect(try await refusal { try await test.append(["three"], by: "a") } != nil)
    let back = V1.RollbackSessionRequest(sessionID: "s", snapshotID: taken.snapshot?.id ?? "")
    _ = try await shard.submit(RollbackSession(back, scope: scope, key: nil, ids: test.ids))
    #expect(try await test.texts(of: "a") == ["one", "two"])
    #expect(test.store.quotas.used(by: scope.tenant) == (try await counted("t", test)))
    try await test.store.close()
  }

  /// Sessions, variables, snapshots that keep what is deleted, checkpoints that are replaced: whatever a slice does to
  /// its rows is counted.
  @Test(arguments: UInt64(1)...4)
  func everySliceIsCounted(seed: UInt64) async throws {
    let test = try TestStore()
    try await RebuildTests().randomHistory(test, seed: seed)
    #expect(test.store.quotas.used(by: TenantID(unchecked: "t")) == (try await counted("t", test)))
    #expect(try await counted("t", test).items > 0)
    try await test.store.close()
  }
}
