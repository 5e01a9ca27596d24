import LociCore
package import LociProto
import LociRecall

/// Limits of steps, as the contract states them.
package enum StepLimits {
  package static let perCall = 10_000
  package static let bytesPerCall = 8 << 20
  package static let nameBytesMax = 256
  package static let textBytesMax = 1 << 20
  package static let errorBytesMax = 65_536
  package static let stateBytesMax = 65_536
  package static let listMax = 64
  /// A thousand dollars: sums of a trace stay far within 64 bits.
  package static let costNanoUsdMax: Int64 = 1_000_000_000_000
  /// Inputs and outputs above this are kept as blobs.
  package static let inlineBytesMax = 16 << 10
}

extension V1.Step {
  /// - Returns: the step's ids.
  /// - Throws: `invalid` naming the field at fault.
  func checked() throws(LociError) -> (trace: TraceKey, span: UInt64, parent: UInt64) {
    guard let trace = TraceKey(traceID) else {
      throw .invalid(field: "steps.trace_id", problem: "must be 32 lower-case hex digits, not all zero")
    }
    guard let span = SpanKey.parse(spanID), span != 0 else {
      throw .invalid(field: "steps.span_id", problem: "must be 16 lower-case hex digits, not all zero")
    }
    guard let parent = SpanKey.parse(parentSpanID), parentSpanID.isEmpty || parent != 0 else {
      throw .invalid(field: "steps.parent_span_id", problem: "must be empty, or 16 lower-case hex digits")
    }
    guard parent != span else {
      throw .invalid(field: "steps.parent_span_id", problem: "is the step itself")
    }
    guard (0...V1.StepKind.human.rawValue).contains(kind.rawValue) else {
      throw .invalid(field: "steps.kind", problem: "is not a kind")
    }
    guard (0...V1.StepStatus.error.rawValue).contains(status.rawValue) else {
      throw .invalid(field: "steps.status", problem: "is not a status")
    }
    try Validate.text(name, field: "steps.name", bytesMax: StepLimits.nameBytesMax)
    try Validate.time(startedAtUs, field: "steps.started_at_us")
    try Validate.time(endedAtUs, field: "steps.ended_at_us")
    guard endedAtUs == 0 || endedAtUs >= startedAtUs else {
      throw .invalid(field: "steps.ended_at_us", problem: "is before the start")
    }
    guard (0...StepLimits.costNanoUsdMax).contains(costNanoUsd) else {
      throw .invalid(field: "steps.cost_nano_usd", problem: "must be 0 to \(StepLimits.costNanoUsdMax)")
    }
    try Validate.text(input, field: "steps.input", bytesMax: StepLimits.textBytesMax)
    try Validate.text(output, field: "steps.output", bytesMax: StepLimits.textBytesMax)
    if !error.isEmpty {
      try Validate.text(error, field: "steps.error", bytesMax: StepLimits.errorBytesMax)
    }
    try Validate.optionalName(actor, field: "steps.actor")
    try Validate.optionalName(model, field: "steps.model")
    if !attributes.isEmpty { try AttributeColumn.validate(attributes, field: "steps.attributes") }
    if !links.isEmpty || !state.isEmpty { try checkLists() }
    return (trace, span, parent)
  }

  private func checkLists() throws(LociError) {
    try Validate.count(links.count, field: "steps.links", in: 0...StepLimits.listMax)
    for link in links {
      guard (1...V1.StepLinkKind.step.rawValue).contains(link.kind.rawValue) else {
        throw .invalid(field: "steps.links.kind", problem: "is not a kind")
      }
      try Validate.name(link.id, field: "steps.links.id")
    }
    try Validate.count(state.count, field: "steps.state", in: 0...StepLimits.listMax)
    for change in state {
      try Validate.name(change.name, field: "steps.state.name")
      try Validate.text(change.value, field: "steps.state.value", bytesMax: StepLimits.stateBytesMax)
      guard !change.removed || change.value.isEmpty else {
        throw .invalid(field: "steps.state.value", problem: "must be empty where the variable is removed")
      }
    }
    guard Set(state.map(\.name)).count == state.count else {
      throw .invalid(field: "steps.state.name", problem: "occurs twice")
    }
  }

  /// Bytes that it takes while it waits; roughly.
  var costBytes: Int {
    let lists = 256 * (attributes.count + links.count + state.count)
    return 512 + input.utf8.count + output.utf8.count + error.utf8.count + lists
      + state.reduce(0) { $0 + $1.value.utf8.count }
  }
}

extension V1.Step {
  /// The step once `later` has been said of it: what is given there replaces what was known, and what is not stays.
  /// Attributes, links and state variables are joined.
  package func completed(by later: V1.Step) -> V1.Step {
    var merged = self
    if !later.parentSpanID.isEmpty { merged.parentSpanID = later.parentSpanID }
    if later.kind != .unspecified { merged.kind = later.kind }
    if !later.name.isEmpty { merged.name = later.name }
    if later.startedAtUs != 0 { merged.startedAtUs = later.startedAtUs }
    if later.endedAtUs != 0 { merged.endedAtUs = later.endedAtUs }
    if merged.endedAtUs != 0 { merged.endedAtUs = max(merged.endedAtUs, merged.startedAtUs) }
    if later.status != .unspecified { merged.status = later.status }
    if !later.error.isEmpty { merged.error = later.error }
    if !later.input.isEmpty || !later.inputBlob.isEmpty {
      (merged.input, merged.inputBlob) = (later.input, later.inputBlob)
    }
    if !later.output.isEmpty || !later.outputBlob.isEmpty {
      (merged.output, merged.outputBlob) = (later.output, later.outputBlob)
    }
    if later.inputTokens != 0 { merged.inputTokens = later.inputTokens }
    if later.outputTokens != 0 { merged.outputTokens = later.outputTokens }
    if later.costNanoUsd != 0 { merged.costNanoUsd = later.costNanoUsd }
    if !later.actor.isEmpty { merged.actor = later.actor }
    if !later.model.isEmpty { merged.model = later.model }
    for attribute in later.attributes {
      if let place = merged.attributes.firstIndex(where: { $0.key == attribute.key }) {
        merged.attributes[place] = attribute
      } else if merged.attributes.count < StepLimits.listMax {
        merged.attributes.append(attribute)
      }
    }
    for link in later.links
    where !merged.links.contains(link) && merged.links.count < StepLimits.listMax {
      merged.links.append(link)
    }
    for change in later.state {
      if let place = merged.state.firstIndex(where: { $0.name == change.name }) {
        merged.state[place] = change
      } else if merged.state.count < StepLimits.listMax {
        merged.state.append(change)
      }
    }
    return merged
  }
}
