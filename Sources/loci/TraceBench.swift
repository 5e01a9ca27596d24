import ArgumentParser
import Foundation
import LociClient
import LociProto

/// Writes of steps, and what a large trace costs to open and to analyse.
struct StepsBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "steps",
    abstract: "Durable writes of steps in batches; then one large trace, opened and analysed.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @OptionGroup var load: LoadOptions
  @Option(help: "Callers, each with one batch under way.") var callers = 4
  @Option(help: "Steps in a batch, 1 to 10000.") var batch = 1_000
  @Option(help: "Bytes of input, and of output, in a step.") var textBytes = 100
  @Option(help: "Steps of the large trace; 0: none.") var large = 0

  func run() async throws {
    let steps = SampleSteps(textBytes: textBytes)
    let run = UInt64.random(in: 1 ... .max)
    try await server.withClient { client in
      var result = await ClosedLoop(callers: callers, load).run(on: client.executor) { caller, call in
        let request = V1.WriteStepsRequest(
          scope: V1.Scope(tenant: who.tenant, agent: "\(who.agent)-\(caller)"),
          steps: steps.batch(
            trace: (run, UInt64(caller) << 32 | UInt64(call / 50)), from: call % 50 * batch, count: batch))
        return try await client.traces.writeSteps(request).added == UInt32(batch)
      }
      result.queriesPerCall = batch
      try result.print(json: server.json)
      if large > 0 { try await measureLarge(client, steps, run) }
    }
  }

  private func measureLarge(_ client: LociClient, _ steps: SampleSteps, _ run: UInt64) async throws {
    let id = SampleSteps.traceID((run, 1))
    for start in stride(from: 0, to: large, by: 10_000) {
      _ = try await client.traces.writeSteps(
        V1.WriteStepsRequest(
          scope: who.scope,
          steps: steps.batch(trace: (run, 1), from: start, count: min(10_000, large - start))))
    }
    var opened: [Double] = []
    for round in 0..<21 {
      let first = UInt32(1 + (round * 48_611) % max(1, large - 1_000))
      let started = ContinuousClock.now
      let answer = try await client.traces.getTrace(
        V1.GetTraceRequest(scope: who.scope, traceID: id, firstStep: round == 0 ? 1 : first, count: 200))
      opened.append((ContinuousClock.now - started) / .milliseconds(1))
      guard answer.steps.count == min(200, large) else { throw ValidationError("a window is short") }
    }
    let started = ContinuousClock.now
    let analysis = try await client.traces.analyzeTrace(V1.AnalyzeTraceRequest(scope: who.scope, traceID: id))
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    let median = opened.sorted()[opened.count / 2]
    if server.json {
      return try JSONOutput.print(
        [
          "steps": large, "first_window_ms": opened[0], "window_ms_p50": median,
          "window_ms_max": opened.max() ?? 0, "analysis_s": seconds, "patterns": analysis.patterns.count
        ] as [String: Any])
    }
    print(
      String(
        format: "trace of %d steps: first window %.1f ms, any window %.1f ms (median), analysis %.2f s",
        large,
        opened[0], median, seconds))
  }
}

/// Steps as an agent makes them: a call of a model, then of a tool, below a turn.
struct SampleSteps: Sendable {
  private let texts: [String]
  private static let tools = ["search", "read_file", "run_tests", "edit", "browse", "calculate"]

  init(textBytes: Int) {
    let sample = SampleText(bytes: textBytes)
    texts = (0..<2_048).map { sample.text($0, $0) }
  }

  static func traceID(_ id: (UInt64, UInt64)) -> String {
    String(format: "%016llx%016llx", id.0, id.1)
  }

  func batch(trace: (UInt64, UInt64), from: Int, count: Int) -> [V1.Step] {
    let id = Self.traceID(trace)
    return (from..<from + count).map { n in
      let start = 1_700_000_000_000_000 + Int64(n) * 1_000
      let isTurn = n % 9 == 0
      let isCall = n % 2 == 1
      var step = V1.Step(
        traceID: id, spanID: Self.span(n),
        parentSpanID: n == 0 ? "" : isTurn ? Self.span(0) : Self.span(n - n % 9),
        kind: isTurn ? .agent : isCall ? .llm : .tool,
        name: isTurn ? "turn" : isCall ? "chat" : Self.tools[n % 6],
        startedAtUs: start, endedAtUs: start + 900 + Int64(n % 7) * 150, status: n % 101 == 0 ? .error : .ok,
        error: n % 101 == 0 ? "timed out" : "", input: texts[n % 2_048], output: texts[(n * 7 + 3) % 2_048])
      if isCall {
        (step.inputTokens, step.outputTokens, step.model) = (
          UInt32(400 + n % 300), UInt32(20 + n % 90), "gpt-4o"
        )
      }
      step.attributes = [V1.Attribute(key: "attempt", value: "\(n % 3)")]
      return step
    }
  }

  /// Ids as random as those of real tracers.
  private static func span(_ n: Int) -> String {
    let mixed = (UInt64(n) &+ 1) &* 0x9e37_79b9_7f4a_7c15
    let digits = String((mixed ^ (mixed >> 29)) | 1, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
