package import LociCore
package import LociProto

/// Rules over audit entries, one a line:
///
///     name: condition -> message
///
/// A rule is violated by each entry of which its condition holds. Empty lines and lines that begin with # say nothing.
package struct AuditRules: Sendable {
  private struct Rule: Sendable {
    let name: String
    let condition: Condition<AuditSubject>
    let message: String
  }

  private let rules: [Rule]
  /// Whether a rule asks what a text holds: finding out is the dear part.
  let looksForSensitive: Bool
  static let rulesMax = 256

  /// - Throws: `invalid` that names the line.
  package init(_ text: String) throws(LociError) {
    var rules: [Rule] = []
    for (place, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = Self.trimmed(line)
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      let rule = try Self.rule(line, number: place + 1)
      guard !rules.contains(where: { $0.name == rule.name }) else {
        throw .invalid(field: "rules", problem: "line \(place + 1): '\(rule.name)' occurs twice")
      }
      rules.append(rule)
    }
    guard rules.count <= Self.rulesMax else {
      throw .invalid(field: "rules", problem: "has \(rules.count) rules, at most \(Self.rulesMax)")
    }
    self.rules = rules
    looksForSensitive = text.contains("sensitive")
  }

  package var count: Int { rules.count }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let body = text.drop { $0.isWhitespace }
    guard let last = body.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(body[...last])
  }

  private static func rule(_ line: String, number: Int) throws(LociError) -> Rule {
    guard let colon = line.firstIndex(of: ":"), let arrow = line.range(ofLast: "->"), colon < arrow.lowerBound
    else {
      throw .invalid(field: "rules", problem: "line \(number): must be 'name: condition -> message'")
    }
    let name = trimmed(line[..<colon])
    guard !name.isEmpty, name.utf8.count <= identifierBytesMax else {
      throw .invalid(field: "rules", problem: "line \(number): a rule needs a name of at most 128 bytes")
    }
    let condition = try Condition<AuditSubject>(
      trimmed(line[line.index(after: colon)..<arrow.lowerBound]), field: "rules line \(number)")
    return Rule(name: name, condition: condition, message: trimmed(line[arrow.upperBound...]))
  }

  func violations(of entry: V1.AuditEntry, number: UInt64) -> [V1.AuditViolation] {
    let subject = AuditSubject(entry: entry)
    return rules.filter { $0.condition.holds(subject) }.map { rule in
      V1.AuditViolation(
        rule: rule.name, record: number, actor: entry.actor, action: entry.action, object: entry.object,
        message: rule.message, atUs: entry.atUs, traceID: entry.traceID, spanID: entry.spanID)
    }
  }
}

extension String {
  fileprivate func range(ofLast text: String) -> Range<String.Index>? {
    var found: Range<String.Index>?
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(text) { found = at..<index(at, offsetBy: text.count) }
      at = index(after: at)
    }
    return found
  }
}

/// An audit entry as rules see it. `tags` and `sensitive` are lists of words; `contains` asks for one.
struct AuditSubject: ConditionSubject {
  let entry: V1.AuditEntry

  static let fields: Set<String> = [
    "actor", "action", "object", "decision", "destination", "detail", "tags", "sensitive", "redacted", "hour",
    "trace_id"
  ]

  func field(_ name: String) -> ConditionValue {
    switch name {
    case "actor": .text(entry.actor)
    case "action": .text(entry.action)
    case "object": .text(entry.object)
    case "decision": .text(entry.decision.word)
    case "destination": .text(entry.destination)
    case "detail": .text(entry.detail)
    case "tags": .text(entry.tags.joined(separator: " "))
    case "sensitive": .text(entry.sensitive.map(\.word).joined(separator: " "))
    case "redacted": .flag(entry.redacted)
    case "hour": .number(Double(entry.atUs / 3_600_000_000 % 24))
    case "trace_id": .text(entry.traceID)
    default: .absent
    }
  }

  func state(_ name: String) -> ConditionValue { .absent }

  func attribute(_ name: String) -> ConditionValue {
    entry.attributes.first { $0.key == name }.map { .text($0.value) } ?? .absent
  }
}

extension V1.AuditDecision {
  package var word: String {
    switch self {
    case .allowed: "allowed"
    case .denied: "denied"
    case .approved: "approved"
    case .pending: "pending"
    default: ""
    }
  }
}

extension V1.SensitiveKind {
  package var word: String {
    switch self {
    case .secret: "secret"
    case .privateKey: "private_key"
    case .email: "email"
    case .phone: "phone"
    case .paymentCard: "payment_card"
    case .iban: "iban"
    case .chineseID: "chinese_id"
    case .chineseCompany: "chinese_company"
    case .usSsn: "us_ssn"
    case .ipAddress: "ip_address"
    case .jwt: "jwt"
    default: "unknown"
    }
  }
}
