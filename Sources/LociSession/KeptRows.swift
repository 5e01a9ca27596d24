import GRDB
import LociContext
import LociProto
import LociStore

/// What snapshots still need of rows that are about to change or go.
enum KeptRows {
  /// Messages that some snapshot of their session holds.
  static func keepMessages(_ ids: [String], _ scope: Int64, _ transaction: ProjectionTransaction) throws {
    guard try hasSnapshots(scope, transaction.db) else { return }
    try ColdText.warm(ids, scope: scope, transaction)
    let keep = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO kept_messages (item, session, until, number, id, role, text, name, created_at_us, trace_id,
          tool_call_id, attributes, tokens, data)
        SELECT m.item, s.row, ?1, m.number, m.id, m.role, m.text, m.name, m.created_at_us, m.trace_id,
          m.tool_call_id, m.attributes, m.tokens, m.data
        FROM messages m JOIN contexts c ON c.row = m.context
          JOIN sessions s ON s.scope = m.scope AND s.context_id = c.id AND s.snapshot_count > 0
        WHERE m.scope = ?2 AND m.id = ?3
          AND EXISTS (SELECT 1 FROM session_snapshots p WHERE p.session = s.row AND p.row > m.item)
        """)
    for id in ids { try keep.execute(arguments: [Int64(transaction.sequence), scope, id]) }
  }

  /// Memories whose present version some snapshot of their session holds.
  static func keepMemories(_ ids: [String], _ scope: Int64, _ transaction: ProjectionTransaction) throws {
    guard try hasSnapshots(scope, transaction.db) else { return }
    let keep = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO kept_memories (session, item, until, id, type, text, trace_id, importance, created_at_us,
          updated_at_us, expires_at_us, attributes, version, details)
        SELECT s.row, m.item, ?1, m.id, m.type, m.text, m.trace_id, m.importance, m.created_at_us,
          m.updated_at_us, m.expires_at_us, m.attributes, m.version, m.details
        FROM memories m JOIN sessions s ON s.scope = m.scope AND s.context_id = m.context_id
          AND s.snapshot_count > 0
        WHERE m.scope = ?2 AND m.id = ?3
          AND EXISTS (SELECT 1 FROM session_snapshots p WHERE p.session = s.row AND p.row > m.item
            AND p.sequence > coalesce((SELECT max(k.until) FROM kept_memories k
              WHERE k.session = s.row AND k.item = m.item), 0))
        """)
    for id in ids { try keep.execute(arguments: [Int64(transaction.sequence), scope, id]) }
  }

  /// Variables whose present value some snapshot holds.
  static func keepVariables(
    _ names: [String], _ session: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let keep = try transaction.db.cachedStatement(
      sql: """
        INSERT INTO kept_variables (session, name, until, value, version, updated_at_us, since)
        SELECT v.session, v.name, ?1, v.value, v.version, v.updated_at_us, v.since FROM session_variables v
        WHERE v.session = ?2 AND v.name = ?3
          AND EXISTS (SELECT 1 FROM session_snapshots p WHERE p.session = v.session AND p.sequence > v.since)
        """)
    for name in names { try keep.execute(arguments: [Int64(transaction.sequence), session, name]) }
  }

  /// Removes what no snapshot holds any more. Rows and sequences of snapshots grow together, so the newest snapshot
  /// before a row's end decides.
  static func dropUnneeded(_ session: Int64, _ db: Database) throws {
    let newestBefore =
      "FROM session_snapshots p WHERE p.session = k.session AND p.sequence < k.until ORDER BY p.sequence DESC LIMIT 1"
    try db.execute(
      sql: """
        DELETE FROM kept_messages AS k WHERE k.session = ?
          AND coalesce((SELECT p.row \(newestBefore)), 0) < k.item
        """, arguments: [session])
    try db.execute(
      sql: """
        DELETE FROM kept_memories AS k WHERE k.session = ?
          AND (coalesce((SELECT p.row \(newestBefore)), 0) < k.item
            OR (SELECT p.sequence \(newestBefore)) < coalesce((SELECT max(o.until) FROM kept_memories o
              WHERE o.session = k.session AND o.item = k.item AND o.until < k.until), 0))
        """, arguments: [session])
    try db.execute(
      sql: """
        DELETE FROM kept_variables AS k WHERE k.session = ?
          AND coalesce((SELECT p.sequence \(newestBefore)), 0) < k.since
        """, arguments: [session])
  }

  /// What is forgotten for good does not stay in a snapshot either.
  static func forget(_ forgotten: LogV1.DataForgotten, _ scope: Int64, _ db: Database) throws {
    for (table, ids) in [("kept_messages", forgotten.messageIDs), ("kept_memories", forgotten.memoryIDs)] {
      let delete = try db.cachedStatement(
        sql: """
          DELETE FROM \(table) WHERE id = ?2 AND session IN (SELECT row FROM sessions WHERE scope = ?1)
          """)
      for id in ids { try delete.execute(arguments: [scope, id]) }
    }
    let ofContext = try db.cachedStatement(
      sql: """
        DELETE FROM kept_messages WHERE session IN (SELECT row FROM sessions WHERE scope = ?1 AND context_id = ?2)
        """)
    for id in forgotten.contextIDs { try ofContext.execute(arguments: [scope, id]) }
  }

  /// Most agents have none: their deletes cost one look-up more.
  private static func hasSnapshots(_ scope: Int64, _ db: Database) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT 1 FROM sessions WHERE scope = ? AND snapshot_count > 0 LIMIT 1"),
      arguments: [scope]) != nil
  }
}
