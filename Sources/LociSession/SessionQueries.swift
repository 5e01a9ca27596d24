package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of sessions and their variables. Each takes the snapshot of the database it reads.
package enum SessionQueries {
  /// A session as it is stored.
  package struct Stored {
    package let row: Int64
    package let scopeRow: Int64
    package var session: V1.Session

    package var state: SessionState { SessionState(session.state) ?? .failed }

    /// The session when it takes part in anything still.
    /// - Throws: `failedPrecondition` when it has ended, or its time is over and only the event is to come.
    func requireLive(at now: Timestamp) throws(LociError) {
      guard !state.isFinal else {
        throw .failedPrecondition("session \(session.id) has ended (\(state))")
      }
      guard session.expiresAtUs == 0 || now.microseconds < session.expiresAtUs else {
        throw .failedPrecondition("session \(session.id) has timed out")
      }
    }

    func requireVersion(_ expected: UInt64?) throws(LociError) {
      guard let expected, expected != session.version else { return }
      throw .failedPrecondition("session \(session.id) has version \(session.version), not \(expected)")
    }
  }

  private static let columns =
    """
    row, scope, id, title, state, reason, context_id, parent_id, trace_id, attributes, created_at_us, \
    updated_at_us, heartbeat_at_us, timeout_ms, expires_at_us, version, snapshot_count, forked_from_session_id, \
    forked_from_snapshot_id
    """

  private static func stored(_ row: Row) throws -> Stored {
    Stored(
      row: row[0], scopeRow: row[1],
      session: V1.Session(
        id: row[2], title: row[3], state: V1.SessionState(rawValue: row[4]), reason: row[5],
        contextID: row[6], parentID: row[7], traceID: row[8],
        attributes: try AttributeColumn.decode(row[9]), createdAtUs: row[10], updatedAtUs: row[11],
        heartbeatAtUs: row[12], timeoutMs: row[13], expiresAtUs: row[14],
        version: UInt64(row[15] as Int64), snapshotCount: UInt64(row[16] as Int64),
        forkedFromSessionID: row[17], forkedFromSnapshotID: row[18]))
  }

  package static func find(_ id: SessionID, scope: Scope, in db: Database) throws -> Stored? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(columns) FROM sessions WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id.rawValue]
    ).map(stored)
  }

  package static func get(_ id: SessionID, scope: Scope, in db: Database) throws -> Stored {
    guard let found = try find(id, scope: scope, in: db) else {
      throw LociError.notFound(.session, id: id.rawValue)
    }
    return found
  }

  /// The session that a context belongs to.
  package static func ofContext(_ contextID: String, scope: Scope, in db: Database) throws -> Stored? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(columns) FROM sessions WHERE scope = ? AND context_id = ?"),
      arguments: [scopeRow, contextID]
    ).map(stored)
  }

  /// Newest first.
  package static func list(
    _ list: SessionList, scope: Scope, in db: Database
  ) throws -> (sessions: [V1.Session], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    var sql = SQLConditions("scope = ?", scopeRow)
    if !list.states.isEmpty { sql.and([.among("state", list.states.map(\.rawValue))]) }
    if let parent = list.parentID { sql.and("parent_id <> '' AND parent_id = ?", parent.rawValue) }
    if let after = try list.page.after(orders: 1) { sql.and("row < ?", after[0]) }
    let rows = try Row.fetchCursor(
      db, sql: "SELECT \(columns) FROM sessions WHERE \(sql.text) ORDER BY row DESC LIMIT ?",
      arguments: sql.arguments + [list.page.size + 1])
    return try list.page.read(rows) {
      try stored($0).session
    } cost: {
      $0.title.utf8.count + $0.reason.utf8.count + AnswerSize.of($0.attributes) + 1_024
    } key: {
      [$0[0] as Int64]
    }
  }

  /// Oldest first.
  package static func transitions(
    of session: Stored, page: PageRequest, in db: Database
  ) throws -> (transitions: [V1.SessionTransition], page: V1.PageInfo) {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT version, from_state, to_state, reason, at_us FROM session_transitions
          WHERE session = ? AND version > ? ORDER BY version LIMIT ?
          """), arguments: [session.row, try page.after(orders: 1)?[0] ?? 0, page.size + 1])
    return try page.read(rows) { row in
      V1.SessionTransition(
        fromState: V1.SessionState(rawValue: row[1]), toState: V1.SessionState(rawValue: row[2]),
        reason: row[3], atUs: row[4])
    } cost: {
      $0.reason.utf8.count + 64
    } key: {
      [$0[0] as Int64]
    }
  }

  // MARK: Variables

  static func variable(_ row: Row) -> V1.Variable {
    V1.Variable(name: row[0], value: row[1], version: UInt64(row[2] as Int64), updatedAtUs: row[3])
  }

  package static func variable(_ name: String, of session: Int64, in db: Database) throws -> V1.Variable? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT name, value, version, updated_at_us FROM session_variables WHERE session = ? AND name = ?
          """), arguments: [session, name]
    ).map(variable)
  }

  /// Those of the names that exist, each once.
  /// - Throws: `tooLarge` when they outgrow an answer.
  package static func variables(
    _ names: [String], of session: Int64, in db: Database
  ) throws -> [V1.Variable] {
    var bytes = 0
    return try names.withoutRepeats().compactMap { name in
      guard let found = try variable(name, of: session, in: db) else { return nil }
      bytes += found.value.utf8.count + 256
      guard bytes <= 3 << 20 else {
        throw LociError.tooLarge(what: "the variables' values", bytes: bytes, limit: 3 << 20)
      }
      return found
    }
  }

  static func variableCount(of session: Int64, in db: Database) throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(sql: "SELECT count(*) FROM session_variables WHERE session = ?"),
      arguments: [session]) ?? 0
  }

  /// By name. The place in a page is counted: names are no numbers.
  package static func variables(
    of session: Int64, page: PageRequest, in db: Database
  ) throws -> (variables: [V1.Variable], page: V1.PageInfo) {
    let offset = try page.after(orders: 1)?[0] ?? 0
    guard offset >= 0 else {
      throw LociError.invalid(field: "page.token", problem: "is not a token of this list")
    }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT name, value, version, updated_at_us FROM session_variables
          WHERE session = ? ORDER BY name LIMIT ? OFFSET ?
          """), arguments: [session, page.size + 1, offset])
    var place = offset
    return try page.read(rows, variable) {
      $0.name.utf8.count + $0.value.utf8.count + 64
    } key: { _ in
      place += 1
      return [place]
    }
  }
}

/// Which sessions to list, checked.
package struct SessionList: Sendable {
  package let states: [SessionState]
  package let parentID: SessionID?
  package let page: PageRequest

  package init(_ request: V1.ListSessionsRequest) throws(LociError) {
    try Validate.count(request.states.count, field: "states", in: 0...SessionState.allCases.count)
    var states: [SessionState] = []
    for state in request.states {
      guard let state = SessionState(state) else {
        throw .invalid(field: "states", problem: "holds what is not a state")
      }
      states.append(state)
    }
    self.states = states
    try Validate.optionalName(request.parentID, field: "parent_id")
    parentID = request.parentID.isEmpty ? nil : SessionID(unchecked: request.parentID)
    page = try PageRequest(request.page)
  }
}
