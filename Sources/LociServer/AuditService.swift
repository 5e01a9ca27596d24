import LociCore
import LociProto
import LociRecall
import LociStore
import LociTrace
import LociWire

/// Audit on the wire: decode, call, encode.
struct AuditService: AuditServiceProvider {
  let node: NodeParts
  let watch: ViolationWatch
  let signer: AuditSigner
  let hosts: WebhookHosts

  func recordAudit(
    _ request: V1.RecordAuditRequest, _ call: CallContext
  ) async throws -> V1.RecordAuditResponse {
    let scope = try request.checkedScope()
    let key = try request.requestKey()
    let command = try await node.workers.run { try RecordAudit(request, scope: scope, key: key) }
    return try await node.write(command)
  }

  func listAudit(_ request: V1.ListAuditRequest, _ call: CallContext) async throws -> V1.ListAuditResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      try AuditQueries.list(request, scope: scope, in: db)
    }
  }

  func getAuditHead(
    _ request: V1.GetAuditHeadRequest, _ call: CallContext
  ) async throws -> V1.GetAuditHeadResponse {
    let scope = try request.checkedScope()
    let head = try await node.read(scope, request.consistency) { db, _ in
      try AuditQueries.currentHead(scope: scope, in: db)
    }
    if let head { return V1.GetAuditHeadResponse(head: head) }
    return V1.GetAuditHeadResponse(
      head: try await node.write(SignAuditHead(scope: scope, signer: signer)).head)
  }

  func proveInclusion(
    _ request: V1.ProveInclusionRequest, _ call: CallContext
  ) async throws -> V1.ProveInclusionResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      try AuditQueries.inclusion(request, scope: scope, in: db)
    }
  }

  func proveConsistency(
    _ request: V1.ProveConsistencyRequest, _ call: CallContext
  ) async throws -> V1.ProveConsistencyResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      try AuditQueries.consistency(request, scope: scope, in: db)
    }
  }

  func verifyAudit(
    _ request: V1.VerifyAuditRequest, _ call: CallContext
  ) async throws -> V1.VerifyAuditResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      try AuditQueries.verify(known: request.known, scope: scope, in: db)
    }
  }

  func setAuditRules(
    _ request: V1.SetAuditRulesRequest, _ call: CallContext
  ) async throws -> V1.SetAuditRulesResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try SetAuditRules(
        request, scope: scope, key: request.requestKey(), secrets: WebhookSecrets(signer), hosts: hosts))
  }

  func getAuditRules(
    _ request: V1.GetAuditRulesRequest, _ call: CallContext
  ) async throws -> V1.GetAuditRulesResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      try AuditQueries.rules(scope: scope, in: db)
    }
  }

  func listViolations(
    _ request: V1.ListViolationsRequest, _ call: CallContext
  ) async throws -> V1.ListViolationsResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try AuditQueries.violations(rule: request.rule, page: page, scope: scope, in: db)
      return V1.ListViolationsResponse(violations: found.violations, page: found.page)
    }
  }

  func watchViolations(
    _ request: V1.WatchViolationsRequest, _ call: CallContext,
    _ responses: ResponseStream<V1.WatchViolationsResponse>
  ) async throws {
    let scope = try request.checkedScope()
    for try await violation in watch.watch(scope) {
      try await responses.send(V1.WatchViolationsResponse(violation: violation))
    }
    try call.checkCancellation()
  }

  func reportAudit(
    _ request: V1.ReportAuditRequest, _ call: CallContext
  ) async throws -> V1.ReportAuditResponse {
    let scope = try request.checkedScope()
    try Validate.time(request.during?.fromUs ?? 0, field: "during.from_us")
    try Validate.time(request.during?.untilUs ?? 0, field: "during.until_us")
    guard (0...V1.AuditReportFormat.html.rawValue).contains(request.format.rawValue) else {
      throw LociError.invalid(field: "format", problem: "is not a format")
    }
    return try await node.read(scope, request.consistency) { db, _ in
      let text = try AuditReport(request.during, scope: scope, in: db).text(request.format)
      guard text.utf8.count <= AnswerSize.bytesMax else {
        throw LociError.tooLarge(what: "the report", bytes: text.utf8.count, limit: AnswerSize.bytesMax)
      }
      return V1.ReportAuditResponse(text: text)
    }
  }
}
