import LociClient
import LociProto
import LociServer
import LociWire
import Testing
import LociTestKit

/// Many tenants and agents use the same names and the same words on one server, at once. Each text carries a canary
/// that names its owner. No answer may ever hold another's canary, and each must be what a dictionary would give.
@Suite struct TenantTests {
  private struct Owner: Hashable {
    let tenant, agent: String
    var scope: V1.Scope { V1.Scope(tenant: tenant, agent: agent) }
    var canary: String { "canary\(tenant)x\(agent)z" }
  }

  private struct Model {
    var messages: [(id: String, text: String)] = []
    var memories: [String: String] = [:]
    var contexts: Set<String> = []
    var count = 0
  }

  /// Tenants that differ in one character, and agents whose names, put together with the tenant's, collide.
  private static let owners = [
    Owner(tenant: "a", agent: "bc"), Owner(tenant: "ab", agent: "c"), Owner(tenant: "a", agent: "b"),
    Owner(tenant: "A", agent: "bc"), Owner(tenant: "b", agent: "a"), Owner(tenant: "a", agent: "a")
  ]

  @Test(arguments: [UInt64(1), 2, 3, 20_261_124])
  func noInterleavingReturnsAForeignItem(seed: UInt64) async throws {
    try await TestNode.run(shards: 2) { server in
      let client = server.client
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, owner) in Self.owners.enumerated() {
          group.addTask {
            var rng = SplitMix64(seed: seed &* 1_000 &+ UInt64(number))
            var model = Model()
            for _ in 0..<120 { try await Self.step(owner, &model, client, &rng, seed) }
            try await Self.compare(owner, model, client, seed)
          }
        }
        try await group.waitForAll()
      }
      try await Self.searchTenants(client, seed)
      await client.close()
    }
  }

  private static func step(
    _ owner: Owner, _ model: inout Model, _ client: LociClient, _ rng: inout SplitMix64, _ seed: UInt64
  ) async throws {
    model.count += 1
    let text = "shared words about trains \(owner.canary) number \(model.count)"
    let context = "ctx-\(Int.random(in: 0..<3, using: &rng))"
    switch Int.random(in: 0..<10, using: &rng) {
    case 0...2:
      // The same ids for every owner.
      let id = "m-\(model.count)"
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: owner.scope, contextID: context,
          messages: [V1.MessageDraft(id: id, role: .user, text: text)],
          createContext: true, options: V1.WriteOptions(requestID: "r-\(model.count)")))
      model.messages.append((id, text))
      model.contexts.insert(context)
    case 3, 4:
      let id = "k-\(model.count)"
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: owner.scope, memories: [V1.MemoryDraft(id: id, text: text)]))
      model.memories[id] = text
    case 5:
      guard let id = model.memories.keys.sorted().randomElement(using: &rng) else { return }
      _ = try await client.memories.updateMemory(
        V1.UpdateMemoryRequest(scope: owner.scope, memoryID: id, text: text))
      model.memories[id] = text
    case 6:
      // An id that others have and perhaps this owner too.
      let id = "m-\(Int.random(in: 1...model.count, using: &rng))"
      let own = model.messages.contains { $0.id == id }
      let answer = try await client.contexts.deleteMessages(
        V1.DeleteMessagesRequest(scope: owner.scope, messageIDs: [id]))
      #expect(answer.messagesDeleted == (own ? 1 : 0), "seed \(seed)")
      model.messages.removeAll { $0.id == id }
    case 7:
      let id = "k-\(Int.random(in: 1...model.count, using: &rng))"
      let answer = try await client.memories.deleteMemories(
        V1.DeleteMemoriesRequest(scope: owner.scope, memoryIDs: [id]))
      #expect(answer.memoriesDeleted == (model.memories[id] == nil ? 0 : 1), "seed \(seed)")
      model.memories[id] = nil
    case 8:
      let found = try await client.contexts.searchMessages(
        V1.SearchMessagesRequest(scope: owner.scope, query: "trains number", limit: 50))
      let own = Set(model.messages.map(\.text))
      for hit in found.hits { #expect(own.contains(hit.message?.text ?? ""), "seed \(seed), \(owner)") }
      #expect(found.hits.count == min(50, own.count), "seed \(seed), \(owner)")
    default:
      let found = try await client.memories.searchMemories(
        V1.SearchMemoriesRequest(scope: owner.scope, query: "canary trains", limit: 50))
      for hit in found.hits {
        #expect(model.memories[hit.memory?.id ?? ""] == hit.memory?.text, "seed \(seed), \(owner)")
      }
      #expect(found.hits.count == min(50, model.memories.count), "seed \(seed), \(owner)")
    }
  }

  private static func compare(
    _ owner: Owner, _ model: Model, _ client: LociClient, _ seed: UInt64
  ) async throws {
    var exported: [String] = []
    for try await chunk in client.contexts.export(V1.ExportRequest(scope: owner.scope)) {
      exported += chunk.messages.map(\.text)
    }
    #expect(exported == model.messages.map(\.text), "seed \(seed), \(owner)")
    let memories = try await client.memories.listMemories(
      V1.ListMemoriesRequest(scope: owner.scope, page: V1.Page(size: 1_000)))
    #expect(
      Dictionary(uniqueKeysWithValues: memories.memories.map { ($0.id, $0.text) }) == model.memories,
      "seed \(seed), \(owner)")
    let contexts = try await client.contexts.listContexts(V1.ListContextsRequest(scope: owner.scope))
    #expect(Set(contexts.contexts.map(\.id)) == model.contexts, "seed \(seed), \(owner)")
    let stats = try await client.admin.stats(V1.StatsRequest(scope: owner.scope))
    #expect(stats.messages == UInt64(model.messages.count), "seed \(seed), \(owner)")
    #expect(stats.memories == UInt64(model.memories.count), "seed \(seed), \(owner)")
    let others = Self.owners.filter { $0 != owner }.map(\.canary)
    for text in exported + memories.memories.map(\.text) {
      #expect(!others.contains { text.contains($0) }, "seed \(seed): \(owner) got another's text")
    }
  }

  /// Over all agents of a tenant: each hit is its agent's, and the tenant's.
  private static func searchTenants(_ client: LociClient, _ seed: UInt64) async throws {
    for (tenant, agents) in Dictionary(grouping: owners, by: \.tenant) {
      let found = try await client.state.searchAgents(
        V1.SearchAgentsRequest(
          scope: V1.Scope(tenant: tenant), query: "trains number", limit: 100, mode: .keyword))
      #expect(found.searchedAgents == agents.map(\.agent).sorted(), "seed \(seed)")
      #expect(!found.memories.isEmpty && !found.messages.isEmpty, "seed \(seed)")
      let hits =
        found.memories.map { ($0.agent, $0.hit?.memory?.text ?? "") }
        + found.messages.map { ($0.agent, $0.hit?.message?.text ?? "") }
      for (agent, text) in hits {
        #expect(text.contains(Owner(tenant: tenant, agent: agent).canary), "seed \(seed): \(agent)")
      }
      for other in owners where other.tenant != tenant {
        #expect(!hits.contains { $0.1.contains(other.canary) }, "seed \(seed)")
      }
    }
  }

  /// An RPC that is added to the contract is refused without a scope from its first day.
  @Test func everyScopedCallNeedsAScope() async throws {
    try await TestNode.run { server in
      // A stream without a request asks about nothing.
      for entry in RPCCatalog.entries where entry.isScoped && !entry.streamsRequests {
        if entry.method == "Stats" { continue }  // a scope is optional there
        let connection = RawConnection(port: server.port)
        let flags: UInt8 = entry.isStreaming ? 1 : 0
        connection.send(Bytes.frame(Bytes.request(entry.service, entry.method, []), flags: flags))
        guard case .answer(let answer) = connection.receive() else {
          Issue.record("\(entry.method): no answer")
          continue
        }
        #expect(answer.code == 3 && answer.reason == "INVALID_FIELD", "\(entry.service)/\(entry.method)")
      }
    }
  }
}
