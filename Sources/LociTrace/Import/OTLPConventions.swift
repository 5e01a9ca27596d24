import LociProto

/// What attributes say of a step: OpenTelemetry's GenAI conventions (`gen_ai.*`), OpenInference (`openinference.*`,
/// `input.value`, `llm.*`), and Loci's own (`loci.*`), which an export writes. All attributes are kept as well, except
/// those that a field of the step holds in full.
enum OTLPConventions {
  private static let kindsByOperation: [String: V1.StepKind] = [
    "chat": .llm, "text_completion": .llm, "generate_content": .llm, "embeddings": .embedding,
    "execute_tool": .tool, "invoke_agent": .agent, "create_agent": .agent, "invoke_workflow": .agent,
    "retrieval": .retrieval, "create_memory": .memory, "search_memory": .memory, "update_memory": .memory,
    "upsert_memory": .memory, "delete_memory": .memory, "create_memory_store": .memory,
    "delete_memory_store": .memory, "plan": .plan
  ]

  private static let kindsByOpenInference: [String: V1.StepKind] = [
    "LLM": .llm, "TOOL": .tool, "AGENT": .agent, "RETRIEVER": .retrieval, "EMBEDDING": .embedding,
    "GUARDRAIL": .guardrail, "RERANKER": .retrieval, "CHAIN": .unspecified, "EVALUATOR": .decision
  ]

  static let kindsByWord: [String: V1.StepKind] = Dictionary(
    uniqueKeysWithValues: (0...V1.StepKind.human.rawValue).map {
      (V1.StepKind(rawValue: $0).word, V1.StepKind(rawValue: $0))
    })

  static func apply(_ attributes: [V1.Attribute], service: String, to step: inout V1.Step) {
    step.actor = service
    for attribute in attributes { if !apply(attribute, to: &step) { step.attributes.append(attribute) } }
  }

  /// - Returns: whether a field of the step now holds all that the attribute says.
  private static func apply(_ attribute: V1.Attribute, to step: inout V1.Step) -> Bool {
    let value = attribute.value
    switch attribute.key {
    case "loci.step.kind": step.kind = kindsByWord[value] ?? step.kind
    case "gen_ai.operation.name":
      if step.kind == .unspecified { step.kind = kindsByOperation[value] ?? .unspecified }
      return false
    case "openinference.span.kind":
      if step.kind == .unspecified { step.kind = kindsByOpenInference[value] ?? .unspecified }
      return false
    case "loci.step.input": step.input = value
    case "gen_ai.input.messages", "input.value", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text",
      "gen_ai.memory.query.text", "traceloop.entity.input", "gen_ai.prompt":
      guard step.input.isEmpty else { return false }
      step.input = value
      return value.utf8.count > 4_096
    case "loci.step.output": step.output = value
    case "gen_ai.output.messages", "output.value", "gen_ai.tool.call.result", "gen_ai.retrieval.documents",
      "gen_ai.memory.records", "traceloop.entity.output", "gen_ai.completion":
      guard step.output.isEmpty else { return false }
      step.output = value
      return value.utf8.count > 4_096
    case "gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens":
      step.inputTokens = UInt32(value) ?? step.inputTokens
    case "gen_ai.usage.output_tokens", "llm.token_count.completion", "gen_ai.usage.completion_tokens":
      step.outputTokens = UInt32(value) ?? step.outputTokens
    case "gen_ai.response.model": step.model = value
    case "gen_ai.request.model", "llm.model_name", "embedding.model_name":
      guard step.model.isEmpty else { return step.model == value }
      step.model = value
    case "gen_ai.agent.name", "loci.step.actor":
      step.actor = value
    case "loci.step.cost_nano_usd":
      step.costNanoUsd = min(max(0, Int64(value) ?? 0), StepLimits.costNanoUsdMax)
    case "llm.cost.total":
      if let cost = Double(value), (0...1_000).contains(cost) {
        step.costNanoUsd = Int64((cost * 1e9).rounded())
      }
    case "loci.step.error": step.error = value
    case "error.type":
      if step.status == .error, step.error.isEmpty { step.error = value }
      return false
    default:
      if attribute.key.hasPrefix("loci.state.") {
        return apply(state: String(attribute.key.dropFirst(11)), value, &step)
      }
      return false
    }
    return true
  }

  private static func apply(state name: String, _ value: String, _ step: inout V1.Step) -> Bool {
    guard !name.isEmpty, step.state.count < StepLimits.listMax, value.utf8.count <= StepLimits.stateBytesMax,
      name.utf8.count <= 128, !step.state.contains(where: { $0.name == name })
    else { return false }
    step.state.append(V1.StepStateChange(name: name, value: value))
    return true
  }

  /// The operation's name in the GenAI conventions; empty for steps that they do not know.
  static func operation(_ kind: V1.StepKind) -> String {
    switch kind {
    case .llm: "chat"
    case .tool: "execute_tool"
    case .agent: "invoke_agent"
    case .retrieval: "retrieval"
    case .embedding: "embeddings"
    case .memory: "search_memory"
    case .plan: "plan"
    default: ""
    }
  }

  /// What an export writes: enough to make the same step again, and the conventions' names for others to read.
  static func attributes(of step: V1.Step) -> [V1.Attribute] {
    var list = step.attributes
    func add(_ key: String, _ value: String) {
      if !value.isEmpty, !list.contains(where: { $0.key == key }) {
        list.append(V1.Attribute(key: key, value: value))
      }
    }
    add("loci.step.kind", step.kind.word)
    add("gen_ai.operation.name", operation(step.kind))
    add("loci.step.input", step.input)
    add("loci.step.output", step.output)
    add("gen_ai.usage.input_tokens", step.inputTokens == 0 ? "" : "\(step.inputTokens)")
    add("gen_ai.usage.output_tokens", step.outputTokens == 0 ? "" : "\(step.outputTokens)")
    add("gen_ai.request.model", step.model)
    add("loci.step.actor", step.actor)
    add("loci.step.cost_nano_usd", step.costNanoUsd == 0 ? "" : "\(step.costNanoUsd)")
    add("loci.step.error", step.error)
    for change in step.state where !change.removed { add("loci.state.\(change.name)", change.value) }
    return list
  }
}
