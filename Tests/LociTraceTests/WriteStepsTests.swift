import Foundation
import GRDB
import LociCore
import LociProto
import LociStore
import LociTrace
import Testing
import LociTestKit

@Suite("Writing steps") struct WriteStepsTests {
  @Test("steps come back as they were written, in order of arrival")
  func basic() async throws {
    let store = try TraceStore()
    let steps = (0..<2_500).map { step($0, parent: $0 == 0 ? nil : 0, input: "question \($0)") }
    let answer = try await store.write(steps)
    #expect((answer.added, answer.completed, answer.unchanged) == (2_500, 0, 0))
    let found = try await store.trace(traceID(0))
    #expect(found.trace.steps == 2_500)
    #expect(found.trace.status == .ok)
    #expect(found.trace.startedAtUs == steps[0].startedAtUs)
    #expect(found.trace.endedAtUs == steps[2_499].endedAtUs)
    #expect(found.steps.map(\.number) == (1...2_500).map { UInt32($0) })
    #expect(found.steps.map(\.input) == steps.map(\.input))
  }

  @Test("a second delivery changes nothing")
  func repeated() async throws {
    let store = try TraceStore()
    let steps = (0..<50).map { step($0, error: $0 == 7 ? "boom" : "") }
    try await store.write(steps)
    let before = try await store.trace(traceID(0))
    let answer = try await store.write(steps + steps)
    #expect((answer.added, answer.completed, answer.unchanged) == (0, 0, 100))
    let after = try await store.trace(traceID(0))
    #expect(after.trace == before.trace)
    #expect(after.steps == before.steps)
  }

  @Test("a late end completes a step, and the summary with it")
  func lateEnd() async throws {
    let store = try TraceStore()
    var begun = step(1, name: "call", output: "")
    (begun.endedAtUs, begun.status) = (0, .unspecified)
    try await store.write([step(0), begun])
    #expect(try await store.trace(traceID(0)).trace.status == .running)
    var end = V1.Step(traceID: traceID(0), spanID: spanID(1))
    end.endedAtUs = begun.startedAtUs + 5_000
    (end.status, end.error, end.output, end.inputTokens) = (.error, "no", "result", 12)
    let answer = try await store.write([end])
    #expect((answer.added, answer.completed) == (0, 1))
    let found = try await store.trace(traceID(0))
    #expect(found.trace.running == 0)
    #expect(found.trace.errors == 1)
    #expect(found.trace.inputTokens == 12)
    #expect(found.trace.error == "no")
    #expect(found.steps[1].name == "call")
    #expect(found.steps[1].startedAtUs == begun.startedAtUs)
    #expect(found.steps[1].output == "result")
    #expect(try await store.write([end]).unchanged == 1)
  }

  /// Whatever the order, the batches, the repetitions and the split of each step into a beginning and an end.
  @Test("any order and any split of the deliveries give the same trace", arguments: 0..<20)
  func orders(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let whole = (0..<120).map { n in
      var step = step(
        n, trace: n % 3, parent: n < 3 ? nil : n % 3, name: "n\(n % 4)", error: n % 11 == 0 ? "bad" : "")
      step.outputTokens = UInt32(n)
      step.attributes = [V1.Attribute(key: "n", value: "\(n)")]
      return step
    }
    let plain = try TraceStore()
    try await plain.write(whole)
    var parts: [V1.Step] = []
    for step in whole {
      if Bool.random(using: &random) {
        var begin = step
        (begin.endedAtUs, begin.status, begin.error, begin.output, begin.outputTokens) = (
          0, .unspecified, "", "", 0
        )
        var end = V1.Step(traceID: step.traceID, spanID: step.spanID, parentSpanID: step.parentSpanID)
        (end.endedAtUs, end.status, end.error) = (step.endedAtUs, step.status, step.error)
        (end.output, end.outputTokens) = (step.output, step.outputTokens)
        // The start is what a later delivery cannot know; it is what tells the two apart.
        end.startedAtUs = step.startedAtUs
        parts += [begin, end]
      } else {
        parts.append(step)
      }
      if Int.random(in: 0..<4, using: &random) == 0 { parts.append(step) }
    }
    parts.shuffle(using: &random)
    let shuffled = try TraceStore()
    var at = 0
    while at < parts.count {
      let size = Int.random(in: 1...20, using: &random)
      try await shuffled.write(Array(parts[at..<min(parts.count, at + size)]))
      at += size
    }
    for trace in 0..<3 {
      let expected = try await plain.trace(traceID(trace))
      let got = try await shuffled.trace(traceID(trace))
      func sorted(_ steps: [V1.Step]) -> [V1.Step] {
        steps.map { step in
          var step = step
          step.number = 0
          return step
        }.sorted { $0.spanID < $1.spanID }
      }
      #expect(sorted(got.steps) == sorted(expected.steps))
      var summary = got.trace
      (summary.createdAtUs, summary.error) = (expected.trace.createdAtUs, expected.trace.error)
      #expect(summary == expected.trace)
    }
  }

  @Test("large texts become blobs, kept once, and go with the last trace that names them")
  func blobs() async throws {
    let store = try TraceStore()
    let large = String(repeating: "large 大 ", count: 3_000)
    try await store.write([step(0, input: large, output: large), step(1, trace: 1, output: large)])
    let found = try await store.trace(traceID(0)).steps[0]
    #expect(found.input.isEmpty && found.inputBlob == found.outputBlob)
    let scope = try TraceStore.scope()
    let hash = found.inputBlob
    #expect(try await store.read { try TraceQueries.blob(hash, scope: scope, in: $0) } == large)
    #expect(try await store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM step_blobs") } == 1)
    for (trace, left) in [(0, 1), (1, 0)] {
      _ = try await store.store.shards[0].submit(
        DeleteTraces(V1.DeleteTracesRequest(traceIDs: [traceID(trace)]), scope: scope, key: nil))
      #expect(try await store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM step_blobs") } == left)
    }
    await #expect(throws: LociError.notFound(.trace, id: traceID(0))) { try await store.trace(traceID(0)) }
    #expect(try await store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM trace_blocks") } == 0)
    // And the spans are new again.
    #expect(try await store.write([step(0)]).added == 1)
  }

  @Test("one agent's traces are not another's")
  func scopes() async throws {
    let store = try TraceStore()
    try await store.write([step(0)], agent: "a")
    try await store.write([step(0), step(1)], agent: "b")
    #expect(try await store.trace(traceID(0), agent: "a").steps.count == 1)
    #expect(try await store.trace(traceID(0), agent: "b").steps.count == 2)
    await #expect(throws: LociError.self) { try await store.trace(traceID(0), agent: "c") }
  }

  @Test("what is no step is refused, naming the field")
  func badInput() async throws {
    let store = try TraceStore()
    func refused(_ field: String, _ change: (inout V1.Step) -> Void) async {
      var bad = step(0)
      change(&bad)
      do {
        try await store.write([step(1), bad])
        Issue.record("accepted with a bad \(field)")
      } catch LociError.invalid(let named, _) {
        #expect(named == field)
      } catch { Issue.record("\(error)") }
    }
    await refused("steps.trace_id") { $0.traceID = "xyz" }
    await refused("steps.span_id") { $0.spanID = "" }
    await refused("steps.span_id") { $0.spanID = "0000000000000000" }
    await refused("steps.parent_span_id") { $0.parentSpanID = $0.spanID }
    await refused("steps.parent_span_id") { $0.parentSpanID = "0000000000000000" }
    await refused("steps.kind") { $0.kind = V1.StepKind(rawValue: 99) }
    await refused("steps.status") { $0.status = V1.StepStatus(rawValue: -1) }
    await refused("steps.name") { $0.name = String(repeating: "x", count: 257) }
    await refused("steps.started_at_us") { $0.startedAtUs = -1 }
    await refused("steps.ended_at_us") { $0.endedAtUs = 1 }
    await refused("steps.cost_nano_usd") { $0.costNanoUsd = -1 }
    await refused("steps.input") { $0.input = String(repeating: "x", count: 1 << 20 + 1) }
    await refused("steps.output") { $0.output = "a\0b" }
    await refused("steps.error") { $0.error = String(repeating: "x", count: 65_537) }
    await refused("steps.actor") { $0.actor = "a\nb" }
    await refused("steps.attributes.key") { $0.attributes = [V1.Attribute(key: "", value: "")] }
    await refused("steps.links.kind") { $0.links = [V1.StepLink(id: "x")] }
    await refused("steps.links.id") { $0.links = [V1.StepLink(kind: .memory)] }
    await refused("steps.state.name") { $0.state = [V1.StepStateChange(name: "", value: "1")] }
    await refused("steps.state.value") {
      $0.state = [V1.StepStateChange(name: "a", value: "1", removed: true)]
    }
    await #expect(throws: LociError.self) { try await store.write([]) }
    await #expect(throws: LociError.notFound(.trace, id: traceID(0))) { try await store.trace(traceID(0)) }
  }

  @Test("tables made anew from the log are the same, and spans are known again")
  func rebuild() async throws {
    let store = try TraceStore()
    var random = SplitMix64(seed: 9)
    for round in 0..<30 {
      var steps = (0..<20).map { n in
        step(
          Int.random(in: 0..<200, using: &random), trace: n % 4, name: "n\(n % 3)",
          input: String(repeating: "i", count: round))
      }
      for place in steps.indices where Bool.random(using: &random) { steps[place].endedAtUs = 0 }
      try await store.write(steps)
      if round % 10 == 9 {
        _ = try await store.store.shards[0].submit(
          DeleteTraces(
            V1.DeleteTracesRequest(traceIDs: [traceID(round % 4)]), scope: try TraceStore.scope(), key: nil))
      }
    }
    let result = try await store.store.verifyByRebuilding(store.store.shards[0], workers: store.workers)
    #expect(result.differences == [])
    #expect(result.rows > 100)
  }

  @Test("a watcher sees what is written, and only its agent's")
  func tail() async throws {
    let store = try TraceStore()
    let stream = store.tail.watch(try TraceStore.scope("a"))
    try await store.write([step(0)], agent: "b")
    try await store.write([step(1), step(2)], agent: "a")
    for try await batch in stream {
      guard case .written(let blocks) = batch else { continue }
      #expect(blocks.map(\.count) == [2])
      break
    }
  }
}
