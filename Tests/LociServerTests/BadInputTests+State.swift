import LociClient
import LociProto

/// What can be wrong with calls about branches, sessions and checkpoints.
extension BadInputTests {
  private static let bad = "INVALID_FIELD"
  private static let refused = "FAILED_PRECONDITION"
  private static let unknown = "NOT_FOUND"

  /// One session that runs, with a variable and a snapshot, and one that has ended.
  static func prepareSessions(_ client: LociClient) async throws {
    _ = try await client.sessions.createSession(
      V1.CreateSessionRequest(
        scope: scope, id: "running", variables: [V1.VariableChange(name: "x", value: "1")], activate: true))
    _ = try await client.sessions.takeSnapshot(
      V1.TakeSnapshotRequest(scope: scope, sessionID: "running", id: "p"))
    _ = try await client.sessions.createSession(
      V1.CreateSessionRequest(scope: scope, id: "ended", activate: true))
    _ = try await client.sessions.transitionSession(
      V1.TransitionSessionRequest(scope: scope, sessionID: "ended", state: .completed))
  }

  static var branchCases: [Case] {
    func context(_ name: String, _ method: String, _ request: some WireMessage, _ code: Int, _ reason: String)
      -> Case
    { call(name, "ContextService", method, request, code, reason) }
    let text = String(repeating: "x", count: 1_025)
    return [
      context(
        "a context of type 9", "CreateContext",
        V1.CreateContextRequest(scope: scope, id: "t", type: V1.ContextType(rawValue: 9)), invalid, bad),
      context(
        "an append to a version that is past", "Append",
        V1.AppendRequest(
          scope: scope, contextID: "known", messages: [V1.MessageDraft(role: .user, text: "x")],
          expectedVersion: 1), precondition, refused),
      context(
        "an append to a context that must not exist", "Append",
        V1.AppendRequest(
          scope: scope, contextID: "known", messages: [V1.MessageDraft(role: .user, text: "x")],
          createContext: true, expectedVersion: 0), precondition, refused),
      context(
        "1 MiB and a byte beside a message", "Append",
        V1.AppendRequest(
          scope: scope, contextID: "known",
          messages: [V1.MessageDraft(role: .user, data: [UInt8](repeating: 1, count: 1 << 20 | 1))]), invalid,
        bad),
      context(
        "an update of an unknown context", "UpdateContext",
        V1.UpdateContextRequest(scope: scope, contextID: "unknown", title: "x"), notFound, unknown),
      context(
        "a title that is too long", "UpdateContext",
        V1.UpdateContextRequest(scope: scope, contextID: "known", title: text), invalid, bad),
      context(
        "an update of a version that is past", "UpdateContext",
        V1.UpdateContextRequest(scope: scope, contextID: "known", title: "x", expectedVersion: 99),
        precondition, refused),
      context(
        "a pin without messages", "PinMessages", V1.PinMessagesRequest(scope: scope, contextID: "known"),
        invalid, bad),
      context(
        "a pin of an unknown message", "PinMessages",
        V1.PinMessagesRequest(scope: scope, contextID: "known", messageIDs: ["unknown"]), notFound, unknown),
      context(
        "a fork of an unknown context", "ForkContext",
        V1.ForkContextRequest(scope: scope, contextID: "unknown"), notFound, unknown),
      context(
        "a fork at a message to come", "ForkContext",
        V1.ForkContextRequest(scope: scope, contextID: "known", atNumber: 99), invalid, bad),
      context(
        "a fork at the last number there is", "ForkContext",
        V1.ForkContextRequest(scope: scope, contextID: "known", atNumber: .max), invalid, bad),
      context(
        "a fork under a name that is taken", "ForkContext",
        V1.ForkContextRequest(scope: scope, contextID: "known", id: "running"), exists, "ALREADY_EXISTS"),
      context(
        "branches of an unknown context", "ListBranches",
        V1.ListBranchesRequest(scope: scope, contextID: "unknown"), notFound, unknown),
      context(
        "a merge of what is no branch", "MergeBranch",
        V1.MergeBranchRequest(scope: scope, contextID: "known"), precondition, refused),
      context(
        "a summary that is missing", "MergeBranch",
        V1.MergeBranchRequest(scope: scope, contextID: "known", mode: .summary), invalid, bad),
      context(
        "merge mode 9", "MergeBranch",
        V1.MergeBranchRequest(scope: scope, contextID: "known", mode: V1.MergeMode(rawValue: 9)), invalid, bad
      ),
      context(
        "no budget", "AssembleContext", V1.AssembleContextRequest(scope: scope, contextID: "known"), invalid,
        bad),
      context(
        "a share of 2", "AssembleContext",
        V1.AssembleContextRequest(scope: scope, contextID: "known", tokenBudget: 9, memoryShare: 2), invalid,
        bad),
      context(
        "a share that is no number", "AssembleContext",
        V1.AssembleContextRequest(scope: scope, contextID: "known", tokenBudget: 9, memoryShare: .nan),
        invalid, bad),
      context(
        "tokens of an encoder that is not there", "AssembleContext",
        V1.AssembleContextRequest(scope: scope, contextID: "known", tokenBudget: 9, counter: .encoder),
        precondition, refused),
      context(
        "assembling an unknown context", "AssembleContext",
        V1.AssembleContextRequest(scope: scope, contextID: "unknown", tokenBudget: 9), notFound, unknown),
      context(
        "a session's context deleted without it", "DeleteContext",
        V1.DeleteContextRequest(scope: scope, contextID: "running"), precondition, refused),
      call(
        "the state of an unknown session", "StateService", "GetCurrent",
        V1.GetCurrentRequest(scope: scope, sessionID: "unknown"), notFound, unknown),
      call(
        "1,001 messages of the state", "StateService", "GetCurrent",
        V1.GetCurrentRequest(scope: scope, messageLimit: 1_001), invalid, bad)
    ]
  }

  static var sessionCases: [Case] {
    func session(_ name: String, _ method: String, _ request: some WireMessage, _ code: Int, _ reason: String)
      -> Case
    { call(name, "SessionService", method, request, code, reason) }
    func variable(_ name: String, _ change: V1.VariableChange, _ code: Int, _ reason: String) -> Case {
      session(
        name, "SetVariables",
        V1.SetVariablesRequest(scope: scope, sessionID: "running", variables: [change]), code, reason)
    }
    func move(_ name: String, _ state: V1.SessionState, _ reason: String, _ code: Int, _ cause: String)
      -> Case
    {
      session(
        name, "TransitionSession",
        V1.TransitionSessionRequest(scope: scope, sessionID: "running", state: state, reason: reason), code,
        cause)
    }
    return [
      session(
        "a session that exists", "CreateSession", V1.CreateSessionRequest(scope: scope, id: "running"),
        exists,
        "ALREADY_EXISTS"),
      session(
        "a session over another's context", "CreateSession",
        V1.CreateSessionRequest(scope: scope, contextID: "running"), precondition, refused),
      session(
        "a child of nobody", "CreateSession", V1.CreateSessionRequest(scope: scope, parentID: "unknown"),
        notFound, unknown),
      session(
        "a time-out of -1", "CreateSession", V1.CreateSessionRequest(scope: scope, timeoutMs: -1), invalid,
        bad),
      session(
        "an endless time-out", "CreateSession", V1.CreateSessionRequest(scope: scope, timeoutMs: .max),
        invalid,
        bad),
      session(
        "an unknown session", "GetSession", V1.GetSessionRequest(scope: scope, sessionID: "unknown"),
        notFound,
        unknown),
      session(
        "another agent's session", "GetSession",
        V1.GetSessionRequest(scope: V1.Scope(tenant: "t", agent: "b"), sessionID: "running"), notFound,
        unknown),
      session(
        "sessions in state 99", "ListSessions",
        V1.ListSessionsRequest(scope: scope, states: [V1.SessionState(rawValue: 99)]), invalid, bad),
      move("a move to no state", .unspecified, "r", invalid, bad),
      move("a move back to CREATED", .created, "r", invalid, bad),
      move("a move to EXPIRED", .expired, "r", invalid, bad),
      move("a move to where it is", .active, "r", precondition, refused),
      move("a failure without a reason", .failed, "", invalid, bad),
      session(
        "a move of what has ended", "TransitionSession",
        V1.TransitionSessionRequest(scope: scope, sessionID: "ended", state: .active), precondition, refused),
      session(
        "a heartbeat of what has ended", "HeartbeatSession",
        V1.HeartbeatSessionRequest(scope: scope, sessionID: "ended"), precondition, refused),
      session(
        "no variables", "SetVariables", V1.SetVariablesRequest(scope: scope, sessionID: "running"), invalid,
        bad),
      variable("a variable without a name", V1.VariableChange(value: "1"), invalid, bad),
      variable(
        "a variable of 256 KiB and a byte",
        V1.VariableChange(name: "x", value: String(repeating: "v", count: 256 << 10 | 1)), invalid, bad),
      variable(
        "a value for what is removed", V1.VariableChange(name: "x", value: "1", remove: true), invalid, bad),
      variable(
        "a version that is past", V1.VariableChange(name: "x", value: "2", expectedVersion: 77), precondition,
        refused),
      variable(
        "a variable that must not exist", V1.VariableChange(name: "x", value: "2", expectedVersion: 0),
        precondition, refused),
      session(
        "a variable twice", "SetVariables",
        V1.SetVariablesRequest(
          scope: scope, sessionID: "running",
          variables: [V1.VariableChange(name: "x", value: "2"), V1.VariableChange(name: "x", value: "3")]),
        invalid, bad),
      session(
        "variables of what has ended", "SetVariables",
        V1.SetVariablesRequest(
          scope: scope, sessionID: "ended", variables: [V1.VariableChange(name: "x", value: "2")]),
        precondition, refused),
      session(
        "a snapshot that exists", "TakeSnapshot",
        V1.TakeSnapshotRequest(scope: scope, sessionID: "running", id: "p"), exists, "ALREADY_EXISTS"),
      session(
        "a diff from nowhere", "DiffSnapshots",
        V1.DiffSnapshotsRequest(scope: scope, sessionID: "running", fromSnapshotID: "unknown"), notFound,
        unknown),
      session(
        "pruning in no way", "PruneSnapshots", V1.PruneSnapshotsRequest(scope: scope, sessionID: "running"),
        invalid, bad),
      session(
        "pruning in two ways", "PruneSnapshots",
        V1.PruneSnapshotsRequest(scope: scope, sessionID: "running", snapshotIDs: ["p"], keepNewest: 1),
        invalid, bad),
      session(
        "a rollback to nowhere", "RollbackSession",
        V1.RollbackSessionRequest(scope: scope, sessionID: "running", snapshotID: "unknown"), notFound,
        unknown),
      session(
        "a rollback of a version that is past", "RollbackSession",
        V1.RollbackSessionRequest(scope: scope, sessionID: "running", snapshotID: "p", expectedVersion: 77),
        precondition, refused),
      session(
        "a fork of nowhere", "ForkSession",
        V1.ForkSessionRequest(scope: scope, sessionID: "running", snapshotID: "unknown"), notFound, unknown),
      session(
        "a fork under a name that is taken", "ForkSession",
        V1.ForkSessionRequest(scope: scope, sessionID: "running", id: "ended"), exists, "ALREADY_EXISTS"),
      session(
        "an unknown session deleted", "DeleteSession",
        V1.DeleteSessionRequest(scope: scope, sessionID: "unknown"), notFound, unknown)
    ]
  }

  static var checkpointCases: [Case] {
    let value = V1.TypedValue(type: "b", data: [1])
    func put(_ name: String, _ edit: (inout V1.Checkpoint) -> Void) -> Case {
      var checkpoint = V1.Checkpoint(threadID: "t", id: "1", state: value, metadata: value)
      edit(&checkpoint)
      return call(
        name, "CheckpointService", "PutCheckpoint",
        V1.PutCheckpointRequest(scope: scope, checkpoint: checkpoint), invalid, bad)
    }
    func write(_ name: String, _ edit: (inout V1.TaskWrite) -> Void) -> Case {
      var write = V1.TaskWrite(taskID: "k", channel: "c", value: value)
      edit(&write)
      return call(
        name, "CheckpointService", "PutWrites",
        V1.PutWritesRequest(scope: scope, threadID: "t", checkpointID: "1", writes: [write]), invalid, bad)
    }
    return [
      put("a checkpoint of no thread") { $0.threadID = "" },
      put("a checkpoint without an id") { $0.id = "" },
      put("a checkpoint without a state") { $0.state = nil },
      put("a namespace of 513 bytes") { $0.namespacePath = String(repeating: "n", count: 513) },
      put("a channel twice") {
        $0.channels = [V1.Channel(name: "c", version: "1"), V1.Channel(name: "c", version: "2")]
      },
      put("a channel without a version") { $0.channels = [V1.Channel(name: "c")] },
      put("1,025 channels") { $0.channels = (0..<1_025).map { V1.Channel(name: "c\($0)", version: "1") } },
      write("a write of no task") { $0.taskID = "" },
      write("a write to no channel") { $0.channel = "" },
      write("a write of nothing") { $0.value = nil },
      call(
        "no threads to delete", "CheckpointService", "DeleteThreads", V1.DeleteThreadsRequest(scope: scope),
        invalid, bad),
      call(
        "an empty run", "CheckpointService", "DeleteRuns", V1.DeleteRunsRequest(scope: scope, runIDs: [""]),
        invalid, bad),
      call(
        "a copy to nowhere", "CheckpointService", "CopyThread",
        V1.CopyThreadRequest(scope: scope, sourceThreadID: "t"), invalid, bad),
      call(
        "no threads to prune", "CheckpointService", "PruneThreads", V1.PruneThreadsRequest(scope: scope),
        invalid, bad)
    ]
  }
}
