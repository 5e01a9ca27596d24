import LociClient
import LociProto
import LociWire
import Testing

/// Memory operations of a call that names a trace are steps of it.
@Suite struct MemorySpanTests {
  private let scope = V1.Scope(tenant: "t", agent: "a")
  private let trace = "0af7651916cd43dd8448eb211c80319c"
  private let parent = "b7ad6b7169203331"

  private func options(_ flags: String = "01") -> CallOptions {
    CallOptions(metadata: ["traceparent": "00-\(trace)-\(parent)-\(flags)"])
  }

  private func steps(_ folder: TemporaryFolder, _ id: String) async throws -> [V1.Step] {
    try await TestNode.run(folder: folder.path) { server in
      let found = try? await server.client.traces.getTrace(V1.GetTraceRequest(scope: scope, traceID: id))
      return (found?.steps ?? []).sorted { $0.startedAtUs < $1.startedAtUs }
    }
  }

  @Test func eachOperationIsAStepBelowTheCallers() async throws {
    let folder = TemporaryFolder()
    let id = try await TestNode.run(folder: folder.path) { server in
      let memories = server.client.memories
      let added = try await memories.addMemories(
        V1.AddMemoriesRequest(scope: scope, memories: [V1.MemoryDraft(text: "Ana likes trains")]),
        options: options())
      let id = try #require(added.memoryIDs.first)
      _ = try await memories.searchMemories(
        V1.SearchMemoriesRequest(scope: scope, query: "trains", mode: .keyword), options: options())
      _ = try await memories.updateMemory(
        V1.UpdateMemoryRequest(scope: scope, memoryID: id, text: "Ana likes planes"), options: options())
      await #expect(throws: RPCStatus.self) {
        try await memories.updateMemory(
          V1.UpdateMemoryRequest(scope: scope, memoryID: "none", text: "x"), options: options())
      }
      _ = try await memories.deleteMemories(
        V1.DeleteMemoriesRequest(scope: scope, memoryIDs: [id]), options: options())
      return id
    }
    let steps = try await steps(folder, trace)
    #expect(
      steps.map(\.name) == [
        "create_memory", "search_memory", "update_memory", "update_memory", "delete_memory"
      ])
    #expect(steps.allSatisfy { $0.kind == .memory && $0.parentSpanID == parent })
    #expect(steps.map(\.status) == [.ok, .ok, .ok, .error, .ok])
    #expect(steps.map { $0.links.map(\.id) } == [[id], [id], [id], [], [id]])
    #expect(steps[1].input == "trains" && steps[3].error.contains("none"))
    // No copy of what the memory said: it is deleted with the memory.
    #expect(!steps.map { "\($0)" }.joined().contains("Ana likes"))
    let names = steps[0].attributes.map { "\($0.key)=\($0.value)" }
    #expect(names.contains("gen_ai.operation.name=create_memory"))
  }

  @Test func aDraftsTraceIsEnoughAndNoTraceIsNone() async throws {
    let folder = TemporaryFolder()
    let other = String(trace.reversed())
    try await TestNode.run(folder: folder.path) { server in
      let memories = server.client.memories
      let draft = V1.MemoryDraft(text: "x", traceID: other)
      _ = try await memories.addMemories(V1.AddMemoriesRequest(scope: scope, memories: [draft]))
      let search = V1.SearchMemoriesRequest(scope: scope, query: "x", mode: .keyword)
      _ = try await memories.searchMemories(search)
      // Not recorded by the caller, or no traceparent at all.
      _ = try await memories.searchMemories(search, options: options("00"))
      for header in ["00-\(trace)", "ff-\(trace)-\(parent)-01", "00-\(trace.uppercased())-\(parent)-01"] {
        _ = try await memories.searchMemories(search, options: CallOptions(metadata: ["traceparent": header]))
      }
      #expect(try await server.client.traces.listTraces(V1.ListTracesRequest(scope: scope)).traces.count <= 1)
    }
    #expect(try await steps(folder, other).map(\.name) == ["create_memory"])
    #expect(try await steps(folder, trace).isEmpty)
  }
}
