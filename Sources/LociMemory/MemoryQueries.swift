package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of memories. Each takes the snapshot it reads; `now` decides what has expired.
package enum MemoryQueries {
  private static let columns =
    """
    m.item, m.id, m.type, m.text, m.context_id, m.trace_id, m.importance, m.created_at_us, m.updated_at_us, \
    m.expires_at_us, m.attributes, m.version
    """

  private static func memory(_ row: Row) throws -> V1.Memory {
    V1.Memory(
      id: row[1], type: V1.MemoryType(rawValue: row[2]), text: row[3], contextID: row[4], traceID: row[5],
      importance: Float(row[6] as Double), createdAtUs: row[7], updatedAtUs: row[8], expiresAtUs: row[9],
      attributes: try AttributeColumn.decode(row[10]), version: UInt64(row[11] as Int64))
  }

  /// The memory whether or not it has expired.
  static func stored(_ id: String, scope: Int64, in db: Database) throws -> V1.Memory? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(columns) FROM memories m WHERE m.scope = ? AND m.id = ?"),
      arguments: [scope, id]
    ).map(memory)
  }

  static func isExpired(_ memory: V1.Memory, at now: Timestamp) -> Bool {
    memory.expiresAtUs > 0 && memory.expiresAtUs <= now.microseconds
  }

  package static func get(
    _ id: MemoryID, scope: Scope, now: Timestamp, in db: Database
  ) throws -> V1.Memory {
    guard let scopeRow = try ScopeQueries.row(scope, in: db),
      let memory = try stored(id.rawValue, scope: scopeRow, in: db), !isExpired(memory, at: now)
    else { throw LociError.notFound(.memory, id: id.rawValue) }
    return memory
  }

  /// By time of creation.
  package static func list(
    _ filter: ItemFilter, newestFirst: Bool, page: PageRequest, scope: Scope, now: Timestamp, in db: Database
  ) throws -> (memories: [V1.Memory], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    var sql = live(scopeRow, now)
    if let after = try page.after(orders: 2) {
      sql.and("(m.created_at_us, m.item) \(newestFirst ? "<" : ">") (?, ?)", after[0], after[1])
    }
    sql.and(filter.memoryConditions)
    let direction = newestFirst ? "DESC" : "ASC"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(columns) FROM memories m WHERE \(sql.text)
        ORDER BY m.created_at_us \(direction), m.item \(direction) LIMIT ?
        """, arguments: sql.arguments + [page.size + 1])
    return try page.read(rows, memory) {
      AnswerSize.of($0.text, $0.attributes)
    } key: {
      [$0[7] as Int64, $0[0] as Int64]
    }
  }

  /// Memories of these items that still exist and have not expired.
  package static func memories(
    _ items: [Int64], now: Timestamp, in db: Database
  ) throws -> FetchedItems<V1.Memory> {
    let statement = try db.cachedStatement(sql: "SELECT \(columns) FROM memories m WHERE m.item = ?")
    var found = FetchedItems<V1.Memory>()
    for item in items {
      guard let row = try Row.fetchOne(statement, arguments: [item]) else { continue }
      let memory = try memory(row)
      guard !isExpired(memory, at: now) else { continue }
      guard found.take(item, memory, size: AnswerSize.of(memory.text, memory.attributes)) else { break }
    }
    return found
  }

  /// Items that pass `filter` and have not expired; `nil` when that is all of them.
  package static func allowed(
    by filter: ItemFilter, scopeRow: Int64, now: Timestamp, in db: Database
  ) throws -> Set<Int64>? {
    if filter.isEmpty, try !hasExpired(scopeRow, now, db) { return nil }
    var sql = live(scopeRow, now)
    sql.and(filter.memoryConditions)
    return try Set(
      Int64.fetchAll(db, sql: "SELECT m.item FROM memories m WHERE \(sql.text)", arguments: sql.arguments))
  }

  private static func live(_ scopeRow: Int64, _ now: Timestamp) -> SQLConditions {
    SQLConditions(
      "m.scope = ? AND (m.expires_at_us = 0 OR m.expires_at_us > ?)", scopeRow, now.microseconds)
  }

  private static func hasExpired(_ scopeRow: Int64, _ now: Timestamp, _ db: Database) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT 1 FROM memories WHERE expires_at_us > 0 AND expires_at_us <= ? AND scope = ? LIMIT 1
          """),
      arguments: [now.microseconds, scopeRow]) != nil
  }
}
