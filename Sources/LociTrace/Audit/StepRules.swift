import LociProto

extension AuditRules {
  /// What a step breaks, as it is now.
  func violations(of step: V1.Step, agent: String) -> [V1.AuditViolation] {
    let entry = step.auditEntry(agent: agent)
    return violations(of: looksForSensitive ? SensitiveText.examine(entry, redact: false) : entry, number: 0)
  }

  /// What a step breaks that it did not break before more was said of it.
  /// - Parameter said: what the addition breaks by texts that are blobs by now.
  func violations(
    of step: V1.Step, before: V1.Step, agent: String, alsoBroken said: [V1.AuditViolation]
  ) -> [V1.AuditViolation] {
    var known = Set(violations(of: before, agent: agent).map(\.rule))
    return (violations(of: step, agent: agent) + said).filter { known.insert($0.rule).inserted }
  }
}

extension V1.Step {
  /// A step as rules see it: its actor (else the agent) did `step.KIND` to its name, towards `server.address` where an
  /// attribute says so.
  func auditEntry(agent: String) -> V1.AuditEntry {
    var entry = V1.AuditEntry(
      actor: actor.isEmpty ? agent : actor, action: "step.\(kind.word)", object: name,
      atUs: endedAtUs == 0 ? startedAtUs : endedAtUs, traceID: traceID, spanID: spanID)
    entry.detail = [input, output, error].filter { !$0.isEmpty }.joined(separator: "\n")
    entry.attributes = attributes
    entry.destination = attributes.first { $0.key == "server.address" }?.value ?? ""
    return entry
  }
}
