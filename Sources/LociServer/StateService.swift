import GRDB
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import LociWire

/// The state bus on the wire.
struct StateService: StateServiceProvider {
  let node: NodeParts
  let gate: Gate

  func getCurrent(_ request: V1.GetCurrentRequest, _ call: CallContext) async throws -> V1.GetCurrentResponse
  {
    let scope = try request.checkedScope()
    let current = try CurrentState(request)
    let now = node.clock.now()
    guard !request.query.isEmpty else {
      return try await node.read(scope, request.consistency) { db, position in
        var answer = try current.read(scope: scope, at: position, in: db)
        answer.memories = try current.newestMemories(
          of: answer.context, scope: scope, now: now, in: db)
        return answer
      }
    }
    // The rest is read where the search reads: one snapshot, one position.
    let search = try SearchRequest(
      text: request.query, embedding: [], limit: Int32(current.memoryLimit), mode: .hybrid, weights: nil,
      filter: nil, waitForIndex: request.waitForIndex, encoder: node.encoderIdentity)
    let shard = node.store.shard(of: scope).id
    let outcome = try await node.search(
      search, scope: scope, source: MemorySource(), consistency: request.consistency, call: call
    ) { scopeRow, db in
      try MemoryQueries.allowed(by: search.filter, scopeRow: scopeRow, now: now, in: db)
    } fetch: { items, db in
      let position = V1.Position(try ScopeQueries.position(shard: shard, in: db))
      return (
        try current.read(scope: scope, at: position, in: db),
        try MemoryQueries.memories(items, now: now, in: db)
      )
    }
    var answer = outcome.items.0
    answer.memories = outcome.ranked.compactMap { ranked in
      outcome.items.1.byItem[ranked.item].map { V1.MemoryHit(memory: $0, score: ranked.score) }
    }
    return answer
  }
}

/// What `GetCurrent` reads, checked.
private struct CurrentState: Sendable {
  let contextID: ContextID?
  let sessionID: SessionID?
  let messageLimit: Int
  let memoryLimit: Int
  let sessionLimit: Int32

  init(_ request: V1.GetCurrentRequest) throws(LociError) {
    contextID = request.contextID.isEmpty ? nil : try ContextID(validating: request.contextID)
    sessionID = request.sessionID.isEmpty ? nil : try SessionID(validating: request.sessionID)
    messageLimit = try Self.limit(request.messageLimit, "message_limit", default: 20, max: 1_000)
    memoryLimit = try Self.limit(request.memoryLimit, "memory_limit", default: 10, max: 100)
    sessionLimit = Int32(try Self.limit(request.sessionLimit, "session_limit", default: 10, max: 100))
  }

  private static func limit(
    _ value: UInt32, _ field: String, default fallback: Int, max: Int
  ) throws(LociError) -> Int {
    guard value <= UInt32(max) else {
      throw .invalid(field: field, problem: "is \(value), must be 0 to \(max)")
    }
    return value == 0 ? fallback : Int(value)
  }

  /// Everything but the memories.
  func read(scope: Scope, at position: V1.Position, in db: Database) throws -> V1.GetCurrentResponse {
    var answer = V1.GetCurrentResponse(position: position)
    var session = try sessionID.map { try SessionQueries.get($0, scope: scope, in: db) }
    if let contextID {
      answer.context = try ContextQueries.get(contextID, scope: scope, in: db)
    } else if let session {
      answer.context = try ContextQueries.find(
        ContextID(unchecked: session.session.contextID), scope: scope, in: db)?.context
    } else {
      answer.context = try ContextQueries.latest(scope: scope, in: db)?.context
    }
    if let context = answer.context {
      if session == nil { session = try SessionQueries.ofContext(context.id, scope: scope, in: db) }
      answer.messages = try ContextQueries.recent(
        ContextID(unchecked: context.id), limit: messageLimit, scope: scope, in: db)
    }
    if let session {
      answer.session = session.session
      answer.variables = try SessionQueries.variables(
        of: session.row, page: try PageRequest(V1.Page(size: 1_000)), in: db
      ).variables
    }
    let list = try SessionList(V1.ListSessionsRequest(page: V1.Page(size: sessionLimit)))
    answer.sessions = try SessionQueries.list(list, scope: scope, in: db).sessions
    return answer
  }

  func newestMemories(
    of context: V1.Context?, scope: Scope, now: Timestamp, in db: Database
  ) throws -> [V1.MemoryHit] {
    guard let context else { return [] }
    let filter = try ItemFilter(V1.Filter(contextIDs: [context.id]))
    let page = try PageRequest(V1.Page(size: Int32(memoryLimit)))
    return try MemoryQueries.list(
      filter, newestFirst: true, page: page, scope: scope, now: now, in: db
    ).memories.map { V1.MemoryHit(memory: $0) }
  }
}
