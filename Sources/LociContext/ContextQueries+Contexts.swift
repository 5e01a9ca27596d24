package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

extension ContextQueries {
  /// A context as it is stored.
  package struct Stored {
    package let row: Int64
    /// Of a branch: the row it was forked from.
    package let parentRow: Int64?
    package let context: V1.Context

    package var sessionID: String { context.sessionID }
    package var messageCount: UInt64 { context.messageCount }

    /// The event that binds it to a session, or unbinds it.
    package func updated(sessionID: String) -> LogV1.ContextUpdated {
      LogV1.ContextUpdated(
        id: context.id, title: context.title, attributes: AttributeColumn.stored(context.attributes),
        traceID: context.traceID, maxHistory: context.maxHistory, sessionID: sessionID)
    }
  }

  private static let contextColumns =
    """
    c.row, c.id, c.title, c.attributes, c.created_at_us, c.updated_at_us, c.message_count, c.next_number, c.type, \
    c.trace_id, c.session_id, c.max_history, c.version, c.parent, c.parent_number, \
    coalesce((SELECT p.id FROM contexts p WHERE p.row = c.parent), '')
    """

  private static func context(_ row: Row) throws -> V1.Context {
    V1.Context(
      id: row[1], title: row[2], attributes: try AttributeColumn.decode(row[3]), createdAtUs: row[4],
      updatedAtUs: row[5], messageCount: UInt64(row[6] as Int64), nextNumber: UInt64(row[7] as Int64),
      type: V1.ContextType(rawValue: row[8]), traceID: row[9], sessionID: row[10],
      maxHistory: UInt32(row[11] as Int64), version: UInt64(row[12] as Int64), parentContextID: row[15],
      parentNumber: UInt64(row[14] as Int64))
  }

  package static func find(_ id: ContextID, scope: Scope, in db: Database) throws -> Stored? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(contextColumns) FROM contexts c WHERE c.scope = ? AND c.id = ?"),
      arguments: [scopeRow, id.rawValue]
    ).map { Stored(row: $0[0], parentRow: $0[13], context: try context($0)) }
  }

  package static func stored(_ id: ContextID, scope: Scope, in db: Database) throws -> Stored {
    guard let found = try find(id, scope: scope, in: db) else {
      throw LociError.notFound(.context, id: id.rawValue)
    }
    return found
  }

  package static func get(_ id: ContextID, scope: Scope, in db: Database) throws -> V1.Context {
    try stored(id, scope: scope, in: db).context
  }

  /// The context of the agent's newest message.
  package static func latest(scope: Scope, in db: Database) throws -> Stored? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT \(contextColumns) FROM contexts c WHERE c.row = (SELECT context FROM messages
            WHERE scope = ? ORDER BY created_at_us DESC, item DESC LIMIT 1)
          """), arguments: [scopeRow]
    ).map { Stored(row: $0[0], parentRow: $0[13], context: try context($0)) }
  }

  /// The newest messages that a context shows, oldest first; fewer where they would outgrow an answer.
  package static func recent(
    _ id: ContextID, limit: Int, scope: Scope, in db: Database
  ) throws -> [V1.Message] {
    let path = try MessagePath(id, scope: scope, in: db)
    let rows = try path.rows(MessagePath.Range(newestFirst: true), conditions: [], limit: limit, in: db)
    var (messages, bytes): ([V1.Message], Int) = ([], 0)
    while let row = try rows.next() {
      let message = try message(row)
      bytes += cost(message)
      guard messages.isEmpty || bytes <= 2 << 20 else { break }
      messages.append(message)
    }
    return messages.reversed()
  }

  /// Newest first.
  package static func list(
    scope: Scope, page: PageRequest, in db: Database
  ) throws -> (contexts: [V1.Context], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(contextColumns) FROM contexts c WHERE c.scope = ?1 AND c.row < ?2
          ORDER BY c.row DESC LIMIT ?3
          """),
      arguments: [scopeRow, try page.after(orders: 1)?[0] ?? .max, page.size + 1])
    return try page.read(rows, context, cost: cost) { [$0[0] as Int64] }
  }

  private static func cost(_ context: V1.Context) -> Int {
    context.title.utf8.count + AnswerSize.of(context.attributes) + 512
  }

  // MARK: Branches

  /// Forked from this context, oldest first.
  package static func branches(
    of parent: Stored, page: PageRequest, in db: Database
  ) throws -> (contexts: [V1.Context], page: V1.PageInfo) {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(contextColumns) FROM contexts c WHERE c.parent = ?1 AND c.row > ?2
          ORDER BY c.row LIMIT ?3
          """),
      arguments: [parent.row, try page.after(orders: 1)?[0] ?? 0, page.size + 1])
    return try page.read(rows, context, cost: cost) { [$0[0] as Int64] }
  }

  /// - Throws: `failedPrecondition` when a branch shares messages of `context` from `number` on, which would go.
  package static func requireNoBranches(
    _ context: Stored, from number: UInt64 = 0, in db: Database
  ) throws {
    let branch = try String.fetchOne(
      db.cachedStatement(sql: "SELECT id FROM contexts WHERE parent = ? AND parent_number >= ? LIMIT 1"),
      arguments: [context.row, Int64(clamping: number)])
    guard let branch else { return }
    throw LociError.failedPrecondition(
      "branch \(branch) shares messages of context \(context.context.id) that would go")
  }
}
