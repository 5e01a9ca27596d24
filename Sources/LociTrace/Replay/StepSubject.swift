package import LociProto

/// A step as conditions see it. Kinds and status are lower-case words: "llm", "error".
package struct StepSubject: ConditionSubject {
  package var step: V1.Step
  package var place: Int
  /// Steps from the root.
  package var depth: Int
  /// After the step.
  package var variables: StateVariables

  package init(step: V1.Step, place: Int, depth: Int, variables: StateVariables) {
    self.step = step
    self.place = place
    self.depth = depth
    self.variables = variables
  }

  package static let fields: Set<String> = [
    "number", "place", "depth", "kind", "status", "name", "actor", "model", "error", "input", "output",
    "duration_us", "input_tokens", "output_tokens", "tokens", "cost_nano_usd"
  ]

  package func field(_ name: String) -> ConditionValue {
    switch name {
    case "number": .number(Double(step.number))
    case "place": .number(Double(place))
    case "depth": .number(Double(depth))
    case "kind": .text(step.kind.word)
    case "status": .text(step.status == .error ? "error" : step.endedAtUs == 0 ? "running" : "ok")
    case "name": .text(step.name)
    case "actor": .text(step.actor)
    case "model": .text(step.model)
    case "error": .text(step.error)
    case "input": .text(step.input)
    case "output": .text(step.output)
    case "duration_us": .number(Double(step.endedAtUs == 0 ? 0 : step.endedAtUs - step.startedAtUs))
    case "input_tokens": .number(Double(step.inputTokens))
    case "output_tokens": .number(Double(step.outputTokens))
    case "tokens": .number(Double(step.inputTokens) + Double(step.outputTokens))
    case "cost_nano_usd": .number(Double(step.costNanoUsd))
    default: .absent
    }
  }

  package func state(_ name: String) -> ConditionValue { variables[name].map { .text($0) } ?? .absent }

  package func attribute(_ name: String) -> ConditionValue {
    step.attributes.first { $0.key == name }.map { .text($0.value) } ?? .absent
  }
}

extension V1.StepKind {
  /// "llm", "tool", …; "span" for a plain one.
  package var word: String {
    switch self {
    case .llm: "llm"
    case .tool: "tool"
    case .retrieval: "retrieval"
    case .memory: "memory"
    case .plan: "plan"
    case .agent: "agent"
    case .decision: "decision"
    case .embedding: "embedding"
    case .guardrail: "guardrail"
    case .message: "message"
    case .human: "human"
    default: "span"
    }
  }
}
