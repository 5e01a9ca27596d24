import Foundation
import LociCore
import LociProto
import LociTrace
import Testing
import LociTestKit

@Suite("OTLP and recorded runs") struct ImportTests {
  private func sample() -> [V1.Step] {
    (0..<12).map { n in
      var one = step(
        n, parent: n == 0 ? nil : n / 2, kind: V1.StepKind(rawValue: Int32(n)), name: "step \(n)",
        input: "in \(n) é", output: "{\"a\":\(n)}", error: n == 5 ? "bad\nworse" : "")
      (one.inputTokens, one.outputTokens, one.costNanoUsd) = (UInt32(n), UInt32(2 * n), Int64(n) * 1_000)
      (one.actor, one.model) = ("agent \(n % 2)", "model")
      one.attributes = [V1.Attribute(key: "custom", value: "\(n)")]
      one.links = n == 3 ? [V1.StepLink(kind: .step, id: "\(traceID(9))-\(spanID(4))")] : []
      one.state = [V1.StepStateChange(name: "x", value: "\(n)")]
      return one
    }
  }

  @Test("what is exported comes back")
  func roundTrip() throws {
    let steps = sample()
    let (back, rejected) = try OTLPImport.steps(from: OTLPExport.request(steps))
    #expect(rejected == 0)
    #expect(back.count == steps.count)
    for (a, b) in zip(steps, back) {
      var kept = b
      // The conventions' own name for the operation was added for others.
      kept.attributes.removeAll { $0.key == "gen_ai.operation.name" }
      #expect(kept == a)
    }
  }

  @Test("a request cut anywhere, or damaged, is refused or read; nothing crashes")
  func hostile() throws {
    let request = OTLPExport.request(sample())
    for length in 0..<request.count { _ = try? OTLPImport.steps(from: Array(request.prefix(length))) }
    #expect(throws: LociError.self) { try OTLPImport.steps(from: Array(request.dropLast())) }
    var random = SplitMix64(seed: 8)
    for _ in 0..<5_000 {
      var bytes = request
      for _ in 0..<3 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let (steps, _) = try? OTLPImport.steps(from: bytes) else { continue }
      // Whatever is made of it can be written.
      if !steps.isEmpty, let scope = try? TraceStore.scope() {
        _ = try? WriteSteps(steps, scope: scope, key: nil, now: Timestamp(microseconds: 1), zstd: Zstd())
      }
    }
  }

  /// Bytes by hand, as another program would send them.
  private func span(_ attributes: [(String, String)]) -> [UInt8] {
    func block(_ field: UInt8, _ bytes: [UInt8]) -> [UInt8] {
      var length: [UInt8] = []
      var rest = bytes.count
      repeat {
        length.append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
        rest >>= 7
      } while rest > 0
      return [field << 3 | 2] + length + bytes
    }
    var span =
      block(1, [UInt8](repeating: 1, count: 16)) + block(2, [UInt8](repeating: 2, count: 8))
      + block(5, Array("chat gpt".utf8))
    span += [7 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 1]
    for (key, value) in attributes {
      span += block(9, block(1, Array(key.utf8)) + block(2, block(1, Array(value.utf8))))
    }
    return block(1, block(2, block(2, span)))
  }

  @Test("the conventions of others are understood")
  func conventions() throws {
    let genAI = try #require(
      try OTLPImport.steps(
        from: span([
          ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4o"),
          ("gen_ai.usage.input_tokens", "12"),
          ("gen_ai.input.messages", "[hi]"), ("gen_ai.agent.name", "planner")
        ])
      ).steps.first)
    #expect(genAI.kind == .llm && genAI.model == "gpt-4o" && genAI.inputTokens == 12)
    #expect(genAI.input == "[hi]" && genAI.actor == "planner")
    let memory = try OTLPImport.steps(from: span([("gen_ai.operation.name", "search_memory")])).steps.first
    #expect(memory?.kind == .memory)
    let inference = try #require(
      try OTLPImport.steps(
        from: span([
          ("openinference.span.kind", "TOOL"), ("input.value", "q"), ("output.value", "a"),
          ("llm.token_count.completion", "3")
        ])
      ).steps.first)
    #expect(
      inference.kind == .tool && inference.input == "q" && inference.output == "a"
        && inference.outputTokens == 3)
    #expect(inference.attributes.contains { $0.key == "openinference.span.kind" })
  }

  private static func lines(_ path: String) -> [String]? {
    let file = FileManager.default.currentDirectoryPath + "/../shared/data/\(path)"
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      print("skipped: \(path) is not at ../shared/data")
      return nil
    }
    return text.split(separator: "\n").map { String($0) }
  }

  @Test(
    "SWE-agent's and tau-bench's runs import, and replay to the byte",
    arguments: [
      ("swe-agent-demos/trajectories.jsonl", Trajectories.Format.sweAgent),
      ("tau-airline/trajectories.jsonl", .chat),
      ("who-and-when/traces.jsonl", .messages)
    ])
  func runs(path: String, format: Trajectories.Format) async throws {
    guard let lines = Self.lines(path) else { return }
    let store = try TraceStore()
    let scope = try TraceStore.scope()
    for (place, line) in lines.enumerated() {
      let steps = try Trajectories.steps(of: line, number: place + 1, format: format)
      try await store.write(steps)
      let replayed = try await store.read { db in
        let order = try TraceOrder(steps[0].traceID, scope: scope, in: db)
        let reader = order.reader(in: db)
        return try (1...order.count).map { try reader.step($0, filled: true) }
      }
      #expect(replayed.count == steps.count)
      for (before, after) in zip(steps, replayed) {
        #expect(after.input == before.input && after.output == before.output && after.spanID == before.spanID)
      }
      let id = steps[0].traceID
      let analysis = try await store.read {
        try TraceAnalysis.run(V1.AnalyzeTraceRequest(traceID: id, knownFailed: true), scope: scope, in: $0)
      }
      #expect(analysis.failure != nil)
      #expect(!analysis.criticalPath.isEmpty)
    }
  }
}
