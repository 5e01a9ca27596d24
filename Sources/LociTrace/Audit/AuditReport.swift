import Foundation
package import GRDB
package import LociCore
package import LociProto
import LociStore

/// What an audit log says over a span of time.
package struct AuditReport: Sendable {
  let scope: Scope
  let during: V1.TimeRange
  private(set) var records = 0
  private(set) var byAction: [String: Int] = [:]
  private(set) var byActor: [String: Int] = [:]
  private(set) var byDecision: [String: Int] = [:]
  private(set) var bySensitive: [String: Int] = [:]
  private(set) var byTag: [String: Int] = [:]
  private(set) var byRule: [String: Int] = [:]
  private(set) var byDay: [String: Int] = [:]
  private(set) var redacted = 0
  let verification: V1.VerifyAuditResponse

  package init(_ during: V1.TimeRange?, scope: Scope, in db: Database) throws {
    self.scope = scope
    let during = during ?? V1.TimeRange()
    self.during = during
    verification = try AuditQueries.verify(known: nil, scope: scope, in: db)
    guard let row = try ScopeQueries.row(scope, in: db) else { return }
    let until = during.untilUs == 0 ? Int64.max : during.untilUs
    let entries = try Data.fetchCursor(
      db.cachedStatement(
        sql: "SELECT entry FROM audit_records WHERE scope = ? AND at_us >= ? AND at_us < ? ORDER BY number"),
      arguments: [row, during.fromUs, until])
    while let entry = try entries.next() { add(try V1.AuditEntry(decoding: [UInt8](entry))) }
    let rules = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT rule, count(*) FROM audit_violations WHERE scope = ? AND at_us >= ? AND at_us < ? GROUP BY rule
          """), arguments: [row, during.fromUs, until])
    while let rule = try rules.next() { byRule[rule[0]] = rule[1] }
  }

  private mutating func add(_ entry: V1.AuditEntry) {
    records += 1
    byAction[entry.action, default: 0] += 1
    byActor[entry.actor, default: 0] += 1
    byDecision[entry.decision.word.isEmpty ? "none" : entry.decision.word, default: 0] += 1
    for kind in entry.sensitive { bySensitive[kind.word, default: 0] += 1 }
    for tag in entry.tags { byTag[tag, default: 0] += 1 }
    if entry.redacted { redacted += 1 }
    byDay[String(Self.time(entry.atUs).prefix(10)), default: 0] += 1
  }

  static func time(_ microseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(microseconds) / 1e6).formatted(.iso8601)
  }

  private var parts: [(title: String, counts: [String: Int])] {
    [
      ("Violations by rule", byRule), ("Actions", byAction), ("Actors", byActor), ("Decisions", byDecision),
      ("Sensitive data", bySensitive), ("Tags", byTag)
    ]
  }

  /// Most first; at most 20.
  private static func ranked(_ counts: [String: Int]) -> [(name: String, count: Int)] {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(20).map { ($0.key, $0.value) }
  }

  private var span: String {
    let from = during.fromUs == 0 ? "the beginning" : Self.time(during.fromUs)
    return "\(from) to \(during.untilUs == 0 ? "now" : Self.time(during.untilUs))"
  }

  private var soundness: String {
    verification.sound
      ? "The log is sound: \(verification.records) records, \(verification.heads) signed heads."
      : "The log is NOT sound: \(verification.problems.joined(separator: "; "))"
  }

  package func text(_ format: V1.AuditReportFormat) throws -> String {
    switch format {
    case .markdown: markdown
    case .html: html
    default: try json
    }
  }

  private var json: String {
    get throws {
      let object: [String: Any] = [
        "tenant": scope.tenant.rawValue, "agent": scope.agent.rawValue, "from_us": during.fromUs,
        "until_us": during.untilUs, "records": records, "redacted": redacted, "actions": byAction,
        "actors": byActor, "decisions": byDecision, "sensitive": bySensitive, "tags": byTag,
        "violations": byRule, "days": byDay, "sound": verification.sound,
        "problems": verification.problems, "verified_records": verification.records,
        "root": Hex.text(verification.root)
      ]
      let data = try JSONSerialization.data(
        withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
      return String(decoding: data, as: UTF8.self)
    }
  }

  private var markdown: String {
    var lines = [
      "# Audit report: \(scope.tenant) / \(scope.agent)", "",
      "From \(span). \(records) records, \(redacted) redacted.",
      "", soundness, "", "Root: `\(Hex.text(verification.root))`"
    ]
    for (title, counts) in parts where !counts.isEmpty {
      lines += ["", "## \(title)", "", "| | records |", "|---|---:|"]
      lines += Self.ranked(counts).map {
        "| \($0.name.replacingOccurrences(of: "|", with: "\\|")) | \($0.count) |"
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One page without scripts and without anything from elsewhere; charts are SVG.
  private var html: String {
    var body = """
      <h1>Audit report: \(Self.escaped("\(scope.tenant) / \(scope.agent)"))</h1>
      <p>From \(span). \(records) records, \(redacted) redacted.</p>
      <p class="\(verification.sound ? "good" : "bad")">\(Self.escaped(soundness))</p>
      <p>Root: <code>\(Hex.text(verification.root))</code></p>
      <h2>Records by day</h2>\(Self.columns(byDay.sorted { $0.key < $1.key }.suffix(60).map { ($0.key, $0.value) }))
      """
    for (title, counts) in parts where !counts.isEmpty {
      body += "<h2>\(title)</h2>\(Self.bars(Self.ranked(counts)))"
    }
    return """
      <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Audit report</title><style>
      body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}
      h1,h2{font-weight:600}svg{width:100%;height:auto}text{font:13px system-ui,sans-serif;fill:#222}
      rect{fill:#3b6ea5}.good{color:#1a7f37}.bad{color:#b42318;font-weight:600}
      </style></head><body>\(body)</body></html>
      """
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  private static func bars(_ counts: [(name: String, count: Int)]) -> String {
    let most = max(1, counts.map(\.count).max() ?? 1)
    var svg = "<svg viewBox=\"0 0 800 \(24 * counts.count)\" role=\"img\">"
    for (place, item) in counts.enumerated() {
      let y = 24 * place
      let width = max(2, 480 * item.count / most)
      svg +=
        "<text x=\"240\" y=\"\(y + 16)\" text-anchor=\"end\">\(escaped(String(item.name.prefix(36))))</text>"
      svg += "<rect x=\"250\" y=\"\(y + 4)\" width=\"\(width)\" height=\"16\"/>"
      svg += "<text x=\"\(258 + width)\" y=\"\(y + 16)\">\(item.count)</text>"
    }
    return svg + "</svg>"
  }

  private static func columns(_ counts: [(name: String, count: Int)]) -> String {
    guard !counts.isEmpty else { return "<p>None.</p>" }
    let most = max(1, counts.map(\.count).max() ?? 1)
    let width = 800.0 / Double(counts.count)
    var svg = "<svg viewBox=\"0 0 800 180\" role=\"img\">"
    for (place, item) in counts.enumerated() {
      let height = max(1, 140 * item.count / most)
      let x = width * Double(place)
      svg += "<rect x=\"\(x + 1)\" y=\"\(150 - height)\" width=\"\(max(1, width - 2))\" height=\"\(height)\">"
      svg += "<title>\(escaped(item.name)): \(item.count)</title></rect>"
    }
    if let first = counts.first, let last = counts.last {
      svg += "<text x=\"0\" y=\"170\">\(escaped(first.name))</text>"
      if counts.count > 1 {
        svg += "<text x=\"800\" y=\"170\" text-anchor=\"end\">\(escaped(last.name))</text>"
      }
    }
    return svg + "</svg>"
  }
}
