import ArgumentParser
import LociClient
import LociProto

extension TraceCommand {
  struct Policy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Which traces are kept, and how long.",
      discussion: "Without options the policy that holds is shown. Any option sets all of it.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Share of the traces that is not kept, 0 to 1.") var drop: Double?
    @Flag(help: "Keep failed traces all the same.") var keepErrors = false
    @Option(parsing: .singleValue, help: "Keep traces with a step of this kind all the same: tool, llm, ….")
    var keepKind: [String] = []
    @Option(help: "How long traces stay: 30d, 12h, 90m, 45s.") var maxAge: String?
    @Option(help: "The same for failed ones.") var failedMaxAge: String?
    @Option(help: "How many traces of an agent stay.") var maxTraces: UInt64?
    @Flag(help: "For all agents of the tenant that have no policy of their own.") var wholeTenant = false
    @Flag(help: "Remove the policy.") var remove = false

    private var sets: Bool {
      drop != nil || keepErrors || !keepKind.isEmpty || maxAge != nil || failedMaxAge != nil
        || maxTraces != nil
    }

    func validate() throws {
      guard !(remove && sets) else { throw ValidationError("--remove sets nothing") }
      _ = try policy()
    }

    private func policy() throws -> V1.TracePolicy {
      V1.TracePolicy(
        dropShare: drop ?? 0, keepErrors: keepErrors, keepKinds: try keepKind.map(Self.kind),
        maxAgeMs: try maxAge.map(Self.milliseconds) ?? 0,
        failedMaxAgeMs: try failedMaxAge.map(Self.milliseconds) ?? 0, maxTraces: maxTraces ?? 0)
    }

    func run() async throws {
      let wanted = try policy()
      try await server.withClient { client in
        if sets || remove {
          _ = try await client.traces.setTracePolicy(
            V1.SetTracePolicyRequest(
              scope: who.scope, policy: remove ? nil : wanted, wholeTenant: wholeTenant))
        }
        let answer = try await client.traces.getTracePolicy(V1.GetTracePolicyRequest(scope: who.scope))
        if server.json { return try JSONOutput.print(answer) }
        print(Self.text(answer))
      }
    }

    private static func kind(_ word: String) throws -> V1.StepKind {
      let kinds = (1...V1.StepKind.human.rawValue).map { V1.StepKind(rawValue: $0) }
      guard let kind = kinds.first(where: { Text.kind($0) == word }) else {
        throw ValidationError("'\(word)' is none of \(kinds.map(Text.kind).joined(separator: ", "))")
      }
      return kind
    }

    private static func milliseconds(_ text: String) throws -> Int64 {
      let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
      guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0 else {
        throw ValidationError("'\(text)' is no duration such as 30d, 12h, 90m or 45s")
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: unit)
      guard !overflow else { throw ValidationError("'\(text)' is too long") }
      return product
    }

    private static func text(_ answer: V1.GetTracePolicyResponse) -> String {
      let policy = answer.policy ?? V1.TracePolicy()
      let origin: String
      switch answer.origin {
      case .agent: origin = "the agent's own policy"
      case .tenant: origin = "the tenant's policy"
      default: return "no policy: every trace is kept until it is deleted"
      }
      var lines = [origin]
      if policy.dropShare > 0 {
        let exceptions =
          (policy.keepErrors ? ["failed ones"] : [])
          + policy.keepKinds.map { "ones with a step of kind \(Text.kind($0))" }
        let but = exceptions.isEmpty ? "" : ", but \(exceptions.joined(separator: " and ")) are kept"
        lines.append("  \(policy.dropShare * 100) % of the traces are not kept\(but)")
      }
      if policy.maxAgeMs > 0 { lines.append("  traces stay \(Text.micros(policy.maxAgeMs * 1_000))") }
      if policy.failedMaxAgeMs > 0 {
        lines.append("  failed traces stay \(Text.micros(policy.failedMaxAgeMs * 1_000))")
      }
      if policy.maxTraces > 0 { lines.append("  the newest \(policy.maxTraces) traces of an agent stay") }
      if lines.count == 1 { lines.append("  every trace is kept until it is deleted") }
      return lines.joined(separator: "\n")
    }
  }
}
