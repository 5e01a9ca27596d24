import Foundation
import LociCore
import LociProto
import LociTrace
import Testing
import LociTestKit

@Suite("Analysis") struct AnalysisTests {
  /// Steps from (parent, kind, name, start ms, end ms, input, output, error).
  private func steps(_ rows: [(Int?, String, Int64, Int64, String, String)]) -> [V1.Step] {
    rows.enumerated().map { n, row in
      var one = step(n, parent: row.0, name: row.1, input: row.4, error: row.5)
      one.startedAtUs = 1_000_000 + row.2 * 1_000
      one.endedAtUs = 1_000_000 + row.3 * 1_000
      one.number = UInt32(n + 1)
      return one
    }
  }

  private func kinds(_ rows: [(Int?, String, Int64, Int64, String, String)]) -> [V1.TracePatternKind: V1
    .TracePattern]
  {
    Dictionary(
      TracePatterns.find(in: StepTable(steps(rows))).map { ($0.kind, $0) }, uniquingKeysWith: { a, _ in a })
  }

  @Test("steps that overlap are parallel, those that do not are a sequence")
  func overlap() throws {
    let found = kinds([
      (nil, "run", 0, 100, "", ""), (0, "a", 0, 10, "", ""), (0, "b", 20, 50, "", ""),
      (0, "c", 30, 60, "", ""), (0, "d", 45, 48, "", ""), (0, "e", 70, 80, "", "")
    ])
    #expect(try #require(found[.parallel]).steps == [3, 4, 5])
    #expect(try #require(found[.parallel]).detail.contains("at most 3 at once"))
    #expect(try #require(found[.sequential]).steps == [2, 6])
  }

  @Test("retries, their pauses and fallbacks are told apart")
  func retries() throws {
    let found = kinds([
      (nil, "run", 0, 200, "", ""), (0, "get", 0, 10, "x", "timeout"), (0, "get", 20, 30, "x", "timeout"),
      (0, "get", 50, 60, "x", "timeout"), (0, "cache", 70, 80, "x", "")
    ])
    let retry = try #require(found[.retry])
    #expect(retry.steps == [2, 3, 4])
    #expect(retry.detail.contains("longer pause") && retry.detail.contains("failed still"))
    #expect(try #require(found[.fallback]).steps == [4, 5])
  }

  @Test(
    "the same step with the same input and outcome three times is a loop; a chain inside itself is recursion")
  func loops() throws {
    let found = kinds([
      (nil, "run", 0, 200, "", ""), (0, "look", 0, 1, "x", ""), (0, "look", 2, 3, "x", ""),
      (0, "look", 4, 5, "x", ""), (nil, "solve", 10, 50, "3", ""), (4, "solve", 11, 40, "2", ""),
      (5, "solve", 12, 30, "1", "")
    ])
    #expect(try #require(found[.loop]).steps == [2, 3, 4])
    #expect(try #require(found[.recursive]).steps == [5, 6, 7])
    #expect(kinds([(nil, "look", 0, 1, "x", ""), (nil, "look", 2, 3, "x", "")])[.loop] == nil)
  }

  @Test("the critical path is what the end waited for, and own time is what no child covers")
  func criticalPath() {
    let table = StepTable(
      steps([
        (nil, "run", 0, 100, "", ""), (0, "a", 10, 40, "", ""), (0, "b", 10, 60, "", ""),
        (0, "c", 65, 90, "", "")
      ]))
    let performance = TracePerformance(table)
    #expect(performance.criticalPath.map { table.numbers[$0] } == [1, 3, 4])
    #expect(performance.selfTimes == [25_000, 30_000, 50_000, 25_000])
    #expect(performance.criticalTime(table) == 100_000)
    #expect(performance.working == 75_000)
    #expect(performance.waiting == 25_000)
  }

  @Test("odd trees are read: cycles, lost parents, steps without an end, none at all")
  func oddTrees() {
    var cycle = steps([(1, "a", 0, 1, "", ""), (0, "b", 0, 1, "", ""), (77, "c", 0, 1, "", "")])
    cycle[2].endedAtUs = 0
    for steps in [cycle, [], Array(cycle[2...])] {
      let table = StepTable(steps)
      #expect(table.depths().allSatisfy { $0 >= 0 })
      _ = TracePatterns.find(in: table)
      _ = TracePerformance(table)
      _ = table.decisionPoints()
    }
    #expect(StepTable(cycle).parents.contains(-1))
  }

  @Test("quantiles of the histogram are within a bucket of the truth", arguments: 0..<10)
  func histogram(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let durations = (0..<1_000).map { _ in Int64(pow(10, Double.random(in: 0...7, using: &random))) }.sorted()
    var histogram = DurationHistogram()
    for duration in durations { histogram.add(duration) }
    for share in [0.01, 0.5, 0.95, 1.0] {
      let exact = Double(durations[max(0, Int((share * 1_000).rounded(.up)) - 1)])
      #expect(abs(log2(1 + Double(histogram.quantile(share))) - log2(1 + exact)) <= 0.2)
    }
  }

  @Test("a step that takes far longer than its like is told, with what is usual")
  func anomaly() async throws {
    let store = try TraceStore()
    for trace in 1...20 { try await store.write([step(0, trace: trace, name: "fetch")]) }
    var slow = step(0, trace: 30, name: "fetch")
    slow.endedAtUs = slow.startedAtUs + 5_000_000
    try await store.write([slow])
    let scope = try TraceStore.scope()
    let answer = try await store.read {
      try TraceAnalysis.run(V1.AnalyzeTraceRequest(traceID: traceID(30)), scope: scope, in: $0)
    }
    #expect(answer.anomalies.map(\.step) == [1])
    #expect(try #require(answer.anomalies.first).usualUs < 12_000)
    #expect(answer.performance.first?.baselineCount == 20)
    let usual = try await store.read {
      try TraceAnalysis.run(V1.AnalyzeTraceRequest(traceID: traceID(3)), scope: scope, in: $0)
    }
    #expect(usual.anomalies.isEmpty)
  }

  @Test("a failure is led back through the data to the step that brought it in")
  func lineage() throws {
    var run = steps([
      (nil, "find user", 0, 1, "anna", ""), (nil, "note", 2, 3, "x", ""),
      (nil, "charge", 4, 5, "id=usr_0815 amount=3", "404 not found")
    ])
    run[0].output = "usr_0815"
    run[1].output = "ok then"
    let finding = try #require(FailureLocation.find(run, patterns: [], knownFailed: false))
    #expect(finding.failedStep == 3)
    #expect(finding.originStep == 1)
    #expect(finding.cause == .missingData)
    #expect(!finding.evidence.isEmpty && !finding.suggestions.isEmpty)
    #expect(FailureLocation.find(Array(run[..<2]), patterns: [], knownFailed: false) == nil)
    #expect(FailureLocation.find([], patterns: [], knownFailed: true) == nil)
  }

  @Test(
    "causes are told by the words of the error",
    arguments: [
      ("HTTP 429 Too Many Requests", V1.FailureCause.rateLimit), ("request timed out after 30 s", .timeout),
      ("ValueError: invalid literal", .badArgument), ("No such file or directory", .missingData),
      ("Permission denied", .permission), ("maximum context length exceeded", .budget),
      ("502 Bad Gateway", .upstream), ("totals are inconsistent", .contradiction),
      ("Traceback (most recent call last)", .toolFault)
    ])
  func causes(error: String, cause: V1.FailureCause) throws {
    var run = [step(0, error: error)]
    run[0].number = 1
    #expect(try #require(FailureLocation.find(run, patterns: [], knownFailed: false)).cause == cause)
  }

  @Test("Fisher's test gives the published values")
  func fisher() {
    // Fisher's tea: 3 of 4 right. And a table of 12 against 12 with 1 and 9.
    #expect(abs(GroupComparison.fisher(3, 1, 1, 3) - 0.4857142857) < 1e-9)
    #expect(abs(GroupComparison.fisher(1, 9, 11, 3) - 0.002759456) < 1e-8)
    #expect(GroupComparison.fisher(0, 0, 0, 0) == 1)
  }

  @Test("what tells failures from successes comes first")
  func groups() async throws {
    let store = try TraceStore()
    for trace in 0..<40 {
      let fails = trace % 2 == 0
      try await store.write([
        step(0, trace: trace, name: "run", error: fails ? "bad" : ""),
        step(1, trace: trace, parent: 0, name: fails ? "old tool" : "new tool"),
        step(2, trace: trace, parent: 0, name: "common")
      ])
    }
    let scope = try TraceStore.scope()
    let first = try TraceSelection(V1.TraceFilter(statuses: [.error]))
    let other = try TraceSelection(V1.TraceFilter(statuses: [.ok]))
    let answer = try await store.read { try GroupComparison.compare(first, other, scope: scope, in: $0) }
    #expect(answer.firstCount == 20 && answer.otherCount == 20)
    #expect(
      Set(answer.differences.prefix(3).map { "\($0.feature) \($0.name)" }) == [
        "errors run", "step new tool", "step old tool"
      ])
    #expect(answer.differences.first.map { $0.pValue < 1e-8 } == true)
    #expect(answer.differences.first { $0.name == "common" }?.pValue == 1)
  }

  @Test("filters and search find what they should")
  func search() async throws {
    let store = try TraceStore()
    try await store.write([step(0, trace: 0, name: "weather", input: "Forecast for Berlin", output: "rain")])
    try await store.write([
      step(0, trace: 1, name: "weather", input: "Forecast for Lisbon", error: "Quota exceeded")
    ])
    try await store.write([step(0, trace: 2, kind: .llm, name: "chat", input: "会议改到星期二", output: "ok")])
    let scope = try TraceStore.scope()
    func hits(_ query: String) async throws -> [String] {
      let search = try StepSearch(V1.SearchStepsRequest(query: query))
      return try await store.read { try search.run(scope: scope, in: $0) }.hits.compactMap {
        $0.step?.traceID
      }
    }
    #expect(try await hits("lisbon forecast").first == traceID(1))
    #expect(try await hits("quota") == [traceID(1)])
    #expect(try await hits("星期二") == [traceID(2)])
    #expect(try await hits("nothing") == [])
    func list(_ filter: V1.TraceFilter) async throws -> [String] {
      let selection = try TraceSelection(filter)
      return try await store.read {
        try TraceQueries.newest(selection, count: 10, scope: scope, in: $0).map(\.trace.traceID)
      }
    }
    #expect(try await list(V1.TraceFilter(statuses: [.error])) == [traceID(1)])
    #expect(try await list(V1.TraceFilter(kind: .llm)) == [traceID(2)])
    #expect(try await list(V1.TraceFilter(stepName: "weather")) == [traceID(1), traceID(0)])
    #expect(try await list(V1.TraceFilter(errorContains: "QUOTA")) == [traceID(1)])
    #expect(try await list(V1.TraceFilter(durationMinUs: 20_000)) == [])
  }
}
