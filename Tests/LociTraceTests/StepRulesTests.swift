import Foundation
import GRDB
import LociCore
import LociProto
import LociRecall
import LociStore
@testable import LociTrace
import Testing

@Suite("Audit rules over steps") struct StepRulesTests {
  private func set(_ rules: String, _ store: TraceStore) async throws {
    let scope = try TraceStore.scope()
    _ = try await store.store.shards[0].submit(
      SetAuditRules(
        V1.SetAuditRulesRequest(
          rules: rules, webhooks: [V1.AuditWebhook(url: "https://example.org/", secret: "0123456789abcdef")]),
        scope: scope, key: nil, secrets: WebhookSecrets(AuditSigner()), hosts: WebhookHosts()))
  }

  private func violations(_ store: TraceStore) async throws -> [V1.AuditViolation] {
    let scope = try TraceStore.scope()
    return try await store.read { db in
      try AuditQueries.violations(rule: "", page: PageRequest(nil), scope: scope, in: db).violations
        .reversed()
    }
  }

  @Test("a step is held against the rules as it arrives, once, and its violation becomes an alert")
  func arriving() async throws {
    let store = try TraceStore()
    try await set(
      """
      shell: action = "step.tool" and object = "shell" -> shells are not allowed
      pii: sensitive contains "email" and destination != "" -> personal data leaves
      """, store)
    var mail = step(2, name: "mail", input: "write to ana@example.org")
    mail.attributes = [V1.Attribute(key: "server.address", value: "smtp.example.org")]
    let answer = try await store.write([step(0, name: "search"), step(1, name: "shell"), mail])
    #expect(answer.violations == 2)
    #expect(try await store.write([step(0, name: "search"), step(1, name: "shell"), mail]).violations == 0)
    let found = try await violations(store)
    #expect(found.map(\.rule) == ["shell", "pii"])
    #expect(
      found.map(\.spanID) == [spanID(1), spanID(2)] && found.allSatisfy { $0.record == 0 && $0.actor == "a" })
    let now = store.clock.now()
    let alerts = try await store.read { try AuditQueries.due(now, count: 10, in: $0) }
    #expect(alerts.count == 2)
  }

  @Test("what is said later of a step breaks a rule when it did not before")
  func completed() async throws {
    let store = try TraceStore()
    try await set("leak: detail contains \"secret\" -> said it\nany: object = \"tool\" -> always", store)
    var begun = step(0, output: "")
    begun.endedAtUs = 0
    #expect(try await store.write([begun]).violations == 1)
    #expect(try await store.write([step(0, output: "the secret")]).violations == 1)
    #expect(try await violations(store).map(\.rule) == ["any", "leak"])
    #expect(try await store.write([step(0, output: "the secret")]).violations == 0)
  }

  @Test("texts that become blobs are looked at")
  func blobs() async throws {
    let store = try TraceStore()
    try await set("leak: detail contains \"needle\" -> said it", store)
    let large = String(repeating: "hay ", count: 10_000) + "needle"
    #expect(try await store.write([step(0, output: large)]).violations == 1)
    var begun = step(1, output: "")
    begun.endedAtUs = 0
    #expect(try await store.write([begun]).violations == 0)
    #expect(try await store.write([step(1, output: large)]).violations == 1)
  }

  @Test("rules are found again in the tables, and go when they are emptied")
  func book() async throws {
    let store = try TraceStore()
    let scope = try TraceStore.scope()
    try await set("any: object != \"\" -> always", store)
    let again = AuditRuleBook()
    try await store.read { try again.load($0) }
    #expect(again.rules(of: scope)?.count == 1)
    try await set("", store)
    #expect(store.book.rules(of: scope) == nil)
    #expect(try await store.write([step(0)]).violations == 0)
  }
}

@Suite("Webhooks") struct WebhookTests {
  private let scope = Scope(tenant: TenantID(unchecked: "t"), agent: AgentID(unchecked: "a"))

  @Test("a secret lies sealed in the log and the database, and opens under its key for its agent only")
  func sealed() async throws {
    let signer = AuditSigner()
    let secrets = WebhookSecrets(signer)
    let stored = try secrets.sealed("0123456789abcdef", for: scope)
    #expect(!stored.contains("0123456789abcdef"))
    #expect(
      try WebhookSecrets(AuditSigner(rawKey: signer.rawKey)).opened(stored, for: scope) == "0123456789abcdef")
    #expect(throws: LociError.self) { try WebhookSecrets(AuditSigner()).opened(stored, for: scope) }
    let other = Scope(tenant: scope.tenant, agent: AgentID(unchecked: "b"))
    #expect(throws: LociError.self) { try secrets.opened(stored, for: other) }
    // As they were before they were sealed.
    #expect(try secrets.opened("0123456789abcdef", for: scope) == "0123456789abcdef")
    let store = try TraceStore()
    _ = try await store.store.shards[0].submit(
      SetAuditRules(
        V1.SetAuditRulesRequest(
          webhooks: [V1.AuditWebhook(url: "https://example.org/", secret: "0123456789abcdef")]),
        scope: scope, key: nil, secrets: secrets, hosts: WebhookHosts()))
    let row = try await store.read {
      try Data.fetchOne($0, sql: "SELECT webhook FROM audit_webhooks") ?? Data()
    }
    let webhook = try V1.AuditWebhook(decoding: [UInt8](row))
    #expect(webhook.secret != "0123456789abcdef")
    #expect(try secrets.opened(webhook.secret, for: scope) == "0123456789abcdef")
  }

  @Test(
    "hosts inside are refused",
    arguments: [
      "http://localhost/", "http://a.localhost:80/", "http://127.0.0.1/", "http://127.9.9.9:8080/x",
      "http://10.0.0.1/",
      "http://192.168.1.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://169.254.169.254/latest",
      "http://100.64.0.1/", "http://0.0.0.0/", "http://224.0.0.1/", "http://[::1]/", "http://[fe80::1]/",
      "http://[fd00::1]/", "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
      "http://metadata.google.internal/", "ftp://example.org/", "http:///x"
    ])
  func inside(url: String) throws {
    #expect(throws: LociError.self) { try WebhookHosts().check(url) }
  }

  @Test(
    "hosts outside are not, nor those that are allowed",
    arguments: [
      "https://example.org/hook", "http://93.184.215.14/", "http://172.32.0.1/", "http://[2606:2800:21f::1]/",
      "http://127.0.0.1:9/", "http://Hooks.Internal/"
    ])
  func outside(url: String) throws {
    try WebhookHosts(allowed: ["127.0.0.1", "hooks.internal"]).check(url)
  }
}
