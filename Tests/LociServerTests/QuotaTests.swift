import Foundation
import LociClient
import LociCore
import LociProto
import LociServer
import LociWire
import Logging
import Testing

/// Quotas over the wire, and what every service stores.
struct QuotaTests {
  private static let tenant = V1.Scope(tenant: "t", agent: "")
  private static let scope = V1.Scope(tenant: "t", agent: "a")
  private static let trace = "0af7651916cd43dd8448eb211c80319c"

  private static func usage(_ client: LociClient) async throws -> V1.GetQuotaResponse {
    try await client.access.getQuota(V1.GetQuotaRequest(scope: tenant))
  }

  private static func limit(_ client: LociClient, items: UInt64 = 0, bytes: UInt64 = 0) async throws {
    _ = try await client.access.setQuota(
      V1.SetQuotaRequest(scope: tenant, quota: V1.Quota(itemsMax: items, bytesMax: bytes)))
  }

  private static func refusal<T>(_ call: () async throws -> T) async throws -> V1.ErrorDetail? {
    do {
      _ = try await call()
      return nil
    } catch let error as RPCStatus {
      #expect(error.code == .resourceExhausted, "\(error)")
      return try error.details.first.map { try V1.ErrorDetail(decoding: $0.value) }
    }
  }

  private static func store(_ client: LociClient) async throws {
    _ = try await client.contexts.append(
      V1.AppendRequest(
        scope: scope, contextID: "c", messages: [V1.MessageDraft(role: .user, text: "one", data: [1, 2])],
        createContext: true))
    _ = try await client.memories.addMemories(
      V1.AddMemoriesRequest(scope: scope, memories: [V1.MemoryDraft(id: "m", text: "two", tags: ["x"])]))
    _ = try await client.vectors.upsert(
      V1.UpsertRequest(
        scope: scope, collection: "v", ids: V1.PointIds(numbers: [1, 2, 3]),
        vectors: V1.Vectors(values: (0..<12).map { Float($0) }),
        attributes: (0..<3).map { V1.PointAttributes(attributes: [.init(key: "n", value: .integer($0))]) }))
    // Replaces two and adds one.
    _ = try await client.vectors.upsert(
      V1.UpsertRequest(
        scope: scope, collection: "v", ids: V1.PointIds(numbers: [2, 3, 4]),
        vectors: V1.Vectors(values: (0..<12).map { Float($0) })))
    let step = V1.Step(
      traceID: trace, spanID: "b7ad6b7169203331", kind: .tool, name: "search", startedAtUs: 1 << 50,
      endedAtUs: 1 << 50 + 9, input: String(repeating: "a question. ", count: 20))
    _ = try await client.traces.writeSteps(V1.WriteStepsRequest(scope: scope, steps: [step]))
    let experience = V1.Experience(
      id: "e", task: V1.Task(text: "find a train", kind: "travel"), success: true)
    _ = try await client.experiences.recordExperiences(
      V1.RecordExperiencesRequest(scope: scope, experiences: [experience]))
  }

  @Test func everythingCountsAndGivesItsRoomBack() async throws {
    let folder = NSTemporaryDirectory() + "loci-quota-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let stored = try await TestNode.run(folder: folder) { server in
      let client = server.client
      _ = try await client.vectors.createCollection(
        V1.CreateCollectionRequest(
          scope: Self.scope, name: "v", config: V1.CollectionConfig(dimension: 4)))
      try await Self.store(client)
      let usage = try await Self.usage(client)
      // Context, message, memory, four points, step, experience.
      #expect(usage.items == 9)
      #expect(usage.bytes > 4 * 4 * 4)
      return usage
    }
    try await TestNode.run(folder: folder) { server in
      let client = server.client
      #expect(try await Self.usage(client) == stored)
      try await Self.limit(client, items: stored.items)
      let other = V1.Scope(tenant: "t", agent: "another")
      let detail = try await Self.refusal {
        try await client.memories.addMemories(
          V1.AddMemoriesRequest(scope: other, memories: [V1.MemoryDraft(text: "more")]))
      }
      #expect(detail?.reason == "QUOTA_EXCEEDED" && detail?.subject == "items")
      #expect(
        try await Self.refusal {
          try await client.vectors.upsert(
            V1.UpsertRequest(
              scope: Self.scope, collection: "v", ids: V1.PointIds(numbers: [9]),
              vectors: V1.Vectors(values: [1, 2, 3, 4])))
        } != nil)
      // One that is there already is no more than before.
      _ = try await client.vectors.upsert(
        V1.UpsertRequest(
          scope: Self.scope, collection: "v", ids: V1.PointIds(numbers: [4]),
          vectors: V1.Vectors(values: [1, 2, 3, 4])))
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(
          scope: V1.Scope(tenant: "u", agent: "a"), memories: [V1.MemoryDraft(text: "another tenant's")]))

      _ = try await client.contexts.deleteContext(
        V1.DeleteContextRequest(scope: Self.scope, contextID: "c"))
      _ = try await client.memories.deleteMemories(
        V1.DeleteMemoriesRequest(scope: Self.scope, memoryIDs: ["m"]))
      _ = try await client.vectors.dropCollection(
        V1.DropCollectionRequest(scope: Self.scope, collection: "v"))
      _ = try await client.traces.deleteTraces(
        V1.DeleteTracesRequest(scope: Self.scope, traceIDs: [Self.trace]))
      _ = try await client.experiences.deleteExperiences(
        V1.DeleteExperiencesRequest(scope: Self.scope, experienceIDs: ["e"]))
      let usage = try await Self.usage(client)
      #expect(usage.items == 0 && usage.bytes == 0, "\(usage)")
      #expect(usage.quota?.itemsMax == stored.items)
    }
    let report = await Checkup(
      dataPath: folder, rebuild: true,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ).run()
    #expect(report.problems.isEmpty)
  }

  @Test func bytesAreLimitedToo() async throws {
    try await TestNode.run { server in
      let client = server.client
      try await Self.limit(client, bytes: 1_000)
      func append(_ text: String) async throws -> V1.ErrorDetail? {
        try await Self.refusal {
          try await client.contexts.append(
            V1.AppendRequest(
              scope: Self.scope, contextID: "c", messages: [V1.MessageDraft(role: .user, text: text)],
              createContext: true))
        }
      }
      #expect(try await append(String(repeating: "x", count: 1_001))?.subject == "bytes")
      // Nothing was written: not even the context.
      #expect(
        try await client.contexts.listContexts(V1.ListContextsRequest(scope: Self.scope)).contexts.isEmpty)
      #expect(try await append(String(repeating: "x", count: 1_000)) == nil)
      #expect(try await append("x") != nil)
      #expect(try await append("") == nil)
      #expect(try await Self.usage(client).bytes == 1_000)
    }
  }

  @Test func onlyAnOperatorSetsOneAndAnAdministratorSeesIt() async throws {
    try await AccessTests.run { server in
      let root = AccessTests.client(server, AccessTests.rootKey)
      try await Self.limit(root, items: 5)
      let key = try await root.access.createKey(V1.CreateKeyRequest(scope: Self.tenant, role: .tenantAdmin))
      let admin = AccessTests.client(server, key.secret)
      #expect(try await Self.usage(admin).quota?.itemsMax == 5)
      #expect(await AccessTests.code { try await Self.limit(admin, items: 500) } == .permissionDenied)
      let foreign = V1.GetQuotaRequest(scope: V1.Scope(tenant: "u", agent: ""))
      #expect(await AccessTests.code { try await admin.access.getQuota(foreign) } == .permissionDenied)
      let many = V1.SetQuotaRequest(scope: Self.tenant, quota: V1.Quota(itemsMax: .max))
      #expect(await AccessTests.code { try await root.access.setQuota(many) } == .invalidArgument)
    }
  }
}
