package import GRDB
import LociCore
package import LociProto
import LociRecall
package import LociStore

/// Tables of sessions, and how events change them. Must come before the slices of contexts and memories: it keeps
/// what a snapshot needs of the rows that they are about to change.
package struct SessionSlice: Slice {
  package init() {}

  package let name = "sessions"
  package let tables = [
    ProjectedTable("sessions", orderedBy: "row"),
    ProjectedTable("session_transitions", orderedBy: "session, version"),
    ProjectedTable("session_variables", orderedBy: "session, name"),
    ProjectedTable("session_snapshots", orderedBy: "row"), ProjectedTable("kept_messages", orderedBy: "item"),
    ProjectedTable("kept_memories", orderedBy: "session, item, until"),
    ProjectedTable("kept_variables", orderedBy: "session, name, until")
  ]

  package var migrations: [@Sendable (Database) throws -> Void] {
    [SessionTables.create, { db in try db.execute(sql: "ALTER TABLE kept_memories ADD COLUMN details BLOB") }]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .messagesDeleted(let deleted):
      try KeptRows.keepMessages(deleted.ids, try scopeRow(event, transaction), transaction)
    case .memoryUpdated(let updated):
      guard let memory = updated.memory else { return }
      try KeptRows.keepMemories([memory.id], try scopeRow(event, transaction), transaction)
    case .memoriesDeleted(let deleted):
      try KeptRows.keepMemories(deleted.ids, try scopeRow(event, transaction), transaction)
    case .sessionCreated(let created): try apply(created, try scopeRow(event, transaction), transaction)
    case .sessionTransitioned(let moved):
      let session = try session(moved.id, event, transaction)
      try transition(session, to: moved.state, reason: moved.reason, transaction)
    case .sessionHeartbeat(let heartbeat):
      try apply(heartbeat, try session(heartbeat.id, event, transaction), transaction)
    case .sessionsExpired(let expired):
      for row in expired.rows {
        try transition(row, to: SessionState.expired.rawValue, reason: expired.reason, transaction)
      }
    case .sessionDeleted(let deleted): try delete(try session(deleted.id, event, transaction), transaction)
    case .variablesSet(let set): try apply(set, try session(set.sessionID, event, transaction), transaction)
    case .snapshotTaken(let taken):
      try apply(taken, try session(taken.sessionID, event, transaction), transaction)
    case .snapshotsPruned(let pruned):
      try apply(pruned, try session(pruned.sessionID, event, transaction), transaction)
    case .sessionRolledBack(let back):
      try apply(back, try session(back.sessionID, event, transaction), transaction)
    case .dataForgotten(let forgotten):
      let scope = try Scope(tenant: event.tenant, agent: event.agent)
      if let row = try transaction.scopeRow(scope) { try KeptRows.forget(forgotten, row, transaction.db) }
    default: break
    }
  }

  private func scopeRow(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Int64 {
    try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
  }

  private func session(
    _ id: String, _ event: LogV1.Event, _ transaction: ProjectionTransaction
  ) throws -> Int64 {
    let row = try Int64.fetchOne(
      transaction.db.cachedStatement(sql: "SELECT row FROM sessions WHERE scope = ? AND id = ?"),
      arguments: [try scopeRow(event, transaction), id])
    guard let row else {
      throw LociError.internalError(detail: "an event names a session that does not exist")
    }
    return row
  }

  // MARK: Life

  private func apply(
    _ created: LogV1.SessionCreated, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let row = transaction.nextItem()
    let at = transaction.at.microseconds
    try transaction.db.cachedStatement(
      sql: """
        INSERT INTO sessions (row, scope, id, title, state, reason, context_id, parent_id, trace_id, attributes,
          created_at_us, updated_at_us, heartbeat_at_us, timeout_ms, expires_at_us, version, snapshot_count,
          forked_from_session_id, forked_from_snapshot_id)
        VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?)
        """
    ).execute(arguments: [
      row, scope, created.id, created.title, SessionState.created.rawValue, created.contextID,
      created.parentID, created.traceID, try AttributeColumn.encode(created.attributes), at, at, at,
      created.timeoutMs, SessionTime.expiry(from: at, timeoutMs: created.timeoutMs),
      created.forkedFromSessionID, created.forkedFromSnapshotID
    ])
    try note(row, version: 1, from: 0, to: SessionState.created.rawValue, reason: "", transaction)
  }

  private func transition(
    _ session: Int64, to state: Int32, reason: String, _ transaction: ProjectionTransaction
  ) throws {
    let before = try Row.fetchOne(
      transaction.db.cachedStatement(sql: "SELECT state, version, timeout_ms FROM sessions WHERE row = ?"),
      arguments: [session])
    guard let before else {
      throw LociError.internalError(detail: "an event names a session that does not exist")
    }
    let at = transaction.at.microseconds
    let isFinal = SessionState(rawValue: state)?.isFinal ?? true
    try transaction.db.cachedStatement(
      sql: """
        UPDATE sessions SET state = ?, reason = ?, updated_at_us = ?, heartbeat_at_us = ?, expires_at_us = ?,
          version = version + 1 WHERE row = ?
        """
    ).execute(arguments: [
      state, reason, at, at, isFinal ? 0 : SessionTime.expiry(from: at, timeoutMs: before[2]), session
    ])
    try note(
      session, version: (before[1] as Int64) + 1, from: before[0], to: state, reason: reason, transaction)
  }

  private func note(
    _ session: Int64, version: Int64, from: Int32, to: Int32, reason: String,
    _ transaction: ProjectionTransaction
  ) throws {
    try transaction.db.cachedStatement(sql: "INSERT INTO session_transitions VALUES (?, ?, ?, ?, ?, ?)")
      .execute(arguments: [session, version, from, to, reason, transaction.at.microseconds])
  }

  private func apply(
    _ heartbeat: LogV1.SessionHeartbeat, _ session: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let at = transaction.at.microseconds
    try transaction.db.cachedStatement(
      sql: "UPDATE sessions SET heartbeat_at_us = ?, timeout_ms = ?, expires_at_us = ? WHERE row = ?"
    ).execute(arguments: [
      at, heartbeat.timeoutMs, SessionTime.expiry(from: at, timeoutMs: heartbeat.timeoutMs), session
    ])
  }

  private func delete(_ session: Int64, _ transaction: ProjectionTransaction) throws {
    let ownTables = [
      "session_transitions", "session_variables", "session_snapshots", "kept_messages", "kept_memories",
      "kept_variables"
    ]
    for table in ownTables {
      try transaction.db.cachedStatement(sql: "DELETE FROM \(table) WHERE session = ?")
        .execute(arguments: [session])
    }
    try transaction.db.cachedStatement(sql: "DELETE FROM sessions WHERE row = ?").execute(arguments: [session]
    )
  }

  // MARK: Variables

  private func apply(
    _ set: LogV1.VariablesSet, _ session: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let at = transaction.at.microseconds
    try KeptRows.keepVariables(set.set.map(\.name) + set.removed, session, transaction)
    try db.cachedStatement(
      sql: "UPDATE sessions SET version = version + 1, updated_at_us = ? WHERE row = ?"
    ).execute(arguments: [at, session])
    let insert = try db.cachedStatement(
      sql: """
        INSERT OR REPLACE INTO session_variables (session, name, value, version, updated_at_us, since)
        SELECT row, ?, ?, version, ?, ? FROM sessions WHERE row = ?
        """)
    for variable in set.set {
      try insert.execute(arguments: [
        variable.name, variable.value, at, Int64(transaction.sequence), session
      ])
    }
    let remove = try db.cachedStatement(sql: "DELETE FROM session_variables WHERE session = ? AND name = ?")
    for name in set.removed { try remove.execute(arguments: [session, name]) }
  }

  // MARK: Snapshots

  private func apply(
    _ taken: LogV1.SnapshotTaken, _ session: Int64, _ transaction: ProjectionTransaction
  ) throws {
    try transaction.db.cachedStatement(
      sql: """
        INSERT INTO session_snapshots (row, session, id, label, attributes, sequence, at_us, state, automatic,
          message_count, memory_count, variable_count, pins)
        SELECT ?1, s.row, ?2, ?3, ?4, ?5, ?6, s.state, ?7, coalesce(c.message_count, 0),
          (SELECT count(*) FROM memories m WHERE m.scope = s.scope AND m.context_id = s.context_id
            AND m.context_id <> ''),
          (SELECT count(*) FROM session_variables v WHERE v.session = s.row),
          (SELECT json_group_array(number) FROM (SELECT number FROM pins WHERE context = c.row ORDER BY number))
        FROM sessions s LEFT JOIN contexts c ON c.scope = s.scope AND c.id = s.context_id WHERE s.row = ?8
        """
    ).execute(arguments: [
      transaction.nextItem(), taken.id, taken.label, try AttributeColumn.encode(taken.attributes),
      Int64(transaction.sequence), transaction.at.microseconds, taken.automatic, session
    ])
    try transaction.db.cachedStatement(
      sql: "UPDATE sessions SET snapshot_count = snapshot_count + 1 WHERE row = ?"
    ).execute(arguments: [session])
  }

  private func apply(
    _ pruned: LogV1.SnapshotsPruned, _ session: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let delete = try transaction.db.cachedStatement(
      sql: "DELETE FROM session_snapshots WHERE session = ? AND id = ?")
    for id in pruned.ids { try delete.execute(arguments: [session, id]) }
    try transaction.db.cachedStatement(
      sql: """
        UPDATE sessions SET snapshot_count = (SELECT count(*) FROM session_snapshots WHERE session = ?1)
        WHERE row = ?1
        """
    ).execute(arguments: [session])
    try KeptRows.dropUnneeded(session, transaction.db)
  }

  private func apply(
    _ back: LogV1.SessionRolledBack, _ session: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let state = try Int32.fetchOne(
      transaction.db.cachedStatement(
        sql: "SELECT state FROM session_snapshots WHERE session = ? AND id = ?"),
      arguments: [session, back.snapshotID])
    guard let state else {
      throw LociError.internalError(detail: "an event names a snapshot that does not exist")
    }
    try transition(session, to: state, reason: back.reason, transaction)
  }
}

enum SessionTime {
  /// When a session expires unless it is heard of; 0: never.
  static func expiry(from at: Int64, timeoutMs: Int64) -> Int64 {
    timeoutMs == 0 ? 0 : at + timeoutMs * 1_000
  }
}
