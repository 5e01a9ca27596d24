import LociCore
import LociProto
import LociRecall
import LociSession
import LociStore
import LociWire

/// Sessions on the wire: decode, call, encode.
struct SessionService: SessionServiceProvider {
  let node: NodeParts

  // MARK: Life

  func createSession(
    _ request: V1.CreateSessionRequest, _ call: CallContext
  ) async throws -> V1.CreateSessionResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try CreateSession(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }

  func getSession(_ request: V1.GetSessionRequest, _ call: CallContext) async throws -> V1.GetSessionResponse
  {
    let scope = try request.checkedScope()
    let id = try SessionID(validating: request.sessionID)
    return try await node.read(scope, request.consistency) { db, _ in
      V1.GetSessionResponse(session: try SessionQueries.get(id, scope: scope, in: db).session)
    }
  }

  func listSessions(
    _ request: V1.ListSessionsRequest, _ call: CallContext
  ) async throws -> V1.ListSessionsResponse {
    let scope = try request.checkedScope()
    let list = try SessionList(request)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try SessionQueries.list(list, scope: scope, in: db)
      return V1.ListSessionsResponse(sessions: found.sessions, page: found.page)
    }
  }

  func transitionSession(
    _ request: V1.TransitionSessionRequest, _ call: CallContext
  ) async throws -> V1.TransitionSessionResponse {
    let scope = try request.checkedScope()
    return try await node.write(try TransitionSession(request, scope: scope, key: request.requestKey()))
  }

  func heartbeatSession(
    _ request: V1.HeartbeatSessionRequest, _ call: CallContext
  ) async throws -> V1.HeartbeatSessionResponse {
    let scope = try request.checkedScope()
    return try await node.write(try HeartbeatSession(request, scope: scope, key: request.requestKey()))
  }

  func listTransitions(
    _ request: V1.ListTransitionsRequest, _ call: CallContext
  ) async throws -> V1.ListTransitionsResponse {
    let scope = try request.checkedScope()
    let id = try SessionID(validating: request.sessionID)
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let session = try SessionQueries.get(id, scope: scope, in: db)
      let found = try SessionQueries.transitions(of: session, page: page, in: db)
      return V1.ListTransitionsResponse(transitions: found.transitions, page: found.page)
    }
  }

  func deleteSession(
    _ request: V1.DeleteSessionRequest, _ call: CallContext
  ) async throws -> V1.DeleteSessionResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DeleteSession(request, scope: scope, key: request.requestKey()))
  }

  // MARK: Variables

  func setVariables(
    _ request: V1.SetVariablesRequest, _ call: CallContext
  ) async throws -> V1.SetVariablesResponse {
    let scope = try request.checkedScope()
    return try await node.write(try SetVariables(request, scope: scope, key: request.requestKey()))
  }

  func getVariables(
    _ request: V1.GetVariablesRequest, _ call: CallContext
  ) async throws -> V1.GetVariablesResponse {
    let scope = try request.checkedScope()
    let id = try SessionID(validating: request.sessionID)
    let page = try PageRequest(request.page)
    try Validate.count(request.names.count, field: "names", in: 0...SessionLimits.variablesPerCall)
    for name in request.names { try Validate.name(name, field: "names") }
    return try await node.read(scope, request.consistency) { db, _ in
      let session = try SessionQueries.get(id, scope: scope, in: db)
      var answer = V1.GetVariablesResponse(version: session.session.version)
      if request.names.isEmpty {
        (answer.variables, answer.page) = try SessionQueries.variables(of: session.row, page: page, in: db)
      } else {
        answer.variables = try SessionQueries.variables(request.names, of: session.row, in: db)
      }
      return answer
    }
  }

  // MARK: Snapshots

  func takeSnapshot(
    _ request: V1.TakeSnapshotRequest, _ call: CallContext
  ) async throws -> V1.TakeSnapshotResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try TakeSnapshot(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }

  func listSnapshots(
    _ request: V1.ListSnapshotsRequest, _ call: CallContext
  ) async throws -> V1.ListSnapshotsResponse {
    let scope = try request.checkedScope()
    let id = try SessionID(validating: request.sessionID)
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, position in
      let session = try SessionQueries.get(id, scope: scope, in: db)
      let found = try SnapshotQueries.list(of: session, shard: position.shard, page: page, in: db)
      return V1.ListSnapshotsResponse(snapshots: found.snapshots, page: found.page)
    }
  }

  func diffSnapshots(
    _ request: V1.DiffSnapshotsRequest, _ call: CallContext
  ) async throws -> V1.DiffSnapshotsResponse {
    let scope = try request.checkedScope()
    let id = try SessionID(validating: request.sessionID)
    let from = try SnapshotID(validating: request.fromSnapshotID)
    let to = try optionalSnapshot(request.toSnapshotID)
    return try await node.read(scope, request.consistency) { db, _ in
      let session = try SessionQueries.get(id, scope: scope, in: db)
      return try SnapshotDiff.between(
        SnapshotView(from, of: session, in: db), SnapshotView(to, orNowOf: session, in: db), in: db)
    }
  }

  func pruneSnapshots(
    _ request: V1.PruneSnapshotsRequest, _ call: CallContext
  ) async throws -> V1.PruneSnapshotsResponse {
    let scope = try request.checkedScope()
    return try await node.write(try PruneSnapshots(request, scope: scope, key: request.requestKey()))
  }

  func exportSnapshot(
    _ request: V1.ExportSnapshotRequest, _ call: CallContext,
    _ responses: ResponseStream<V1.ExportSnapshotResponse>
  ) async throws {
    let scope = try request.checkedScope()
    let id = try SessionID(validating: request.sessionID)
    let snapshot = try optionalSnapshot(request.snapshotID)
    var export = SnapshotExport()
    while let place = export.next {
      try call.checkCancellation()
      let (chunk, next) = try await node.read(scope, request.consistency) { db, _ in
        let session = try SessionQueries.get(id, scope: scope, in: db)
        return try SnapshotExport.chunk(
          at: place, of: SnapshotView(snapshot, orNowOf: session, in: db), in: db)
      }
      if let chunk { try await responses.send(chunk) }
      export.next = next
    }
  }

  func rollbackSession(
    _ request: V1.RollbackSessionRequest, _ call: CallContext
  ) async throws -> V1.RollbackSessionResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try RollbackSession(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }

  func forkSession(
    _ request: V1.ForkSessionRequest, _ call: CallContext
  ) async throws -> V1.ForkSessionResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try ForkSession(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }

  private func optionalSnapshot(_ id: String) throws(LociError) -> SnapshotID? {
    id.isEmpty ? nil : try SnapshotID(validating: id)
  }
}
