import Foundation
import GRDB
import LociCore
import Testing

@testable import LociLog

/// The write-ahead log's frames are joined into larger writes: whatever a transaction's size, and however weakly it is
/// synced, others see all of it or nothing, and a reopened database has it.
@Suite struct LogBufferTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("shard.db") }

  init() throws { folder = try TemporaryFolder() }

  private func open(_ synchronous: ShardDatabase.Synchronous = .full) throws -> DatabasePool {
    try ShardDatabase.open(path: path, identity: .sample, readers: 2, synchronous: synchronous)
  }

  /// Rows that differ, and their sum.
  private func write(_ rows: Range<Int>, bytes: Int, _ db: Database) throws {
    try db.execute(sql: "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    for row in rows {
      let body = Data((0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ row) })
      try db.execute(sql: "INSERT OR REPLACE INTO t VALUES (?, ?)", arguments: [row, body])
    }
  }

  private func check(_ rows: Range<Int>, bytes: Int, _ db: Database) throws {
    #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM t") == rows.count)
    for row in rows {
      let body = try Data.fetchOne(db, sql: "SELECT body FROM t WHERE id = ?", arguments: [row])
      #expect(body == Data((0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ row) }))
    }
    #expect(try String.fetchOne(db, sql: "PRAGMA integrity_check") == "ok")
  }

  @Test(arguments: [ShardDatabase.Synchronous.full, .normal, .off])
  func readersSeeACommitAtOnce(synchronous: ShardDatabase.Synchronous) throws {
    let pool = try open(synchronous)
    for (count, bytes) in [(1, 10), (3, 4_000), (40, 4_000), (40, 40_000)] {
      try pool.write { db in
        try db.execute(sql: "DROP TABLE IF EXISTS t")
        try write(0..<count, bytes: bytes, db)
      }
      try pool.read { db in try check(0..<count, bytes: bytes, db) }
    }
    try ShardDatabase.close(pool)
    let again = try open()
    try again.read { db in try check(0..<40, bytes: 40_000, db) }
    try ShardDatabase.close(again)
  }

  /// More than the page cache holds: SQLite writes frames before the commit, reads them again, and writes some twice.
  @Test func aTransactionLargerThanTheCache() throws {
    let pool = try open()
    try pool.write { db in
      try db.execute(sql: "PRAGMA cache_size = 8")
      try write(0..<300, bytes: 9_000, db)
      try db.execute(sql: "UPDATE t SET body = body || x'00' WHERE id % 3 = 0")
      try write(0..<300, bytes: 9_000, db)
    }
    try pool.read { db in try check(0..<300, bytes: 9_000, db) }
    struct Undone: Error {}
    #expect(throws: Undone.self) {
      try pool.write { db in
        try write(300..<600, bytes: 9_000, db)
        throw Undone()
      }
    }
    try pool.write { db in try write(0..<1, bytes: 9_000, db) }
    try pool.read { db in try check(0..<300, bytes: 9_000, db) }
    try ShardDatabase.close(pool)
    let again = try open()
    try again.read { db in try check(0..<300, bytes: 9_000, db) }
    try ShardDatabase.close(again)
  }
}
