import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of memories. Each takes the snapshot it reads; `now` decides what has expired.
package enum MemoryQueries {
  static let columns =
    """
    m.item, m.id, m.type, m.text, m.context_id, m.trace_id, m.importance, m.created_at_us, m.updated_at_us, \
    m.expires_at_us, m.attributes, m.version, m.confidence, m.source, m.trust, m.valid_from_us, m.valid_until_us, \
    m.tags, m.access_count, m.last_access_at_us, m.said_count, m.details, m.superseded_by, m.superseded_at_us
    """

  static func memory(_ row: Row) throws -> V1.Memory {
    V1.Memory(
      id: row[1], type: V1.MemoryType(rawValue: row[2]), text: row[3], contextID: row[4], traceID: row[5],
      importance: Float(row[6] as Double), createdAtUs: row[7], updatedAtUs: row[8], expiresAtUs: row[9],
      attributes: try AttributeColumn.decode(row[10]), version: UInt64(row[11] as Int64),
      confidence: Float(row[12] as Double), source: V1.MemorySource(rawValue: row[13]),
      trust: V1.TrustClass(rawValue: row[14]), validFromUs: row[15], validUntilUs: row[16],
      tags: try TagColumn.decode(row[17]), accessCount: UInt64(row[18] as Int64), lastAccessAtUs: row[19],
      saidCount: UInt64(row[20] as Int64), supersedesID: try details(row[21])?.supersedesID ?? "",
      supersededByID: row[22], supersededAtUs: row[23])
  }

  /// Bytes in an answer.
  private static func cost(_ memory: V1.Memory) -> Int {
    AnswerSize.of(memory.text, memory.attributes) + memory.tags.reduce(0) { $0 + $1.utf8.count + 4 }
  }

  private static func details(_ column: Data?) throws -> LogV1.MemoryDetails? {
    try column.map { try LogV1.MemoryDetails(decoding: [UInt8]($0)) }
  }

  /// What is beside the text of a memory; `nil` where it was stored without.
  static func details(_ id: String, scope: Int64, in db: Database) throws -> LogV1.MemoryDetails? {
    let row = try Row.fetchOne(
      db.cachedStatement(sql: "SELECT details FROM memories WHERE scope = ? AND id = ?"),
      arguments: [scope, id])
    return try details(row?[0])
  }

  /// Whether it expired by an event, and can be brought back.
  static func isExpiredForNow(_ id: String, scope: Int64, in db: Database) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT 1 FROM memories WHERE scope = ? AND id = ? AND expired_at_us > 0"),
      arguments: [scope, id]) != nil
  }

  /// A memory in every index that has the fingerprint: the oldest.
  static func duplicate(of fingerprint: UInt64, scope: Int64, now: Timestamp, in db: Database) throws
    -> String?
  {
    guard fingerprint != 0 else { return nil }
    return try String.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT id FROM memories WHERE scope = ? AND fingerprint = ? AND fingerprint <> 0 AND expired_at_us = 0
            AND superseded_at_us = 0 AND (expires_at_us = 0 OR expires_at_us > ?) ORDER BY item LIMIT 1
          """), arguments: [scope, Int64(bitPattern: fingerprint), now.microseconds])
  }

  /// Id and text of an item in every index.
  static func indexed(
    _ item: Int64, scope: Int64, now: Timestamp, in db: Database
  ) throws -> (id: String, text: String)? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT id, text FROM memories WHERE item = ? AND scope = ? AND expired_at_us = 0
            AND superseded_at_us = 0 AND (expires_at_us = 0 OR expires_at_us > ?)
          """), arguments: [item, scope, now.microseconds]
    ).map { ($0[0], $0[1]) }
  }

  /// The memory whether or not it has expired.
  static func stored(_ id: String, scope: Int64, in db: Database) throws -> V1.Memory? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(columns) FROM memories m WHERE m.scope = ? AND m.id = ?"),
      arguments: [scope, id]
    ).map(memory)
  }

  package static func item(of id: String, scopeRow: Int64, in db: Database) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT item FROM memories WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id])
  }

  static func isExpired(_ memory: V1.Memory, at now: Timestamp) -> Bool {
    memory.expiresAtUs > 0 && memory.expiresAtUs <= now.microseconds
  }

  package static func get(
    _ id: MemoryID, scope: Scope, now: Timestamp, in db: Database
  ) throws -> V1.Memory {
    guard let scopeRow = try ScopeQueries.row(scope, in: db),
      let memory = try stored(id.rawValue, scope: scopeRow, in: db), !isExpired(memory, at: now),
      try !isExpiredForNow(id.rawValue, scope: scopeRow, in: db)
    else { throw LociError.notFound(.memory, id: id.rawValue) }
    return memory
  }

  /// By time of creation.
  package static func list(
    _ filter: ItemFilter, newestFirst: Bool, page: PageRequest, scope: Scope, now: Timestamp, in db: Database
  ) throws -> (memories: [V1.Memory], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    var sql = filter.asOf.map { asOf($0, scopeRow) } ?? live(scopeRow, now)
    if let after = try page.after(orders: 2) {
      sql.and("(m.created_at_us, m.item) \(newestFirst ? "<" : ">") (?, ?)", after[0], after[1])
    }
    sql.and(try filter.memoryConditions())
    let direction = newestFirst ? "DESC" : "ASC"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(columns) FROM memories m WHERE \(sql.text)
        ORDER BY m.created_at_us \(direction), m.item \(direction) LIMIT ?
        """, arguments: sql.arguments + [page.size + 1])
    return try page.read(rows, memory) {
      cost($0)
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
      guard !isExpired(memory, at: now), memory.supersededAtUs == 0 else { continue }
      guard found.take(item, memory, size: cost(memory)) else { break }
    }
    return found
  }

  /// Items that pass `filter` and have not expired; `nil` when that is all of them.
  package static func allowed(
    by filter: ItemFilter, scopeRow: Int64, now: Timestamp, in db: Database
  ) throws -> Set<Int64>? {
    if filter.isEmpty, try !hasExpired(scopeRow, now, db) { return nil }
    var sql = live(scopeRow, now)
    sql.and(try filter.memoryConditions())
    return try Set(
      Int64.fetchAll(db, sql: "SELECT m.item FROM memories m WHERE \(sql.text)", arguments: sql.arguments))
  }

  static func live(_ scopeRow: Int64, _ now: Timestamp) -> SQLConditions {
    SQLConditions(
      """
      m.scope = ? AND (m.expires_at_us = 0 OR m.expires_at_us > ?) AND m.expired_at_us = 0 \
      AND m.superseded_at_us = 0
      """, scopeRow, now.microseconds)
  }

  /// As the agent's memories stood at a time, apart from those deleted since.
  private static func asOf(_ time: Int64, _ scopeRow: Int64) -> SQLConditions {
    SQLConditions(
      """
      m.scope = ? AND m.created_at_us <= ? AND (m.expires_at_us = 0 OR m.expires_at_us > ?) \
      AND (m.superseded_at_us = 0 OR m.superseded_at_us > ?)
      """, scopeRow, time, time, time)
  }

  private static func hasExpired(_ scopeRow: Int64, _ now: Timestamp, _ db: Database) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT 1 FROM memories WHERE expires_at_us > 0 AND expired_at_us = 0 AND scope = ? AND expires_at_us <= ?
          LIMIT 1
          """),
      arguments: [scopeRow, now.microseconds]) != nil
  }

  /// Where a memory stands for a search.
  package static func state(
    of id: MemoryID, scope: Scope, now: Timestamp, in db: Database
  ) throws -> ItemState {
    guard let scopeRow = try ScopeQueries.row(scope, in: db),
      let row = try Row.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT item, superseded_at_us > 0, expired_at_us > 0 OR (expires_at_us > 0 AND expires_at_us <= ?3)
            FROM memories WHERE scope = ?1 AND id = ?2
            """), arguments: [scopeRow, id.rawValue, now.microseconds])
    else { return .notThere }
    if row[1] { return .superseded }
    return row[2] ? .expired : .present(item: row[0])
  }
}
