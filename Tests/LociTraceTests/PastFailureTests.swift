import LociCore
import LociProto
import LociTrace
import Testing

@Suite("Past failures") struct PastFailureTests {
  private let error = "timetable lookup failed: station Rome unknown"

  /// A run of a root and tools, one after the other: (name, input, error).
  private func run(_ trace: Int, _ tools: [(String, String, String)]) -> [V1.Step] {
    let failed = tools.last?.2 ?? ""
    var steps = [step(0, trace: trace, kind: .agent, name: "book a train", error: failed)]
    for (n, tool) in tools.enumerated() {
      steps.append(
        step(n + 1, trace: trace, parent: 0, name: tool.0, input: tool.1, output: "", error: tool.2))
    }
    return steps
  }

  private func past(_ store: TraceStore, of trace: Int) async throws -> [V1.PastFailure] {
    let scope = try TraceStore.scope()
    return try await store.read {
      let analysis = try TraceAnalysis.run(
        V1.AnalyzeTraceRequest(traceID: traceID(trace)), scope: scope, in: $0)
      return analysis.failure?.pastFailures ?? []
    }
  }

  @Test("the run that went well later and has most in common shows the first difference")
  func laterRun() async throws {
    let store = try TraceStore()
    try await store.write(run(0, [("search", "Rome", ""), ("lookup", "Rome", error)]))
    // Has nothing of it, and another that has.
    try await store.write(run(1, [("greet", "", "")]))
    try await store.write(run(2, [("search", "Rome", ""), ("lookup", "Roma Termini", "")]))
    try await store.write(run(3, [("search", "Rome", ""), ("lookup", "Rome", error)]))
    let found = try #require(try await past(store, of: 3).first)
    #expect(found.traceID == traceID(0) && found.likeness == 1)
    #expect(found.fixedInTraceID == traceID(2))
    #expect(found.failedStep == 3)
    // The root ended otherwise too, but it did nothing else.
    #expect(found.fixedStep == 3 && found.fields.contains("input"))
    #expect(found.detail.contains("#3") && found.detail.contains("input"))
  }

  @Test("a retry that went well in the same run is the fix, with what it did otherwise")
  func sameRun() async throws {
    let store = try TraceStore()
    var steps = run(0, [("lookup", "Rome", error), ("lookup", "Roma Termini", "")])
    steps[0].status = .error
    steps[0].error = error
    try await store.write(steps)
    try await store.write(run(1, [("lookup", "Rome", error)]))
    let found = try #require(try await past(store, of: 1).first)
    #expect(found.fixedInTraceID == traceID(0) && found.failedStep == 2 && found.fixedStep == 3)
    #expect(found.fields == ["input"] && found.detail.contains("another input"))
  }

  @Test("a failure of other words is not alike, and one that nothing fixed says so")
  func unfixed() async throws {
    let store = try TraceStore()
    try await store.write(run(0, [("lookup", "Rome", "disk full while writing log")]))
    try await store.write(run(1, [("lookup", "Oslo", error)]))
    try await store.write(run(2, [("lookup", "Rome", error)]))
    let found = try await past(store, of: 2)
    #expect(found.map(\.traceID) == [traceID(1)])
    #expect(found[0].fixedInTraceID.isEmpty && found[0].failedStep == 2)
  }
}
