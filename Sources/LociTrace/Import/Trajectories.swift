import Crypto
import Foundation
package import LociCore
package import LociProto

/// Runs that other tools recorded, as steps. Each line of a file is one run, in JSON.
package enum Trajectories {
  package enum Format: String, CaseIterable, Sendable {
    /// Messages of several agents: `steps` with `agent` and `content` (Who&When).
    case messages
    /// `steps` with `thought`, `action`, `observation` (SWE-agent).
    case sweAgent = "swe-agent"
    /// `steps` with `role`, `content`, `tool_calls` (tau-bench, and what speaks OpenAI's chat format).
    case chat
  }

  /// The time of a run that has none: 2024-01-01, a second a step.
  static let epoch: Int64 = 1_704_067_200_000_000

  /// - Parameters:
  ///   - line: one JSON object.
  ///   - number: of the line, for runs without an id.
  /// - Throws: `invalid` naming the line.
  package static func steps(
    of line: String, number: Int, format: Format
  ) throws(LociError) -> [V1.Step] {
    guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
      let list = object["steps"] as? [[String: Any]]
    else { throw .invalid(field: "line \(number)", problem: "is no JSON object with `steps`") }
    let id =
      text(object["id"]).isEmpty
      ? "\(text(object["task_id"]))/\(text(object["trial"]))/\(number)" : text(object["id"])
    var run = Run(id: id)
    for step in list {
      switch format {
      case .messages: run.message(step)
      case .sweAgent: run.action(step)
      case .chat: run.turn(step)
      }
    }
    return run.steps
  }

  fileprivate static func text(_ value: Any?) -> String {
    switch value {
    case let text as String: text.contains("\0") ? text.replacingOccurrences(of: "\0", with: "") : text
    case let number as NSNumber: "\(number)"
    default: ""
    }
  }
}

private struct Run {
  private let digest: [UInt8]
  private(set) var steps: [V1.Step] = []
  private var clock = Trajectories.epoch
  private var calls: [String: String] = [:]

  init(id: String) { digest = Array(SHA256.hash(data: Array(id.utf8))) }

  private mutating func add(
    _ kind: V1.StepKind, _ name: String, actor: String, input: String = "", output: String,
    parent: Int? = nil,
    seconds: Double = 1, failed: Bool = false
  ) {
    var step = V1.Step(
      traceID: Hex.text(digest.prefix(16)), spanID: span(steps.count), parentSpanID: parent.map(span) ?? "",
      kind: kind, name: name, startedAtUs: clock)
    clock += max(1, Int64(seconds * 1e6))
    step.endedAtUs = clock
    step.status = failed ? .error : .ok
    step.error = failed ? String(output.prefix(400)) : ""
    (step.input, step.output, step.actor) = (input, output, actor)
    steps.append(step.trimmedToLimits())
  }

  private func span(_ place: Int) -> String {
    Hex.text(digest.dropFirst(16).prefix(4)) + String(format: "%08x", place + 1)
  }

  mutating func message(_ step: [String: Any]) {
    let agent = Trajectories.text(step["agent"])
    // "Orchestrator (thought)" and "Orchestrator (-> WebSurfer)" are what one agent says to itself and to another.
    let actor = agent.range(of: " (").map { String(agent[..<$0.lowerBound]) } ?? agent
    let kind: V1.StepKind =
      switch actor.lowercased() {
      case "human", "user": .human
      case "computer_terminal", "terminal", "executor": .tool
      default: agent.contains("(thought)") ? .plan : agent.contains("(->") ? .decision : .llm
      }
    add(kind, agent, actor: actor, output: Trajectories.text(step["content"]))
  }

  mutating func action(_ step: [String: Any]) {
    let action = Trajectories.text(step["action"])
    add(.llm, "think", actor: "agent", input: Trajectories.text(step["thought"]), output: action)
    let name = action.split(whereSeparator: \.isWhitespace).first.map { String($0) } ?? "action"
    let observation = Trajectories.text(step["observation"])
    let words = StepWords(observation, failed: false)
    add(
      .tool, name, actor: "environment", input: action, output: observation, parent: steps.count - 1,
      seconds: (step["execution_time"] as? NSNumber)?.doubleValue ?? 1,
      failed: words.reportsError && !observation.contains("lines total"))
  }

  mutating func turn(_ step: [String: Any]) {
    let content = Trajectories.text(step["content"])
    switch Trajectories.text(step["role"]) {
    case "user": add(.human, "user", actor: "user", output: content)
    case "tool":
      let call = calls[Trajectories.text(step["tool_call_id"])] ?? ""
      add(
        .tool, Trajectories.text(step["tool_name"]), actor: "environment", input: call, output: content,
        failed: content.hasPrefix("Error"))
    default:
      var said = content
      for call in step["tool_calls"] as? [[String: Any]] ?? [] {
        let function = call["function"] as? [String: Any] ?? call
        let arguments = Trajectories.text(function["arguments"])
        calls[Trajectories.text(call["id"])] = arguments
        if said.isEmpty { said = "\(Trajectories.text(function["name"]))(\(arguments))" }
      }
      add(.llm, "assistant", actor: "assistant", output: said)
    }
  }
}
