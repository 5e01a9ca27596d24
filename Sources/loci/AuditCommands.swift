import ArgumentParser
import Foundation
import LociClient
import LociCore
import LociProto
import LociTrace

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "The audit log: proof that nothing was changed, rules, reports.",
    subcommands: [Record.self, List.self, Head.self, Verify.self, Report.self, Rules.self, Violations.self])

  struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Add a record.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "Who acted.") var actor: String
    @Argument(help: "What it did.") var action: String
    @Argument(help: "To what.") var object: String = ""
    @Option(help: "More.") var detail = ""
    @Option(help: "Where data goes.") var destination = ""
    @Option(parsing: .singleValue, help: "A compliance tag.") var tag: [String] = []
    @Flag(help: "Replace what is sensitive by its kind.") var redact = false

    func run() async throws {
      let entry = V1.AuditEntry(
        actor: actor, action: action, object: object, tags: tag, detail: detail, destination: destination)
      let request = V1.RecordAuditRequest(scope: who.scope, entries: [entry], redact: redact)
      let answer = try await server.withClient { try await $0.audit.recordAudit(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("record \(answer.firstNumber)  \(Text.position(answer.position))")
      for violation in answer.violations { print("  violates \(violation.rule): \(violation.message)") }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Records by number.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Number of the first.") var from: UInt64 = 1
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 10000.") var count: UInt32 = 100

    func run() async throws {
      let request = V1.ListAuditRequest(scope: who.scope, firstNumber: from, count: count)
      let answer = try await server.withClient { try await $0.audit.listAudit(request) }
      if server.json { return try JSONOutput.print(answer) }
      for record in answer.records {
        guard let entry = record.entry else { continue }
        let sensitive =
          entry.sensitive.isEmpty ? "" : "  holds \(entry.sensitive.map(\.word).joined(separator: ", "))"
        print(
          "\(record.number)  \(Text.time(entry.atUs))  \(entry.actor)  \(entry.action)  "
            + "\(Text.line(entry.object, 48))\(sensitive)")
      }
      if answer.nextNumber > 0 { print("… more: --from \(answer.nextNumber)") }
    }
  }

  struct Head: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The log's signed head. Keep it elsewhere: it is what a later verify is held against.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Write it into this file.") var out: String?

    func run() async throws {
      let answer = try await server.withClient {
        try await $0.audit.getAuditHead(V1.GetAuditHeadRequest(scope: who.scope))
      }
      guard let head = answer.head else { return }
      if let out { try Data(head.encoded()).write(to: URL(fileURLWithPath: out)) }
      if server.json { return try JSONOutput.print(head) }
      print(
        "size \(head.size)  \(Text.time(head.atUs))\nroot \(Hex.text(head.root))\nkey  \(Hex.text(head.key))")
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read the whole log and compute everything again, here: the server is not believed.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "A head kept from before (loci audit head --out).") var head: String?
    @Option(help: "The server's public key, 64 hex digits, as kept from before.") var key: String?

    func run() async throws {
      let scope = try Scope(tenant: who.tenant, agent: who.agent)
      var heads: [V1.AuditHead] = []
      if let head {
        heads.append(try V1.AuditHead(decoding: [UInt8](Data(contentsOf: URL(fileURLWithPath: head)))))
      }
      let verifier = try await server.withClient { client in
        if let current = try await client.audit.getAuditHead(V1.GetAuditHeadRequest(scope: who.scope)).head {
          heads.append(current)
        }
        let size = heads.last?.size ?? 0
        var verifier = AuditVerifier(scope: scope, heads: heads)
        var request = V1.ListAuditRequest(scope: who.scope, firstNumber: 1, count: 10_000)
        while verifier.records < size {
          let answer = try await client.audit.listAudit(request)
          for record in answer.records where verifier.records < size { verifier.check(record) }
          guard answer.nextNumber > 0 else { break }
          request.firstNumber = answer.nextNumber
        }
        verifier.finish()
        return verifier
      }
      var problems = verifier.problems
      let keys = Set(heads.map { Hex.text($0.key) })
      if let key, keys != [key] {
        problems.append("signed by \(keys.sorted().joined(separator: ", ")), not by \(key)")
      }
      if keys.count > 1 { problems.append("heads are signed by different keys") }
      if server.json {
        try JSONOutput.print(
          [
            "sound": problems.isEmpty, "records": verifier.records, "problems": problems,
            "root": Hex.text(verifier.root)
          ]
            as [String: Any])
      } else {
        print("\(verifier.records) records, \(verifier.headsChecked) heads, root \(Hex.text(verifier.root))")
        for problem in problems { print("  \(problem)") }
        print(problems.isEmpty ? "sound" : "NOT sound")
      }
      if !problems.isEmpty { throw ExitCode(1) }
    }
  }

  struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A report for people.")

    enum Format: String, ExpressibleByArgument, CaseIterable {
      case json, markdown, html
      var value: V1.AuditReportFormat {
        switch self {
        case .json: .json
        case .markdown: .markdown
        case .html: .html
        }
      }
    }

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "json, markdown or html.") var format: Format = .markdown
    @Option(help: "Write it into this file.") var out: String?

    func run() async throws {
      let request = V1.ReportAuditRequest(scope: who.scope, format: format.value)
      let answer = try await server.withClient { try await $0.audit.reportAudit(request) }
      guard let out else { return print(answer.text) }
      try Data(answer.text.utf8).write(to: URL(fileURLWithPath: out))
    }
  }

  struct Rules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the rules, or set them from a file.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "File with rules; none: show them.") var path: String?
    @Option(parsing: .singleValue, help: "Where alerts go, http://… or https://….") var webhook: [String] = []
    @Option(help: "Key of the alerts' signature, 16 to 128 bytes.") var secret = ""

    func run() async throws {
      try await server.withClient { client in
        guard let path else {
          let answer = try await client.audit.getAuditRules(V1.GetAuditRulesRequest(scope: who.scope))
          return server.json ? try JSONOutput.print(answer) : print(answer.rules)
        }
        let text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        let answer = try await client.audit.setAuditRules(
          V1.SetAuditRulesRequest(
            scope: who.scope, rules: text,
            webhooks: webhook.map { V1.AuditWebhook(url: $0, secret: secret) }))
        server.json ? try JSONOutput.print(answer) : print("\(answer.rules) rules")
      }
    }
  }

  struct Violations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Violations of rules, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Only of this rule.") var rule = ""
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: Int32 = 50

    func run() async throws {
      let request = V1.ListViolationsRequest(scope: who.scope, rule: rule, page: V1.Page(size: count))
      let answer = try await server.withClient { try await $0.audit.listViolations(request) }
      if server.json { return try JSONOutput.print(answer) }
      for violation in answer.violations {
        let at =
          violation.record > 0
          ? "record \(violation.record)" : "step \(violation.traceID)/\(violation.spanID)"
        print(
          "\(Text.time(violation.atUs))  \(at)  \(violation.rule): \(violation.message)  "
            + "(\(violation.actor) \(violation.action) \(Text.line(violation.object, 40)))")
      }
    }
  }
}
