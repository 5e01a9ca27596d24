package import LociProto

/// Where and why a trace failed, without a language model.
package enum FailureLocation {
  /// Most steps whose texts are read; of a longer trace the first, the last, and those around errors are.
  package static let stepsMax = 4_000
  static let suspectsMax = 5

  /// - Parameters:
  ///   - steps: in order of their starts, with texts.
  ///   - patterns: of the same trace.
  /// - Returns: `nil` when nothing failed and `knownFailed` is false.
  package static func find(
    _ steps: [V1.Step], patterns: [V1.TracePattern], knownFailed: Bool, model: FailureModel = .standard
  ) -> V1.FailureFinding? {
    // An error that only passes a child's error on is not where the trace failed.
    let passedOn = Set(steps.lazy.filter { $0.status == .error }.map(\.parentSpanID))
    let failed =
      steps.lastIndex { $0.status == .error && !passedOn.contains($0.spanID) }
      ?? steps.lastIndex { $0.status == .error }
    guard !steps.isEmpty, failed != nil || knownFailed else { return nil }
    let features = FailureFeatures(steps)
    let suspicion = model.suspicion(features)
    let ranked = suspicion.indices.sorted { (suspicion[$1], $0) < (suspicion[$0], $1) }
    let origin = lineage(failed, steps, features) ?? ranked[0]
    var finding = V1.FailureFinding()
    finding.failedStep = failed.map { steps[$0].number } ?? 0
    finding.originStep = steps[origin].number
    finding.actor = features.actors[origin]
    finding.confidence = Float(suspicion[origin])
    finding.otherSuspects = ranked.filter { $0 != origin }.prefix(suspectsMax).map { steps[$0].number }
    finding.cause = cause(failed, origin, steps, features, patterns)
    finding.evidence = evidence(failed, origin, steps, features)
    // What an error says is said of the step that ended in it.
    finding.suggestions = [FailureCause.advice(finding.cause, step: label(steps[failed ?? origin]))]
    if let error = features.firstError, error != origin, finding.cause != .unspecified {
      finding.suggestions.append(
        "Stop at the first sign, step \(steps[error].number): \(steps.count - error - 1) steps came after it."
      )
    }
    return finding
  }

  /// Where a step says that it failed and its input is the output of an earlier one, that one is where it began.
  private static func lineage(_ failed: Int?, _ steps: [V1.Step], _ features: FailureFeatures) -> Int? {
    guard let failed, steps[failed].status == .error, !steps[failed].input.isEmpty else { return nil }
    var at = failed
    var isDerived = false
    while let source = steps[..<at].lastIndex(where: {
      !$0.output.isEmpty && $0.output.utf8.count > 3 && steps[at].input.contains($0.output)
    }) {
      at = source
      isDerived = true
    }
    return isDerived ? at : nil
  }

  private static func cause(
    _ failed: Int?, _ origin: Int, _ steps: [V1.Step], _ features: FailureFeatures,
    _ patterns: [V1.TracePattern]
  ) -> V1.FailureCause {
    if let failed, let cause = FailureCause.classify(steps[failed].error + "\n" + steps[failed].output) {
      return cause
    }
    if patterns.contains(where: { $0.kind == .loop && $0.count > 3 }) { return .loop }
    for place in [origin, origin + 1] + (features.firstError.map { [$0] } ?? []) where place < steps.count {
      guard features.words[place].reportsError else { continue }
      if let cause = FailureCause.classify(steps[place].error + "\n" + steps[place].output) { return cause }
    }
    return features.words[origin].assumes > 0.5 ? .missingData : .unspecified
  }

  private static func evidence(
    _ failed: Int?, _ origin: Int, _ steps: [V1.Step], _ features: FailureFeatures
  ) -> [V1.FailureEvidence] {
    var evidence: [V1.FailureEvidence] = []
    func tell(_ place: Int, _ detail: String) {
      evidence.append(V1.FailureEvidence(step: steps[place].number, detail: detail))
    }
    if let failed { tell(failed, "ended in an error: \(cut(steps[failed].error))") }
    if let error = features.firstError, error != failed {
      tell(error, "is the first to report an error")
    }
    if origin == features.origin { tell(origin, "is the last act before that error") }
    if features.words[origin].assumes > 0 { tell(origin, "assumes or makes up what it needs") }
    let row = features.rows[origin]
    if row[11] > 0.3 { tell(origin, "\(Int(100 * row[11])) % of what it brings in is used by later steps") }
    if row[15] > 0.7 { tell(origin, "says almost what an earlier step of the same actor said") }
    return evidence
  }

  private static func label(_ step: V1.Step) -> String {
    step.name.isEmpty ? (step.actor.isEmpty ? "step \(step.number)" : step.actor) : step.name
  }

  private static func cut(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).first.map { String($0) } ?? ""
    return line.count > 160 ? line.prefix(159) + "…" : line
  }
}
