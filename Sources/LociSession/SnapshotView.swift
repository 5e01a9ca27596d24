import Foundation
package import GRDB
import LociContext
package import LociCore
package import LociProto
import LociRecall

/// What a session holds at one of its snapshots, or now.
///
/// A row belongs to a snapshot when its item was made before the snapshot's own row, and it was not changed or
/// deleted until after the snapshot's sequence. Live rows and kept rows together give exactly one of each.
package struct SnapshotView: Sendable {
  package let session: SessionQueries.Stored
  /// `nil` for the present.
  package let snapshot: V1.Snapshot?
  let itemBound: Int64
  let sequence: Int64
  private let contextRow: Int64?

  /// The present.
  package init(now session: SessionQueries.Stored, in db: Database) throws {
    self.session = session
    snapshot = nil
    (itemBound, sequence) = (.max, .max)
    contextRow = try Self.contextRow(session, db)
  }

  /// - Throws: `notFound` when the session has no such snapshot.
  package init(_ id: SnapshotID, of session: SessionQueries.Stored, in db: Database) throws {
    guard let found = try SnapshotQueries.find(id, of: session.row, in: db) else {
      throw LociError.notFound(.snapshot, id: id.rawValue)
    }
    self.session = session
    snapshot = found.snapshot
    (itemBound, sequence) = (found.row, found.sequence)
    contextRow = try Self.contextRow(session, db)
  }

  /// A snapshot, or the present when `id` is `nil`.
  package init(_ id: SnapshotID?, orNowOf session: SessionQueries.Stored, in db: Database) throws {
    if let id {
      try self.init(id, of: session, in: db)
    } else {
      try self.init(now: session, in: db)
    }
  }

  private static func contextRow(_ session: SessionQueries.Stored, _ db: Database) throws -> Int64? {
    try ContextQueries.row(session.session.contextID, scope: session.scopeRow, in: db)?.row
  }

  package var state: SessionState { snapshot.flatMap { SessionState($0.state) } ?? session.state }

  // MARK: Messages

  private static let messageColumns =
    "number, id, role, text, name, created_at_us, trace_id, tool_call_id, attributes, tokens, data"

  private static func message(_ row: Row, contextID: String) throws -> V1.Message {
    V1.Message(
      id: row[1], contextID: contextID, number: UInt64(row[0] as Int64), role: V1.Role(rawValue: row[2]),
      text: try ColdText.text(row[3], row, columns: 11), name: row[4], createdAtUs: row[5], traceID: row[6],
      toolCallID: row[7],
      attributes: try AttributeColumn.decode(row[8]), tokenCount: UInt32(row[9] as Int64),
      data: ContextQueries.bytes(row[10]))
  }

  /// The context's own messages in order of number, from `number` on.
  package func messages(
    from number: UInt64 = 0, limit: Int = .max, in db: Database
  ) throws -> MessageCursor {
    let pinned = try Set(pins(in: db))
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(Self.messageColumns), \(ColdText.columns) FROM messages m WHERE context = ?1 AND number >= ?2 AND item < ?3
          UNION ALL
          SELECT \(Self.messageColumns), 0, NULL, NULL FROM kept_messages
          WHERE session = ?4 AND number >= ?2 AND item < ?3 AND until > ?5
          ORDER BY number LIMIT ?6
          """),
      arguments: [contextRow ?? -1, Int64(clamping: number), itemBound, session.row, sequence, limit])
    return MessageCursor(rows: rows) { [contextID = session.session.contextID] row in
      var message = try Self.message(row, contextID: contextID)
      message.pinned = pinned.contains(Int64(message.number))
      return message
    }
  }

  package struct MessageCursor {
    let rows: RowCursor
    let decode: (Row) throws -> V1.Message

    package func next() throws -> V1.Message? { try rows.next().map(decode) }
  }

  /// The context's own messages by id and number, in order of number.
  func numbers(in db: Database) throws -> [V1.MessageReference] {
    try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT id, number FROM messages WHERE context = ?1 AND item < ?2
          UNION ALL SELECT id, number FROM kept_messages WHERE session = ?3 AND item < ?2 AND until > ?4
          ORDER BY number
          """), arguments: [contextRow ?? -1, itemBound, session.row, sequence]
    ).map { V1.MessageReference(id: $0[0], number: UInt64($0[1] as Int64)) }
  }

  func pins(in db: Database) throws -> [Int64] {
    if let snapshot { return try SnapshotQueries.pins(of: snapshot.id, session: session.row, in: db) }
    return try Int64.fetchAll(
      db.cachedStatement(sql: "SELECT number FROM pins WHERE context = ? ORDER BY number"),
      arguments: [contextRow ?? -1])
  }

  /// Messages that are there now and were not at this snapshot.
  func messagesSince(in db: Database) throws -> [V1.MessageReference] {
    try Row.fetchAll(
      db.cachedStatement(
        sql: "SELECT id, number FROM messages WHERE context = ? AND item >= ? ORDER BY number"),
      arguments: [contextRow ?? -1, itemBound]
    ).map { V1.MessageReference(id: $0[0], number: UInt64($0[1] as Int64)) }
  }

  /// Messages that this snapshot holds and that are gone.
  func messagesGone(in db: Database) throws -> [V1.Message] {
    let pinned = try Set(pins(in: db))
    return try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT \(Self.messageColumns), 0, NULL, NULL FROM kept_messages
          WHERE session = ? AND item < ? AND until > ? ORDER BY number
          """), arguments: [session.row, itemBound, sequence]
    ).map { row in
      var message = try Self.message(row, contextID: session.session.contextID)
      message.pinned = pinned.contains(Int64(message.number))
      return message
    }
  }

  // MARK: Variables

  package func variables(in db: Database) throws -> [V1.Variable] {
    try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT name, value, version, updated_at_us FROM session_variables WHERE session = ?1 AND since < ?2
          UNION ALL
          SELECT name, value, version, updated_at_us FROM kept_variables
          WHERE session = ?1 AND since < ?2 AND until > ?2
          ORDER BY name
          """), arguments: [session.row, sequence]
    ).map(SessionQueries.variable)
  }

  // MARK: Memories

  /// A memory as the view has it. The item tells one version from another.
  struct HeldMemory {
    let item: Int64
    let isLive: Bool
    let memory: V1.Memory
    /// What it has beside its text, as the log keeps it.
    let details: LogV1.MemoryDetails?
  }

  /// By item.
  func memories(in db: Database) throws -> [HeldMemory] {
    let columns =
      """
      item, id, type, text, trace_id, importance, created_at_us, updated_at_us, expires_at_us, attributes, version, \
      details
      """
    return try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT \(columns), 1 FROM memories m
          WHERE scope = ?1 AND context_id = ?2 AND context_id <> '' AND item < ?3
            AND NOT EXISTS (SELECT 1 FROM kept_memories k WHERE k.session = ?4 AND k.item = m.item AND k.until > ?5)
          UNION ALL
          SELECT \(columns), 0 FROM kept_memories k
          WHERE session = ?4 AND item < ?3 AND until > ?5 AND NOT EXISTS (SELECT 1 FROM kept_memories o
            WHERE o.session = ?4 AND o.item = k.item AND o.until > ?5 AND o.until < k.until)
          ORDER BY item
          """),
      arguments: [session.scopeRow, session.session.contextID, itemBound, session.row, sequence]
    ).map { row in
      HeldMemory(
        item: row[0], isLive: row[12],
        memory: V1.Memory(
          id: row[1], type: V1.MemoryType(rawValue: row[2]), text: row[3],
          contextID: session.session.contextID, traceID: row[4], importance: Float(row[5] as Double),
          createdAtUs: row[6], updatedAtUs: row[7], expiresAtUs: row[8],
          attributes: try AttributeColumn.decode(row[9]), version: UInt64(row[10] as Int64)),
        details: try (row[11] as Data?).map { try LogV1.MemoryDetails(decoding: [UInt8]($0)) })
    }
  }

  /// Memories that those of `ids` replaced, in this session's context.
  func superseded(by ids: [String], in db: Database) throws -> [String] {
    let statement = try db.cachedStatement(
      sql: "SELECT id FROM memories WHERE scope = ? AND superseded_by = ? AND superseded_at_us > 0")
    return try ids.flatMap { try String.fetchAll(statement, arguments: [session.scopeRow, $0]) }
  }

  /// Of the present.
  func memoryCount(in db: Database) throws -> Int {
    try Int.fetchOne(
      db.cachedStatement(
        sql: "SELECT count(*) FROM memories WHERE scope = ? AND context_id = ? AND context_id <> ''"),
      arguments: [session.scopeRow, session.session.contextID]) ?? 0
  }

  package func memoryList(in db: Database) throws -> [V1.Memory] { try memories(in: db).map(\.memory) }

  /// Memories that are there now and were not at this snapshot.
  func memoriesSince(in db: Database) throws -> [String] {
    try String.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT id FROM memories WHERE scope = ? AND context_id = ? AND context_id <> '' AND item >= ?
          ORDER BY item
          """), arguments: [session.scopeRow, session.session.contextID, itemBound])
  }
}
