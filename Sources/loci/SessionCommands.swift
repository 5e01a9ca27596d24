import ArgumentParser
import Foundation
import LociClient
import LociProto

struct SessionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "session", abstract: "Sessions: state, variables, snapshots, rollback and forks.",
    subcommands: [
      Create.self, List.self, Show.self, Move.self, Heartbeat.self, Set.self, Delete.self, Snapshot.self,
      Snapshots.self, Diff.self, Rollback.self, Fork.self, Prune.self, Export.self
    ])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Begin a session, and its context.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id; none: one is made.") var id: String?
    @Option(help: "What it is about.") var title = ""
    @Option(help: "A context that exists already.") var context = ""
    @Option(help: "The session that started it.") var parent = ""
    @Option(name: .customLong("timeout-ms"), help: "It expires without a heartbeat for so long; 0: never.")
    var timeoutMs: Int64 = 0
    @Option(name: .customLong("set"), parsing: .singleValue, help: "A variable, NAME=VALUE.")
    var variables: [Assignment] = []

    func run() async throws {
      let request = V1.CreateSessionRequest(
        scope: who.scope, id: id ?? "", title: title, contextID: context, parentID: parent,
        timeoutMs: timeoutMs, variables: variables.map(\.change), activate: true)
      let answer = try await server.withClient { try await $0.sessions.createSession(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(Text.session(answer.session))
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The agent's sessions, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Only children of this session.") var parent = ""
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: Int32 = 20

    func run() async throws {
      let request = V1.ListSessionsRequest(scope: who.scope, parentID: parent, page: V1.Page(size: count))
      let answer = try await server.withClient { try await $0.sessions.listSessions(request) }
      if server.json { return try JSONOutput.print(answer) }
      for session in answer.sessions { print(Text.session(session)) }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A session with its variables and its life.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String

    func run() async throws {
      try await server.withClient { client in
        let page = V1.Page(size: 1_000)
        let session = try await client.sessions.getSession(
          V1.GetSessionRequest(scope: who.scope, sessionID: id)
        ).session
        let variables = try await client.sessions.getVariables(
          V1.GetVariablesRequest(scope: who.scope, sessionID: id, page: page)
        ).variables
        let transitions = try await client.sessions.listTransitions(
          V1.ListTransitionsRequest(scope: who.scope, sessionID: id, page: page)
        ).transitions
        if server.json {
          return try JSONOutput.print(
            ["session": session as Any, "variables": variables, "transitions": transitions])
        }
        print(Text.session(session))
        for variable in variables { print("  \(variable.name) = \(Text.line(variable.value))") }
        for step in transitions {
          let reason = step.reason.isEmpty ? "" : "  \(step.reason)"
          print("  \(Text.time(step.atUs))  \(Text.state(step.toState))\(reason)")
        }
      }
    }
  }

  struct Move: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Move a session to another state.")

    enum State: String, ExpressibleByArgument, CaseIterable {
      case active, paused, completed, failed, cancelled
      var value: V1.SessionState {
        switch self {
        case .active: .active
        case .paused: .paused
        case .completed: .completed
        case .failed: .failed
        case .cancelled: .cancelled
        }
      }
    }

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Argument(help: "active, paused, completed, failed or cancelled.") var state: State
    @Argument(help: "Why; needed for failed and cancelled.") var reason = ""

    func run() async throws {
      let request = V1.TransitionSessionRequest(
        scope: who.scope, sessionID: id, state: state.value, reason: reason)
      let answer = try await server.withClient { try await $0.sessions.transitionSession(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(Text.session(answer.session))
    }
  }

  struct Heartbeat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say that a session is alive.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Option(name: .customLong("timeout-ms"), help: "A new time-out; 0: none.") var timeoutMs: Int64?

    func run() async throws {
      let request = V1.HeartbeatSessionRequest(scope: who.scope, sessionID: id, timeoutMs: timeoutMs)
      let answer = try await server.withClient { try await $0.sessions.heartbeatSession(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(answer.expiresAtUs == 0 ? "never expires" : "expires \(Text.time(answer.expiresAtUs))")
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Set or remove variables, all or none.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Argument(help: "NAME=VALUE to set, NAME to remove.") var variables: [Assignment]

    func run() async throws {
      let request = V1.SetVariablesRequest(
        scope: who.scope, sessionID: id, variables: variables.map(\.change))
      let answer = try await server.withClient { try await $0.sessions.setVariables(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("version \(answer.version)  \(Text.position(answer.position))")
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Delete a session with its variables and snapshots.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Flag(name: .customLong("with-context"), help: "And its messages.") var withContext = false

    func run() async throws {
      let request = V1.DeleteSessionRequest(scope: who.scope, sessionID: id, deleteContext: withContext)
      let answer = try await server.withClient { try await $0.sessions.deleteSession(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("deleted, \(answer.messagesDeleted) messages  \(Text.position(answer.position))")
    }
  }
}

/// NAME=VALUE, or NAME alone for what is to go.
struct Assignment: ExpressibleByArgument {
  let change: V1.VariableChange

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "=") else {
      change = V1.VariableChange(name: argument, remove: true)
      return
    }
    change = V1.VariableChange(
      name: String(argument[..<equals]), value: String(argument[argument.index(after: equals)...]))
  }
}

extension Text {
  static func state(_ state: V1.SessionState) -> String {
    switch state {
    case .created: "created"
    case .active: "active"
    case .paused: "paused"
    case .completed: "completed"
    case .failed: "failed"
    case .cancelled: "cancelled"
    case .expired: "expired"
    default: "?"
    }
  }

  static func session(_ session: V1.Session?) -> String {
    guard let session else { return "" }
    let title = session.title.isEmpty ? "" : "  \(line(session.title, 40))"
    let snapshots = session.snapshotCount == 0 ? "" : "  \(session.snapshotCount) snapshots"
    return "\(session.id)  \(state(session.state))  version \(session.version)\(snapshots)\(title)"
  }
}
