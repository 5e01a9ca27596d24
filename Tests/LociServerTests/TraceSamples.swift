import LociProto

/// A full request of each unary RPC of traces and audit.
enum TraceSamples {
  private static let scope = V1.Scope(tenant: "t", agent: "a")
  private static let options = V1.WriteOptions(requestID: "request-1")
  private static let consistency = V1.Consistency(
    level: .session, after: [V1.Position(shard: 0, sequence: 1)])
  private static let trace = "0af7651916cd43dd8448eb211c80319c"
  private static let other = "0af7651916cd43dd8448eb211c80319d"
  private static let filter = V1.TraceFilter(
    statuses: [.error], sessionID: "s", contextID: "c", started: V1.TimeRange(fromUs: 1, untilUs: 1 << 50),
    kind: .tool, stepName: "n", name: "n", durationMinUs: 1, durationMaxUs: 9, errorContains: "e")
  private static let step = V1.Step(
    traceID: trace, spanID: "b7ad6b7169203331", parentSpanID: "00f067aa0ba902b7", kind: .tool, name: "search",
    startedAtUs: 1 << 50, endedAtUs: 1 << 50 + 9, status: .error, error: "no", input: "in", output: "out",
    inputTokens: 3, outputTokens: 4, costNanoUsd: 5, actor: "a", model: "m",
    attributes: [V1.Attribute(key: "k", value: "v")], links: [V1.StepLink(kind: .memory, id: "m")],
    state: [V1.StepStateChange(name: "x", value: "1")])
  private static let entry = V1.AuditEntry(
    actor: "a", action: "tool.call", object: "o", decision: .allowed, atUs: 1 << 50, tags: ["gdpr"],
    detail: "to a@example.org", destination: "smtp", traceID: trace, spanID: "b7ad6b7169203331",
    attributes: [V1.Attribute(key: "k", value: "v")])

  static let all: [String: [UInt8]] = [
    "WriteSteps": V1.WriteStepsRequest(scope: scope, options: options, steps: [step]).encoded(),
    "GetTrace": V1.GetTraceRequest(
      scope: scope, consistency: consistency, traceID: trace, firstStep: 1, count: 5, outline: true
    ).encoded(),
    "ListTraces": V1.ListTracesRequest(
      scope: scope, consistency: consistency, filter: filter, page: V1.Page(size: 5, token: "1.9")
    ).encoded(),
    "SearchSteps": V1.SearchStepsRequest(
      scope: scope, consistency: consistency, query: "search 火车", filter: filter, traceID: trace, limit: 5,
      keywordOnly: true
    ).encoded(),
    "GetStepBlob": V1.GetStepBlobRequest(
      scope: scope, consistency: consistency, sha256: String(repeating: "ab", count: 32)
    ).encoded(),
    "DeleteTraces": V1.DeleteTracesRequest(scope: scope, options: options, traceIDs: [other]).encoded(),
    "AnalyzeTrace": V1.AnalyzeTraceRequest(
      scope: scope, consistency: consistency, traceID: trace, knownFailed: true
    ).encoded(),
    "CompareTraces": V1.CompareTracesRequest(
      scope: scope, consistency: consistency, traceID: trace, otherTraceID: trace
    ).encoded(),
    "CompareTraceGroups": V1.CompareTraceGroupsRequest(
      scope: scope, consistency: consistency, first: filter, other: filter
    ).encoded(),
    "NextRecorded": V1.NextRecordedRequest(
      scope: scope, consistency: consistency, traceID: trace, kind: .tool, name: "search", input: "in"
    ).encoded(),
    "ForkTrace": V1.ForkTraceRequest(
      scope: scope, options: options, traceID: trace, afterPlace: 1, newTraceID: other
    ).encoded(),
    "DebugTrace": V1.DebugTraceRequest(
      scope: scope, consistency: consistency, traceID: trace, command: .continue,
      breakpoints: ["name = \"search\" and state.x > 0"], watches: ["state.x", "attr.k"]
    ).encoded(),
    "ImportOtlp": V1.ImportOtlpRequest(scope: scope, options: options, request: [0x0a, 0x02, 0x12, 0x00])
      .encoded(),
    "ExportOtlp": V1.ExportOtlpRequest(scope: scope, consistency: consistency, traceID: trace, firstStep: 1)
      .encoded(),
    "SetTracePolicy": V1.SetTracePolicyRequest(
      scope: scope, options: options,
      policy: V1.TracePolicy(
        dropShare: 0.5, keepErrors: true, keepKinds: [.llm, .human], maxAgeMs: 86_400_000,
        failedMaxAgeMs: 86_400_000, maxTraces: 1_000)
    ).encoded(),
    "GetTracePolicy": V1.GetTracePolicyRequest(scope: scope).encoded(),
    "RecordAudit": V1.RecordAuditRequest(scope: scope, options: options, entries: [entry], redact: true)
      .encoded(),
    "ListAudit": V1.ListAuditRequest(
      scope: scope, consistency: consistency, firstNumber: 1, count: 5, actor: "a", action: "tool.call",
      tag: "gdpr"
    ).encoded(),
    "GetAuditHead": V1.GetAuditHeadRequest(scope: scope, consistency: consistency).encoded(),
    "ProveInclusion": V1.ProveInclusionRequest(scope: scope, consistency: consistency, number: 1, size: 1)
      .encoded(),
    "ProveConsistency": V1.ProveConsistencyRequest(
      scope: scope, consistency: consistency, firstSize: 1, secondSize: 1
    ).encoded(),
    "VerifyAudit": V1.VerifyAuditRequest(
      scope: scope, consistency: consistency,
      known: V1.AuditHead(
        size: 1, root: [UInt8](repeating: 1, count: 32), chain: [UInt8](repeating: 2, count: 32), atUs: 1,
        key: [UInt8](repeating: 3, count: 32), signature: [UInt8](repeating: 4, count: 64))
    ).encoded(),
    "SetAuditRules": V1.SetAuditRulesRequest(
      scope: scope, options: options, rules: "r: sensitive contains \"email\" -> m",
      webhooks: [V1.AuditWebhook(url: "https://example.org/", secret: "0123456789abcdef")]
    ).encoded(),
    "GetAuditRules": V1.GetAuditRulesRequest(scope: scope, consistency: consistency).encoded(),
    "ListViolations": V1.ListViolationsRequest(
      scope: scope, consistency: consistency, rule: "r", page: V1.Page(size: 5, token: "1.9")
    ).encoded(),
    "ReportAudit": V1.ReportAuditRequest(
      scope: scope, consistency: consistency, during: V1.TimeRange(fromUs: 1, untilUs: 1 << 51), format: .html
    ).encoded()
  ]
}
