import ArgumentParser
import Foundation
import LociClient
import LociProto

enum PermissionName: String, ExpressibleByArgument, CaseIterable {
  case read, write, share

  var permission: V1.AccessPermission {
    switch self {
    case .read: .read
    case .write: .write
    case .share: .share
    }
  }
}

struct Grants: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What an agent lets others do with its data.",
    subcommands: [Set.self, Remove.self, List.self, Refused.self])

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Let another agent in.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The agent that is let in.") var other: String
    @Argument(help: "read, write or share; each holds those before it.") var permission: PermissionName

    func run() async throws {
      let request = V1.SetGrantRequest(
        scope: who.scope, grant: V1.Grant(agent: other, permission: permission.permission))
      let answer = try await server.withClient { try await $0.access.setGrant(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("\(other) may \(permission.rawValue) what \(who.agent) owns")
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take a grant back.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The agent that was let in.") var other: String

    func run() async throws {
      let request = V1.RemoveGrantRequest(scope: who.scope, agent: other)
      let answer = try await server.withClient { try await $0.access.removeGrant(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("\(other) is no longer let in")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Who is let in.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions

    func run() async throws {
      let request = V1.ListGrantsRequest(scope: who.scope)
      let answer = try await server.withClient { try await $0.access.listGrants(request) }
      if server.json { return try JSONOutput.print(answer) }
      for grant in answer.grants {
        let end = grant.expiresAtUs == 0 ? "" : "  until \(Text.time(grant.expiresAtUs))"
        print("\(grant.agent)  \("\(grant.permission)".lowercased())\(end)")
      }
    }
  }

  struct Refused: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Calls of a tenant that were refused, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: UInt32 = 20

    func run() async throws {
      let request = V1.ListRefusalsRequest(scope: who.scope, limit: count)
      let answer = try await server.withClient { try await $0.access.listRefusals(request) }
      if server.json { return try JSONOutput.print(answer) }
      for refusal in answer.refusals {
        let wanted = refusal.scope.map { "\($0.tenant)/\($0.agent)" } ?? ""
        print(
          "\(Text.time(refusal.atUs))  \(refusal.principal?.id ?? "")  \(refusal.method)  \(wanted)  ×\(refusal.count)"
        )
      }
    }
  }
}
