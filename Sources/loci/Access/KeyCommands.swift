import ArgumentParser
import Foundation
import LociClient
import LociProto

extension V1.AccessRole {
  /// As the command line writes it.
  var shortName: String { RoleName.allCases.first { $0.role == self }?.rawValue ?? "\(self)" }
}

enum RoleName: String, ExpressibleByArgument, CaseIterable {
  case reader, agent, `operator`
  case tenantAdmin = "tenant-admin"

  var role: V1.AccessRole {
    switch self {
    case .reader: .reader
    case .agent: .agent
    case .tenantAdmin: .tenantAdmin
    case .operator: .operator
    }
  }
}

/// Whose keys: a tenant, and an agent or all of them.
struct KeyScopeOptions: ParsableArguments {
  @Option(help: "Tenant. Also LOCI_TENANT.")
  var tenant: String = ProcessInfo.processInfo.environment["LOCI_TENANT"] ?? "default"
  @Option(help: "Agent; none: every agent of the tenant.") var agent: String?

  var scope: V1.Scope { V1.Scope(tenant: tenant, agent: agent ?? "") }
}

struct Keys: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "API keys.", subcommands: [Create.self, List.self, Rotate.self, Revoke.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make a key. It is printed once and not kept.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: KeyScopeOptions
    @Option(help: "reader, agent, tenant-admin or operator.") var role = RoleName.agent
    @Option(help: "For people.") var name = ""
    @Option(help: "Days until it expires; 0: never.") var days = 0

    func validate() throws {
      guard (0...36_500).contains(days) else { throw ValidationError("--days must be 0 to 36500") }
    }

    func run() async throws {
      let expires = days == 0 ? 0 : Int64((Date().timeIntervalSince1970 + Double(days) * 86_400) * 1e6)
      let request = V1.CreateKeyRequest(
        scope: who.scope, role: role.role, name: name, expiresAtUs: expires)
      let answer = try await server.withClient { try await $0.access.createKey(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(answer.secret)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A tenant's keys.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: KeyScopeOptions

    func run() async throws {
      var keys: [V1.ApiKey] = []
      try await server.withClient { client in
        var page = V1.Page(size: 1_000)
        repeat {
          let answer = try await client.access.listKeys(V1.ListKeysRequest(scope: who.scope, page: page))
          keys += answer.keys
          page.token = answer.page?.nextToken ?? ""
        } while !page.token.isEmpty
      }
      if server.json { return try JSONOutput.print(keys) }
      for key in keys {
        let agent = key.agent.isEmpty ? "*" : key.agent
        print("\(key.id)  \(key.role.shortName)  \(key.tenant)/\(agent)  \(Self.state(key))  \(key.name)")
      }
    }

    private static func state(_ key: V1.ApiKey) -> String {
      if key.revokedAtUs != 0 { return "revoked \(Text.time(key.revokedAtUs))" }
      return key.expiresAtUs == 0 ? "valid" : "until \(Text.time(key.expiresAtUs))"
    }
  }

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make a key like another, and end the other.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: KeyScopeOptions
    @Argument(help: "The key's id.") var id: String
    @Option(help: "Hours that the old one still works, 0 to 720.") var overlapHours: Int64 = 0

    func validate() throws {
      guard (0...720).contains(overlapHours) else {
        throw ValidationError("--overlap-hours must be 0 to 720")
      }
    }

    func run() async throws {
      let request = V1.RotateKeyRequest(
        scope: who.scope, keyID: id, overlapMs: overlapHours * 3_600_000)
      let answer = try await server.withClient { try await $0.access.rotateKey(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(answer.secret)
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "End a key at once.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: KeyScopeOptions
    @Argument(help: "The key's id.") var id: String

    func run() async throws {
      let request = V1.RevokeKeyRequest(scope: who.scope, keyID: id)
      let answer = try await server.withClient { try await $0.access.revokeKey(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("revoked \(id)")
    }
  }
}

struct WhoAmI: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "whoami", abstract: "Who the server takes you for.")

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let answer = try await server.withClient { try await $0.access.whoAmI(V1.WhoAmIRequest()) }
    if server.json { return try JSONOutput.print(answer) }
    let who = answer.principal ?? V1.Principal()
    let tenant = who.tenant.isEmpty ? "every tenant" : "\(who.tenant)/\(who.agent.isEmpty ? "*" : who.agent)"
    print("\(who.id)  \(who.role.shortName)  \(tenant)")
    if !answer.authenticationRequired { print("authentication is off: everyone may do everything") }
  }
}
