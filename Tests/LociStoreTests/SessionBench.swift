import GRDB
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import Testing

/// A store with the calls that the tests of sessions make, all of one agent.
final class SessionBench: Sendable {
  let store: TestStore
  let scope: Scope

  init(path: String? = nil) throws {
    store = try TestStore(path: path, shards: 1)
    scope = try Scope(tenant: "t", agent: "a")
  }

  func submit<C: Command>(_ command: C) async throws -> C.Answer {
    try await store.store.shard(of: scope).submit(command)
  }

  func create(
    _ id: String, context: String = "", parent: String = "", timeoutMs: Int64 = 0, activate: Bool = true,
    variables: [String: String] = [:]
  ) async throws -> V1.Session? {
    let request = V1.CreateSessionRequest(
      id: id, contextID: context, parentID: parent, timeoutMs: timeoutMs,
      variables: variables.map { V1.VariableChange(name: $0.key, value: $0.value) }, activate: activate)
    let answer = try await submit(CreateSession(request, scope: scope, key: nil, ids: store.ids)).session
    #expect(try await session(id) == answer)
    return answer
  }

  func move(_ id: String, to state: SessionState, _ reason: String) async throws -> V1.Session {
    let request = V1.TransitionSessionRequest(sessionID: id, state: state.onWire, reason: reason)
    return try #require(try await submit(TransitionSession(request, scope: scope, key: nil)).session)
  }

  func heartbeat(_ id: String, timeoutMs: Int64? = nil) async throws -> V1.HeartbeatSessionResponse {
    try await submit(
      HeartbeatSession(
        V1.HeartbeatSessionRequest(sessionID: id, timeoutMs: timeoutMs), scope: scope, key: nil))
  }

  func delete(_ id: String, context: Bool) async throws -> V1.DeleteSessionResponse {
    try await submit(
      DeleteSession(
        V1.DeleteSessionRequest(sessionID: id, deleteContext: context), scope: scope, key: nil))
  }

  func deleteContext(_ id: String) async throws -> V1.DeleteContextResponse {
    try await submit(DeleteContext(V1.DeleteContextRequest(contextID: id), scope: scope, key: nil))
  }

  /// `nil` removes. Returns the version.
  func set(
    _ id: String, _ values: [String: String?], expecting: [String: UInt64] = [:]
  ) async throws -> UInt64 {
    let changes = values.map { name, value in
      V1.VariableChange(
        name: name, value: value ?? "", remove: value == nil, expectedVersion: expecting[name])
    }
    let request = V1.SetVariablesRequest(sessionID: id, variables: changes)
    return try await submit(SetVariables(request, scope: scope, key: nil)).version
  }

  func snapshot(_ id: String, _ name: String) async throws -> V1.Snapshot {
    let request = V1.TakeSnapshotRequest(sessionID: id, id: name, label: "label of \(name)")
    return try #require(
      try await submit(TakeSnapshot(request, scope: scope, key: nil, ids: store.ids)).snapshot)
  }

  func rollback(_ id: String, to snapshot: String) async throws -> V1.RollbackSessionResponse {
    let answer = try await submit(
      RollbackSession(
        V1.RollbackSessionRequest(sessionID: id, snapshotID: snapshot), scope: scope, key: nil,
        ids: store.ids))
    #expect(try await session(id) == answer.session)
    return answer
  }

  func fork(_ id: String, from snapshot: String, as new: String) async throws -> V1.ForkSessionResponse {
    let answer = try await submit(
      ForkSession(
        V1.ForkSessionRequest(sessionID: id, snapshotID: snapshot, id: new), scope: scope, key: nil,
        ids: store.ids))
    #expect(try await session(new) == answer.session)
    return answer
  }

  func prune(
    _ id: String, these: [String] = [], keepNewest: UInt32 = 0
  ) async throws -> V1.PruneSnapshotsResponse {
    try await submit(
      PruneSnapshots(
        V1.PruneSnapshotsRequest(sessionID: id, snapshotIDs: these, keepNewest: keepNewest), scope: scope,
        key: nil))
  }

  func addMemory(_ text: String, id: String, context: String) async throws {
    let request = V1.AddMemoriesRequest(
      memories: [V1.MemoryDraft(id: id, text: text, contextID: context)])
    _ = try await submit(AddMemories(request, scope: scope, key: nil, ids: store.ids, encoder: nil))
  }

  func changeMemory(_ id: String, to text: String) async throws {
    _ = try await submit(
      UpdateMemory(V1.UpdateMemoryRequest(memoryID: id, text: text), scope: scope, key: nil))
  }

  func deleteMemory(_ id: String) async throws {
    _ = try await submit(
      DeleteMemories(V1.DeleteMemoriesRequest(memoryIDs: [id]), scope: scope, key: nil))
  }

  func deleteMessages(_ ids: [String]) async throws {
    _ = try await submit(
      DeleteMessages(V1.DeleteMessagesRequest(messageIDs: ids), scope: scope, key: nil))
  }

  func forkContext(_ id: String, as new: String, at number: UInt64 = 0) async throws -> V1.Context? {
    try await submit(
      ForkContext(
        V1.ForkContextRequest(contextID: id, atNumber: number, id: new), scope: scope, key: nil,
        ids: store.ids)
    ).context
  }

  func pin(_ id: String, in context: String, unpin: Bool = false) async throws {
    let request = V1.PinMessagesRequest(contextID: context, messageIDs: [id], unpin: unpin)
    let answer = try await submit(PinMessages(request, scope: scope, key: nil))
    #expect(answer.changed == 1)
  }

  // MARK: Reads

  func session(_ id: String) async throws -> V1.Session {
    try await store.store.shard(of: scope).read { [scope] db in
      try SessionQueries.get(SessionID(unchecked: id), scope: scope, in: db).session
    }
  }

  func list(_ request: V1.ListSessionsRequest) async throws -> [V1.Session] {
    let list = try SessionList(request)
    return try await store.store.shard(of: scope).read { [scope] db in
      try SessionQueries.list(list, scope: scope, in: db).sessions
    }
  }

  func transitions(_ id: String) async throws -> [V1.SessionTransition] {
    try await store.store.shard(of: scope).read { [scope] db in
      let session = try SessionQueries.get(SessionID(unchecked: id), scope: scope, in: db)
      return try SessionQueries.transitions(of: session, page: PageRequest(nil), in: db).transitions
    }
  }

  func variableList(_ id: String) async throws -> [V1.Variable] {
    try await state(id).variables
  }

  func variables(_ id: String) async throws -> [String: String] {
    Dictionary(uniqueKeysWithValues: try await variableList(id).map { ($0.name, $0.value) })
  }

  /// All that a session holds at a snapshot, or now.
  struct State: Equatable {
    var state: V1.SessionState
    var messages: [V1.Message]
    var variables: [V1.Variable]
    var memories: [V1.Memory]

    /// Without what counts on by design: versions and times of changes.
    var content: Content {
      Content(
        state: state,
        messages: messages.map { "\($0.number) \($0.id) \($0.role.rawValue) \($0.text) \($0.pinned)" },
        variables: Dictionary(uniqueKeysWithValues: variables.map { ($0.name, $0.value) }),
        memories: Dictionary(uniqueKeysWithValues: memories.map { ($0.id, $0.text) }))
    }
  }

  struct Content: Equatable {
    var state: V1.SessionState
    var messages: [String]
    var variables: [String: String]
    var memories: [String: String]
  }

  func state(_ id: String, at snapshot: String? = nil) async throws -> State {
    try await store.store.shard(of: scope).read { [scope] db in
      let session = try SessionQueries.get(SessionID(unchecked: id), scope: scope, in: db)
      let view = try SnapshotView(snapshot.map { SnapshotID(unchecked: $0) }, orNowOf: session, in: db)
      let cursor = try view.messages(in: db)
      var messages: [V1.Message] = []
      while let message = try cursor.next() { messages.append(message) }
      return State(
        state: view.state.onWire, messages: messages, variables: try view.variables(in: db),
        memories: try view.memoryList(in: db))
    }
  }

  func diff(_ id: String, from: String, to: String? = nil) async throws -> V1.DiffSnapshotsResponse {
    try await store.store.shard(of: scope).read { [scope] db in
      let session = try SessionQueries.get(SessionID(unchecked: id), scope: scope, in: db)
      return try SnapshotDiff.between(
        SnapshotView(SnapshotID(unchecked: from), of: session, in: db),
        SnapshotView(to.map { SnapshotID(unchecked: $0) }, orNowOf: session, in: db), in: db)
    }
  }

  /// Rows that are kept for snapshots.
  func keptRows() async throws -> Int {
    try await store.store.shard(of: scope).read { db in
      try ["kept_messages", "kept_memories", "kept_variables"].reduce(0) {
        try $0 + (Int.fetchOne(db, sql: "SELECT count(*) FROM \($1)") ?? 0)
      }
    }
  }

  /// Every table is what the log says.
  func checkRebuild() async throws {
    for shard in store.store.shards {
      let report = try await store.store.verifyByRebuilding(shard, workers: store.workers)
      #expect(report.differences == [])
    }
  }
}
