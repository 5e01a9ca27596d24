import Foundation
import LociCore
import LociProto
import LociStore
import LociTrace
import Testing
import LociTestKit

@Suite("Replay") struct ReplayTests {
  private static func run(_ count: Int, seed: UInt64) -> [V1.Step] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { n in
      var one = step(
        n, parent: n == 0 ? nil : 0, kind: n == 0 ? .agent : .tool, name: "tool \(n % 7)", input: "in \(n)",
        output: "out \(UInt64.random(in: 0...999, using: &random))")
      one.state = [V1.StepStateChange(name: "last", value: "\(n)")]
      return one
    }
  }

  @Test("a run of 100,000 steps, written out of order, is served to the agent without a difference")
  func long() async throws {
    let store = try TraceStore()
    let steps = Self.run(100_000, seed: 1)
    var random = SplitMix64(seed: 2)
    for start in stride(from: 0, to: steps.count, by: 5_000) {
      try await store.write(steps[start..<start + 5_000].shuffled(using: &random))
    }
    let scope = try TraceStore.scope()
    let differences = try await store.read { db in
      let order = try TraceOrder(traceID(0), scope: scope, in: db)
      let reader = order.reader(in: db)
      var place: UInt32 = 0
      var differences = 0
      for step in steps.dropFirst() {
        let answer = try RecordedRun.next(
          V1.NextRecordedRequest(afterPlace: place, kind: step.kind, name: step.name, input: step.input),
          in: order, reader: reader)
        if answer.outcome != .recorded || answer.step?.output != step.output { differences += 1 }
        place = answer.place
      }
      return differences
    }
    #expect(differences == 0)
  }

  @Test("a planted difference is found where it is, and nowhere before", arguments: 0..<30)
  func planted(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let steps = Self.run(300, seed: seed)
    var other = steps
    let place = Int.random(in: 1..<300, using: &random)
    switch Int.random(in: 0..<3, using: &random) {
    case 0: other[place].input += "!"
    case 1: other[place].name = "another"
    default: other[place].kind = .llm
    }
    let store = try TraceStore()
    try await store.write(steps)
    try await store.write(
      other.map {
        var step = $0
        step.traceID = traceID(1)
        return step
      })
    let scope = try TraceStore.scope()
    let (diverged, compared) = try await store.read { [other] db in
      let order = try TraceOrder(traceID(0), scope: scope, in: db)
      let reader = order.reader(in: db)
      var after: UInt32 = 0
      var diverged = 0
      for (index, step) in other.enumerated().dropFirst() {
        let answer = try RecordedRun.next(
          V1.NextRecordedRequest(afterPlace: after, kind: step.kind, name: step.name, input: step.input),
          in: order, reader: reader)
        guard answer.outcome == .recorded else {
          diverged = index
          break
        }
        after = answer.place
      }
      return (
        diverged, TraceComparison.compare(order.table, try TraceOrder(traceID(1), scope: scope, in: db).table)
      )
    }
    #expect(diverged == place)
    let first = try #require(compared.firstDivergence)
    #expect(first.step == UInt32(place + 1) || first.otherStep == UInt32(place + 1))
    let same = TraceComparison.compare(StepTable(steps), StepTable(steps))
    #expect(same.firstDivergence == nil && same.sameSteps == 300)
  }

  /// The alignment against what any alignment must obey: each step once, in order.
  @Test("an alignment names each step of both traces once, in order", arguments: 0..<40)
  func alignment(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    func some() -> [V1.Step] {
      (0..<Int.random(in: 0..<40, using: &random)).map {
        step(
          $0, name: "n\(Int.random(in: 0..<4, using: &random))",
          input: "\(Int.random(in: 0..<2, using: &random))")
      }.enumerated().map { place, step in
        var step = step
        step.number = UInt32(place + 1)
        return step
      }
    }
    let (a, b) = (some(), some())
    let answer = TraceComparison.compare(StepTable(a), StepTable(b))
    let left = answer.differences.map(\.step).filter { $0 > 0 }
    let right = answer.differences.map(\.otherStep).filter { $0 > 0 }
    #expect(left == left.sorted() && Set(left).count == left.count)
    #expect(right == right.sorted() && Set(right).count == right.count)
    #expect(left.count + Int(answer.sameSteps) == a.count)
    #expect(right.count + Int(answer.sameSteps) == b.count)
  }

  @Test("a fork has the steps and the state of its moment, and goes its own way")
  func fork() async throws {
    let store = try TraceStore()
    var steps = Self.run(40, seed: 4)
    steps[9].links = [V1.StepLink(kind: .snapshot, id: "snap")]
    steps[12].output = String(repeating: "large ", count: 5_000)
    try await store.write(steps)
    let scope = try TraceStore.scope()
    let answer = try await store.store.shards[0].submit(
      ForkTrace(
        V1.ForkTraceRequest(traceID: traceID(0), afterPlace: 20), scope: scope, key: nil,
        newKey: try #require(TraceKey(traceID(5)))))
    #expect(answer.steps == 20)
    #expect(answer.state == [V1.StepStateChange(name: "last", value: "19")])
    #expect(answer.snapshotID == "snap")
    let fork = try await store.trace(traceID(5))
    #expect(fork.trace.forkedFromTraceID == traceID(0))
    #expect(fork.trace.forkedAfterStep == 20)
    #expect(fork.steps.map(\.input) == steps[..<20].map(\.input))
    // The blob outlives the trace that it came with.
    _ = try await store.store.shards[0].submit(
      DeleteTraces(V1.DeleteTracesRequest(traceIDs: [traceID(0)]), scope: scope, key: nil))
    let hash = fork.steps[12].outputBlob
    #expect(try await store.read { try TraceQueries.blob(hash, scope: scope, in: $0) } == steps[12].output)
    #expect(try await store.write([step(50, trace: 5)]).added == 1)
    let rebuilt = try await store.store.verifyByRebuilding(store.store.shards[0], workers: store.workers)
    #expect(rebuilt.differences == [])
  }

  @Test("the debugger steps in, over, out, back, and to where a condition holds")
  func debugger() async throws {
    let store = try TraceStore()
    // 0 agent ⟶ 1 plan ⟶ (2 llm, 3 tool fails), 4 tool
    var steps = [
      step(0, kind: .agent, name: "run"), step(1, parent: 0, kind: .plan, name: "plan"),
      step(2, parent: 1, kind: .llm, name: "think"), step(3, parent: 1, name: "call", error: "no"),
      step(4, parent: 0, name: "end")
    ]
    steps[1].state = [V1.StepStateChange(name: "phase", value: "planning")]
    steps[3].state = [
      V1.StepStateChange(name: "tries", value: "2"), V1.StepStateChange(name: "phase", removed: true)
    ]
    try await store.write(steps)
    let scope = try TraceStore.scope()
    func go(_ place: UInt32, _ command: V1.DebugCommand, _ breaks: [String] = [], _ watches: [String] = [])
      async throws -> V1.DebugTraceResponse
    {
      let debugger = try TraceDebugger(
        V1.DebugTraceRequest(
          traceID: traceID(0), place: place, command: command, breakpoints: breaks, watches: watches))
      return try await store.read {
        try debugger.run(in: TraceOrder(traceID(0), scope: scope, in: $0), db: $0)
      }
    }
    #expect(try await go(0, .step).step?.name == "run")
    #expect(try await go(1, .step).step?.name == "plan")
    #expect(try await go(2, .over).step?.name == "end")
    #expect(try await go(3, .over).step?.name == "call")
    #expect(try await go(3, .out).step?.name == "end")
    #expect(try await go(3, .back).step?.name == "plan")
    #expect(try await go(1, .back).place == 0)
    let stopped = try await go(
      0, .continue, ["name = \"nothing\"", "status = \"error\" and depth > 1"],
      ["state.tries", "name", "state.phase"])
    #expect(stopped.step?.name == "call")
    #expect(stopped.breakpoint == 2)
    #expect(stopped.watches == ["2", "call", ""])
    #expect(try await go(5, .reverse, ["state.phase = 'planning'"]).step?.name == "think")
    let end = try await go(4, .continue, ["kind = 'human'"])
    #expect(end.ended && end.breakpoint == 0)
    await #expect(throws: LociError.self) { try await go(99, .step) }
    await #expect(throws: LociError.self) { try await go(0, .continue, ["nosuch = 1"]) }
  }
}

@Suite("Conditions") struct ConditionTests {
  private static let subject: StepSubject = {
    var one = step(3, kind: .llm, name: "ask", input: "What's up?", error: "rate limit")
    one.attributes = [V1.Attribute(key: "gen_ai.system", value: "x")]
    (one.inputTokens, one.number) = (40, 7)
    var state = StateVariables()
    state.apply([V1.StepStateChange(name: "n", value: "12"), V1.StepStateChange(name: "名", value: "值")])
    return StepSubject(step: one, place: 4, depth: 2, variables: state)
  }()

  @Test(
    "conditions mean what they say",
    arguments: [
      ("kind = \"llm\"", true), ("kind != 'llm'", false),
      ("duration_us >= 10000 and duration_us < 10001", true),
      ("tokens > 39", true), ("tokens > 40", false), ("state.n > 9", true), ("state.n < \"2\"", false),
      ("state.missing = state.other", true), ("state.missing != ''", true),
      ("attr.gen_ai.system = 'x'", true),
      ("error contains \"rate\"", true), ("error starts 'limit'", false), ("not kind = 'tool'", true),
      ("not not true", true), ("true or false and false", true), ("(true or false) and false", false),
      ("input contains 'What\\'s'", true), ("state.名 = '值'", true), ("number == 7", true), ("name", true),
      ("state.missing", false), ("depth = 2 and place = 4", true), ("status = 'error'", true),
      ("1.5 < 2", true)
    ])
  func meaning(text: String, expected: Bool) throws {
    #expect(try Condition<StepSubject>(text, field: "breakpoints").holds(Self.subject) == expected)
  }

  @Test(
    "what is no condition is refused",
    arguments: [
      "", "=", "kind =", "kind = \"llm", "(kind", "kind = 'a' 'b'", "nosuch", "state.", "!", "kind & name",
      "and", "not"
    ])
  func refused(text: String) {
    #expect(throws: LociError.self) { try Condition<StepSubject>(text, field: "breakpoints") }
  }

  @Test("nesting is bounded, and so is length")
  func bounds() {
    let deep = String(repeating: "(", count: 65) + "true" + String(repeating: ")", count: 65)
    #expect(throws: LociError.self) { try Condition<StepSubject>(deep, field: "f") }
    let good = String(repeating: "(", count: 64) + "true" + String(repeating: ")", count: 64)
    #expect(throws: Never.self) { try Condition<StepSubject>(good, field: "f") }
    #expect(throws: LociError.self) {
      try Condition<StepSubject>(String(repeating: "not ", count: 400) + "true", field: "f")
    }
  }

  @Test("any text is refused or evaluated; neither crashes nor goes on for ever")
  func fuzz() {
    var random = SplitMix64(seed: 21)
    let pieces = [
      "kind", "=", "!=", "<", "'llm'", "\"", "(", ")", "and", "or", "not", "state.n", "1", "2.5", " ",
      "contains", "true", "\\", "é", "attr.x", "-", "1e999", "starts"
    ]
    var accepted = 0
    for _ in 0..<50_000 {
      let text = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
        pieces.randomElement(using: &random) ?? ""
      }
      .joined(separator: Bool.random(using: &random) ? " " : "")
      guard let condition = try? Condition<StepSubject>(text, field: "f") else { continue }
      accepted += 1
      _ = condition.holds(Self.subject)
      _ = condition.text(Self.subject)
    }
    #expect(accepted > 100)
  }
}
