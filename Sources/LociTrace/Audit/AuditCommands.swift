import Foundation
import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.RecordAuditResponse: PositionedAnswer {}
extension V1.SetAuditRulesResponse: PositionedAnswer {}

package enum AuditLimits {
  package static let perCall = 1_000
  static let objectBytesMax = 1_024
  static let detailBytesMax = 65_536
  static let tagsMax = 16
  static let attributesMax = 32
  static let rulesBytesMax = 65_536
  static let webhooksMax = 8
}

/// Adds records to an agent's audit log.
package struct RecordAudit: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let entries: [V1.AuditEntry]

  package init(_ request: V1.RecordAuditRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try Validate.count(request.entries.count, field: "entries", in: 1...AuditLimits.perCall)
    var entries: [V1.AuditEntry] = []
    var bytes = 0
    for entry in request.entries {
      try Self.check(entry)
      let examined = SensitiveText.examine(entry, redact: request.redact)
      bytes += 512 + examined.detail.utf8.count + examined.object.utf8.count + 256 * examined.attributes.count
      entries.append(examined)
    }
    self.entries = entries
    costBytes = bytes
  }

  private static func check(_ entry: V1.AuditEntry) throws(LociError) {
    try Validate.name(entry.actor, field: "entries.actor")
    try Validate.name(entry.action, field: "entries.action")
    try Validate.text(entry.object, field: "entries.object", bytesMax: AuditLimits.objectBytesMax)
    try Validate.text(entry.detail, field: "entries.detail", bytesMax: AuditLimits.detailBytesMax)
    try Validate.optionalName(entry.destination, field: "entries.destination")
    try Validate.time(entry.atUs, field: "entries.at_us")
    try Validate.traceID(entry.traceID, field: "entries.trace_id")
    guard SpanKey.parse(entry.spanID) != nil else {
      throw .invalid(field: "entries.span_id", problem: "must be empty, or 16 lower-case hex digits")
    }
    guard (0...V1.AuditDecision.pending.rawValue).contains(entry.decision.rawValue) else {
      throw .invalid(field: "entries.decision", problem: "is not a decision")
    }
    try Validate.count(entry.tags.count, field: "entries.tags", in: 0...AuditLimits.tagsMax)
    for tag in entry.tags { try Validate.name(tag, field: "entries.tags") }
    try Validate.count(entry.attributes.count, field: "entries.attributes", in: 0...AuditLimits.attributesMax)
    try AttributeColumn.validate(entry.attributes, field: "entries.attributes")
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.RecordAuditResponse> {
    let db = transaction.db
    let scopeRow = try transaction.scopeRow(scope)
    var (size, chain) =
      try scopeRow.map { try AuditQueries.state(scope: $0, in: db) } ?? (0, AuditChain.start)
    let rules = try scopeRow.map { try AuditRules(AuditQueries.rulesText(scope: $0, in: db)) }
    var answer = V1.RecordAuditResponse(firstNumber: size + 1)
    var events: [LogV1.Event.Kind] = []
    for var entry in entries {
      if entry.atUs == 0 { entry.atUs = transaction.at.microseconds }
      size += 1
      let encoded = entry.encoded()
      chain = AuditChain.next(after: chain, leaf: MerkleTree.leaf(encoded))
      let violations = rules?.violations(of: entry, number: size) ?? []
      answer.violations += violations
      events.append(
        .auditRecorded(
          LogV1.AuditRecorded(
            number: size, entry: encoded, chain: chain, violations: violations.map { $0.encoded() })))
    }
    return Decision(events: events, answer: answer)
  }
}

/// Signs the log as it is.
package struct SignAuditHead: Command {
  package struct Answer: PositionedAnswer {
    package var position: V1.Position?
    package var head: V1.AuditHead

    init(head: V1.AuditHead) { self.head = head }
    package init(decoding bytes: [UInt8]) throws { head = try V1.AuditHead(decoding: bytes) }
    package func encoded() -> [UInt8] { head.encoded() }
  }

  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 512
  private let signer: AuditSigner

  package init(scope: Scope, signer: AuditSigner) {
    self.scope = scope
    self.signer = signer
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<Answer> {
    let db = transaction.db
    if let head = try AuditQueries.currentHead(scope: scope, in: db) {
      return Decision(events: [], answer: Answer(head: head))
    }
    guard let scopeRow = try transaction.scopeRow(scope) else {
      let head = try signer.sign(
        size: 0, root: MerkleTree.emptyRoot, chain: AuditChain.start, at: transaction.at, scope: scope)
      return Decision(events: [], answer: Answer(head: head))
    }
    let (size, chain) = try AuditQueries.state(scope: scopeRow, in: db)
    let head = try signer.sign(
      size: size, root: try AuditQueries.root(size: size, scope: scopeRow, in: db), chain: chain,
      at: transaction.at, scope: scope)
    return Decision(
      events: [.auditHeadSigned(LogV1.AuditHeadSigned(head: head.encoded()))], answer: Answer(head: head))
  }
}

/// Replaces an agent's rules and webhooks.
package struct SetAuditRules: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let text: String
  private let webhooks: [V1.AuditWebhook]
  private let rules: AuditRules

  /// - Parameters:
  ///   - secrets: seals the webhooks' secrets.
  ///   - hosts: where alerts may go.
  package init(
    _ request: V1.SetAuditRulesRequest, scope: Scope, key: RequestKey?, secrets: WebhookSecrets,
    hosts: WebhookHosts
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    text = request.rules
    try Validate.text(request.rules, field: "rules", bytesMax: AuditLimits.rulesBytesMax)
    rules = try AuditRules(request.rules)
    try Validate.count(request.webhooks.count, field: "webhooks", in: 0...AuditLimits.webhooksMax)
    var webhooks: [V1.AuditWebhook] = []
    for webhook in request.webhooks {
      try Validate.text(webhook.url, field: "webhooks.url", bytesMin: 1, bytesMax: 1_024)
      try hosts.check(webhook.url)
      try Validate.text(webhook.secret, field: "webhooks.secret", bytesMin: 16, bytesMax: 128)
      webhooks.append(
        V1.AuditWebhook(url: webhook.url, secret: try secrets.sealed(webhook.secret, for: scope)))
    }
    self.webhooks = webhooks
    costBytes = 512 + request.rules.utf8.count
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.SetAuditRulesResponse> {
    let set = LogV1.AuditRulesSet(rules: text, webhooks: webhooks.map { $0.encoded() })
    return Decision(
      events: [.auditRulesSet(set)], answer: V1.SetAuditRulesResponse(rules: UInt32(rules.count)))
  }
}

/// Notes which alerts arrived, and when the others are tried again.
package struct SettleAlerts: Command {
  package typealias Answer = Written

  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 512
  private let delivered: [Int64]
  private let failed: [(row: Int64, retryAt: Timestamp)]

  /// - Parameter scope: of one of the alerts; all lie in its shard.
  package init(scope: Scope, delivered: [Int64], failed: [(row: Int64, retryAt: Timestamp)]) {
    self.scope = scope
    self.delivered = delivered
    self.failed = failed
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    let settled = LogV1.AuditAlertsDelivered(
      rows: delivered, failedRows: failed.map(\.row), retryAtUs: failed.map(\.retryAt.microseconds))
    return Decision(events: [.auditAlertsDelivered(settled)], answer: Written())
  }
}
