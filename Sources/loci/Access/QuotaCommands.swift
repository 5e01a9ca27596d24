import ArgumentParser
import LociClient
import LociProto

struct QuotaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quota", abstract: "How much a tenant may store.", subcommands: [Set.self, Show.self])

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Set a tenant's quota.",
      discussion: "What is not given is not limited. What the tenant has stored beyond it stays.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Messages, memories, points and so on, of all agents together.") var items: UInt64 = 0
    @Option(help: "Bytes of their content.") var bytes: UInt64 = 0

    func run() async throws {
      let request = V1.SetQuotaRequest(
        scope: V1.Scope(tenant: who.tenant), quota: V1.Quota(itemsMax: items, bytesMax: bytes))
      let answer = try await server.withClient { try await $0.access.setQuota(request) }
      if server.json { return try JSONOutput.print(answer) }
      let parts = [
        items > 0 ? "\(items) items" : "any number of items",
        bytes > 0 ? Text.bytes(bytes) : "any number of bytes"
      ]
      print("\(who.tenant) may store \(parts.joined(separator: ", "))")
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A tenant's quota, and what it has stored.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions

    func run() async throws {
      let request = V1.GetQuotaRequest(scope: V1.Scope(tenant: who.tenant))
      let answer = try await server.withClient { try await $0.access.getQuota(request) }
      if server.json { return try JSONOutput.print(answer) }
      let quota = answer.quota ?? V1.Quota()
      print("items  \(answer.items)\(quota.itemsMax > 0 ? " of \(quota.itemsMax)" : "")")
      print(
        "bytes  \(Text.bytes(answer.bytes))\(quota.bytesMax > 0 ? " of \(Text.bytes(quota.bytesMax))" : "")")
    }
  }
}
