import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

extension SessionCommand {
  struct Snapshot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Mark the present state, so that it can be returned to.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Argument(help: "What to call it.") var label = ""

    func run() async throws {
      let request = V1.TakeSnapshotRequest(scope: who.scope, sessionID: id, label: label)
      let answer = try await server.withClient { try await $0.sessions.takeSnapshot(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(Text.snapshot(answer.snapshot))
    }
  }

  struct Snapshots: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The session's snapshots, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: Int32 = 20

    func run() async throws {
      let request = V1.ListSnapshotsRequest(scope: who.scope, sessionID: id, page: V1.Page(size: count))
      let answer = try await server.withClient { try await $0.sessions.listSnapshots(request) }
      if server.json { return try JSONOutput.print(answer) }
      for snapshot in answer.snapshots { print(Text.snapshot(snapshot)) }
    }
  }

  struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What changed from one snapshot to another, or to the present.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Argument(help: "The snapshot to begin with.") var from: String
    @Argument(help: "The other; none: the present.") var to = ""

    func run() async throws {
      let request = V1.DiffSnapshotsRequest(
        scope: who.scope, sessionID: id, fromSnapshotID: from, toSnapshotID: to)
      let answer = try await server.withClient { try await $0.sessions.diffSnapshots(request) }
      if server.json { return try JSONOutput.print(answer) }
      if answer.fromState != answer.toState {
        print("state      \(Text.state(answer.fromState)) → \(Text.state(answer.toState))")
      }
      for message in answer.messagesRemoved { print("- message  #\(message.number)  \(message.id)") }
      for message in answer.messagesAdded { print("+ message  #\(message.number)  \(message.id)") }
      for variable in answer.variables {
        if variable.had { print("- variable \(variable.name) = \(Text.line(variable.before))") }
        if variable.has { print("+ variable \(variable.name) = \(Text.line(variable.after))") }
      }
      for memory in answer.memoriesRemoved { print("- memory   \(memory)") }
      for memory in answer.memoriesAdded { print("+ memory   \(memory)") }
      for memory in answer.memoriesChanged { print("~ memory   \(memory)") }
    }
  }

  struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Return to a snapshot: messages, variables, memories and state.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Argument(help: "The snapshot's id.") var snapshot: String
    @Argument(help: "Why.") var reason = ""

    func run() async throws {
      let request = V1.RollbackSessionRequest(
        scope: who.scope, sessionID: id, snapshotID: snapshot, reason: reason)
      let answer = try await server.withClient { try await $0.sessions.rollbackSession(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(Text.session(answer.session))
      print(
        """
        messages  \(answer.messagesRemoved) removed, \(answer.messagesRestored) restored
        memories  \(answer.memoriesRemoved) removed, \(answer.memoriesRestored) restored
        variables \(answer.variablesChanged) changed
        undo      loci session rollback \(id) \(answer.undoSnapshotID)
        """)
    }
  }

  struct Fork: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A new session that begins where a snapshot, or the present, of another is.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Option(help: "The snapshot to begin with; none: the present.") var from = ""
    @Option(name: .customLong("as"), help: "The new session's id; none: one is made.") var newID = ""

    func run() async throws {
      let request = V1.ForkSessionRequest(scope: who.scope, sessionID: id, snapshotID: from, id: newID)
      let answer = try await server.withClient { try await $0.sessions.forkSession(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("\(Text.session(answer.session))  \(answer.messagesCopied) messages")
    }
  }

  struct Prune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Remove snapshots.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Argument(help: "These snapshots.") var snapshots: [String] = []
    @Option(name: .customLong("keep"), help: "All but so many of the newest.") var keepNewest: UInt32 = 0

    func run() async throws {
      let request = V1.PruneSnapshotsRequest(
        scope: who.scope, sessionID: id, snapshotIDs: snapshots, keepNewest: keepNewest)
      let answer = try await server.withClient { try await $0.sessions.pruneSnapshots(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("\(answer.snapshotsRemoved) removed  \(Text.position(answer.position))")
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "All that a snapshot, or the present, holds, as JSON lines.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The session's id.") var id: String
    @Argument(help: "The snapshot's id; none: the present.") var snapshot = ""

    func run() async throws {
      try await server.withClient { client in
        let request = V1.ExportSnapshotRequest(scope: who.scope, sessionID: id, snapshotID: snapshot)
        for try await piece in client.sessions.exportSnapshot(request) {
          if let session = piece.session { try JSONOutput.print(["session": session]) }
          if let snapshot = piece.snapshot { try JSONOutput.print(["snapshot": snapshot]) }
          for variable in piece.variables { try JSONOutput.print(["variable": variable]) }
          for message in piece.messages { try JSONOutput.print(["message": message]) }
          for memory in piece.memories { try JSONOutput.print(["memory": memory]) }
        }
      }
    }
  }
}

extension Text {
  static func snapshot(_ snapshot: V1.Snapshot?) -> String {
    guard let snapshot else { return "" }
    let label = snapshot.label.isEmpty ? "" : "  \(line(snapshot.label, 40))"
    let holds =
      "\(snapshot.messageCount) messages, \(snapshot.memoryCount) memories, \(snapshot.variableCount) variables"
    return "\(snapshot.id)  \(time(snapshot.createdAtUs))  \(state(snapshot.state))  \(holds)\(label)"
  }
}
