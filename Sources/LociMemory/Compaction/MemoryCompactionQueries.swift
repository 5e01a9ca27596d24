import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of compactions of memories. Each takes the snapshot it reads.
package enum MemoryCompactionQueries {
  private static let columns = "row, id, created_at_us, automatic, figures, retention"

  /// - Throws: `notFound` when there is no such compaction.
  package static func get(_ id: String, scope: Scope, in db: Database) throws -> V1.MemoryCompaction {
    let row = try ScopeQueries.row(scope, in: db).flatMap { scopeRow in
      try Row.fetchOne(
        db.cachedStatement(sql: "SELECT \(columns) FROM memory_compactions WHERE scope = ? AND id = ?"),
        arguments: [scopeRow, id]
      ).map { try compaction($0, scopeRow, in: db) }
    }
    guard let row else { throw LociError.notFound(.compaction, id: id) }
    return row
  }

  package static func exists(_ id: String, scope: Scope, in db: Database) throws -> Bool {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return false }
    return try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT 1 FROM memory_compactions WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id]) != nil
  }

  /// The digests that stand for any of these memories.
  package static func digests(of ids: Set<String>, scope: Scope, in db: Database) throws -> Set<String> {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    let find = try db.cachedStatement(
      sql: """
        SELECT d.id FROM memories m JOIN memory_digests d ON d.scope = m.scope AND d.id = m.superseded_by
        WHERE m.scope = ? AND m.id = ?
        """)
    return Set(try ids.compactMap { try String.fetchOne(find, arguments: [scopeRow, $0]) })
  }

  /// Newest first.
  package static func list(limit: Int, scope: Scope, in db: Database) throws -> [V1.MemoryCompaction] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    return try Row.fetchAll(
      db.cachedStatement(
        sql: "SELECT \(columns) FROM memory_compactions WHERE scope = ? ORDER BY row DESC LIMIT ?"),
      arguments: [scopeRow, limit]
    ).map { row in
      var compaction = try compaction(row, scopeRow, in: db)
      // A report names them; Expand has the texts.
      for place in compaction.digests.indices { compaction.digests[place].text = "" }
      return compaction
    }
  }

  private static func compaction(
    _ row: Row, _ scopeRow: Int64, in db: Database
  ) throws -> V1.MemoryCompaction {
    let digests = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT d.id, m.text FROM memory_digests d JOIN memories m ON m.scope = d.scope AND m.id = d.id
          WHERE d.compaction = ? ORDER BY d.row
          """), arguments: [row[0] as Int64])
    let covered = try db.cachedStatement(sql: coveredSQL)
    return V1.MemoryCompaction(
      id: row[1], createdAtUs: row[2],
      digests: try digests.map { digest in
        V1.MemoryDigest(
          memoryID: digest[0], text: digest[1],
          coveredIDs: try String.fetchAll(covered, arguments: [scopeRow, digest[0] as String]))
      }, figures: try V1.CompressionFigures(decoding: [UInt8](row[4] as Data)),
      retention: try V1.Retention(decoding: [UInt8](row[5] as Data)), automatic: row[3])
  }

  static let coveredSQL =
    "SELECT id FROM memories WHERE scope = ? AND superseded_by = ? ORDER BY created_at_us, item"

  /// The memories that a compaction folded.
  package static func raw(
    _ compaction: V1.MemoryCompaction, ids: [String], page: PageRequest, scope: Scope, in db: Database
  ) throws -> (memories: [V1.Memory], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let after: Int64 = try page.after(orders: 1)?[0] ?? 0
    var sql = SQLConditions("m.scope = ? AND m.item > ?", scopeRow, after)
    sql.and([SQLConditions.among("m.superseded_by", compaction.digests.map(\.memoryID))])
    if !ids.isEmpty { sql.and([SQLConditions.among("m.id", ids)]) }
    let rows = try Row.fetchCursor(
      db, sql: "SELECT \(MemoryQueries.columns) FROM memories m WHERE \(sql.text) ORDER BY m.item LIMIT ?",
      arguments: sql.arguments + [page.size + 1])
    return try page.read(rows, MemoryQueries.memory) {
      AnswerSize.of($0.text, $0.attributes)
    } key: {
      [$0[0] as Int64]
    }
  }

  /// How many there are, and their sums.
  package static func stats(
    scope: Scope, in db: Database
  ) throws -> (count: UInt64, figures: V1.CompressionFigures) {
    var (count, sum): (UInt64, V1.CompressionFigures) = (0, V1.CompressionFigures())
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return (count, sum) }
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT figures FROM memory_compactions WHERE scope = ?"),
      arguments: [scopeRow])
    while let row = try rows.next() {
      sum.add(try V1.CompressionFigures(decoding: [UInt8](row[0] as Data)))
      count += 1
    }
    return (count, sum)
  }
}

extension MemoryQueries {
  static func liveCount(_ scopeRow: Int64, _ now: Timestamp, in db: Database) throws -> Int {
    let sql = live(scopeRow, now)
    return try Int.fetchOne(
      db, sql: "SELECT count(*) FROM memories m WHERE \(sql.text)", arguments: sql.arguments) ?? 0
  }

  /// Of the oldest so many, those that do not expire and are no digests, oldest first.
  static func foldable(
    oldest count: Int, _ scopeRow: Int64, _ now: Timestamp, in db: Database
  ) throws -> [V1.Memory] {
    var sql = live(scopeRow, now)
    sql.and(
      """
      m.expires_at_us = 0 AND NOT EXISTS (SELECT 1 FROM memory_digests d WHERE d.scope = m.scope AND d.id = m.id) \
      AND m.item IN (SELECT o.item FROM memories o WHERE o.scope = ? AND o.expired_at_us = 0
        AND o.superseded_at_us = 0 ORDER BY o.created_at_us, o.item LIMIT ?)
      """, scopeRow, count)
    return try Row.fetchAll(
      db, sql: "SELECT \(columns) FROM memories m WHERE \(sql.text) ORDER BY m.created_at_us, m.item",
      arguments: sql.arguments
    ).map(memory)
  }
}
