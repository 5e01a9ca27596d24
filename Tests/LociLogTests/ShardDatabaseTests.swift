import CLociSQLite
import Foundation
import GRDB
import LociCore
import LociLog
import Testing

struct ShardDatabaseTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("shard-0003.db")
  }

  @Test func everyConnectionHasTheSettingsThatSafetyNeeds() throws {
    let pool = try ShardDatabase.open(path: path, identity: .sample, readers: 2)
    func pragma(_ name: String, _ db: Database) throws -> String? {
      try String.fetchOne(db, sql: "PRAGMA \(name)")
    }
    let names = ["synchronous", "journal_mode", "foreign_keys", "wal_autocheckpoint", "application_id"]
    let writer = try pool.writeWithoutTransaction { db in try names.map { try pragma($0, db) } }
    #expect(writer == ["2", "wal", "1", "\(ShardDatabase.autocheckpointPages)", "\(LOCI_APPLICATION_ID)"])
    let reader = try pool.read { db in
      #expect(throws: (any Error).self) { try db.execute(sql: "CREATE TABLE t (a)") }
      return try ["wal_autocheckpoint", "query_only", "foreign_keys"].map { try pragma($0, db) }
    }
    #expect(reader == ["0", "1", "1"])
    try ShardDatabase.close(pool)
  }

  @Test func allPagesOfTheClosedFileAreStampedAndTheLogIsEmpty() throws {
    let pool = try ShardDatabase.open(path: path, identity: .sample, readers: 1)
    try pool.write { db in
      try LogTable.create(in: db, identity: .sample)
      var head = LogHead.empty
      for number in 0..<200 { head = try LogTable.append([event(number, count: 700)], after: head, in: db) }
    }
    try ShardDatabase.close(pool)
    var scan = loci_scan()
    #expect(unsafe loci_sqlite_scan_pages(path, &scan) == .ok)
    #expect(scan.pages > 30)
    #expect(scan.pages_damaged == 0)
    #expect(scan.page_bytes == 4096)
    let log = try? FileManager.default.attributesOfItem(atPath: path + "-wal")
    #expect(log?[.size] as? Int ?? 0 == 0)
    let bytes = try #require(FileManager.default.contents(atPath: path))
    #expect(bytes[20] == 8)
  }

  @Test func reopensWithAnotherIdentityOnlyToRefuse() throws {
    let log = try SQLiteEventLog(path: path, identity: .sample)
    try log.close()
    #expect(throws: LociError.self) {
      try ShardDatabase.open(
        path: path, identity: LogIdentity(logID: "other", shard: ShardID(rawValue: 3)), readers: 1)
    }
  }
}
