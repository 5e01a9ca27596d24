import Foundation
import GRDB
import LociCore
import LociLog
import Testing

struct LogTableTests {
  private let folder: TemporaryFolder
  private let pool: DatabasePool

  init() throws {
    folder = try TemporaryFolder()
    pool = try ShardDatabase.open(path: folder.file("shard.db"), identity: .sample, readers: 1)
    try pool.write { try LogTable.create(in: $0, identity: .sample) }
  }

  @Test func creatingTwiceChangesNothingAndAnotherLogIsRefused() throws {
    try pool.write { (db) throws in
      try LogTable.create(in: db, identity: .sample)
      #expect(try LogTable.identity(in: db) == .sample)
      for other in [
        LogIdentity(logID: "other", shard: LogIdentity.sample.shard),
        LogIdentity(logID: LogIdentity.sample.logID, shard: ShardID(rawValue: 4)),
        LogIdentity(logID: LogIdentity.sample.logID, shard: LogIdentity.sample.shard, restoreEpoch: 1)
      ] {
        #expect(throws: LociError.self) { try LogTable.create(in: db, identity: other) }
      }
    }
  }

  /// The hash of a fixed record, computed by Python's hashlib from the byte table in RecordHash.
  @Test func theFormatIsWhatItWas() throws {
    let batch = try #require(BatchID(bytes: Array(0..<16)))
    let record = LogRecord(sealing: [Array("hello".utf8), []], batch: batch, after: .empty, in: .sample)
    #expect(record.hash.description == Self.knownHash)
    let written = try pool.write {
      try LogTable.append([Array("hello".utf8), []], batch: batch, after: .empty, in: $0)
    }
    #expect(written == record.head)
  }
  private static let knownHash = "a15a2494c0d7620b9b3cd290f83a193f5ca3806c59d6f34a42585c40474ae2ec"

  @Test func appendsOnlyWhereTheLogEnds() throws {
    try pool.write { (db) throws in
      let first = try LogTable.append([[1]], after: .empty, in: db)
      #expect(throws: LogFenced.self) { try LogTable.append([[2]], after: .empty, in: db) }
      let forged = LogHead(sequence: 1, hash: .zero, batch: .zero)
      #expect(throws: LogFenced.self) { try LogTable.append([[2]], after: forged, in: db) }
      #expect(try LogTable.append([[2]], after: first, in: db).sequence == 2)
    }
  }

  /// Every way to falsify a record through SQL is noticed by reading and by verifying.
  @Test(arguments: [
    "UPDATE log SET body = substr(body, 1, length(body) - 1) WHERE last = 6",
    "UPDATE log SET body = CAST(body || x'0161' AS BLOB) WHERE last = 6",
    "UPDATE log SET body = CAST(x'01' || substr(body, 2) AS BLOB) WHERE last = 6",
    "UPDATE log SET batch = zeroblob(16) WHERE last = 6",
    "UPDATE log SET hash = zeroblob(32) WHERE last = 6",
    "UPDATE log SET prev = zeroblob(32) WHERE last = 6",
    "UPDATE log SET hash = x'00' WHERE last = 6",
    "UPDATE log SET first = 4 WHERE last = 6",
    "UPDATE log SET last = 7 WHERE last = 6",
    "DELETE FROM log WHERE last = 6",
    "INSERT INTO log SELECT 7, 7, batch, hash, prev, body FROM log WHERE last = 6",
    "UPDATE log_meta SET log_id = 'other'",
    "UPDATE log_meta SET shard = 9"
  ])
  func falsifiedRecordsAreNoticed(_ sql: String) throws {
    try pool.write { (db) throws in
      var head = LogHead.empty
      for number in 1...5 { head = try LogTable.append([event(number), event(-number)], after: head, in: db) }
      try db.execute(sql: sql)
      #expect(throws: LociError.self) { try LogTable.verify(in: db) }
      #expect(throws: LociError.self) { try LogTable.read(after: 0, limitBytes: .max, in: db) }
    }
  }

  @Test func theErrorNamesShardAndSequence() throws {
    let error = try pool.write { (db) throws in
      var head = LogHead.empty
      for number in 1...5 { head = try LogTable.append([event(number)], after: head, in: db) }
      try db.execute(sql: "UPDATE log SET body = zeroblob(3) WHERE last = 4")
      return try #require(throws: LociError.self) { try LogTable.verify(in: db) }
    }
    guard case .dataLoss(let file, let problem) = error else { Issue.record("\(error)"); return }
    #expect(file.contains("shard 3"))
    #expect(problem == "the record does not match its hash at sequence 4")
  }

  @Test func readStopsAtItsLimitButNeverBeforeOneRecord() throws {
    try pool.write { (db) throws in
      var head = LogHead.empty
      for number in 0..<10 { head = try LogTable.append([event(number, count: 100)], after: head, in: db) }
      #expect(try LogTable.read(after: 0, limitBytes: 1, in: db).count == 1)
      #expect(try LogTable.read(after: 0, limitBytes: 250, in: db).count == 3)
      #expect(try LogTable.read(after: 0, limitBytes: .max, limit: 4, in: db).count == 4)
      #expect(try LogTable.read(after: 9, limitBytes: .max, in: db).map(\.first) == [10])
      var seen: [LogSequence] = []
      #expect(try LogTable.verify(in: db) { seen.append($0.last) } == head)
      #expect(seen == Array(1...10))
    }
  }

  /// A copy in which some events are replaced verifies, keeps the original's hashes, and shows who was redacted; any
  /// further change of a redacted record is noticed.
  @Test func redactedRecordsKeepTheChain() throws {
    let path = folder.file("copy.db")
    let copy = try ShardDatabase.open(path: path, identity: .sample, readers: 1)
    let head = try pool.write { (db) throws in
      var head = LogHead.empty
      for number in 1...5 { head = try LogTable.append([event(number), event(-number)], after: head, in: db) }
      return head
    }
    let records = try pool.read { try LogTable.read(after: 0, limitBytes: .max, in: $0) }
    try copy.write { (db) throws in
      try LogTable.create(in: db, identity: .sample)
      try LogTable.beginRewritten(in: db)
      let meta = try LogTable.Meta(db)
      for record in records {
        let replacement: [[UInt8]]? = record.last == 6 ? [event(0), record.events[1]] : nil
        #expect(
          try (LogTable.copy(record, replacing: replacement, meta: meta, in: db) != nil) == (record.last == 6)
        )
      }
      #expect(try LogTable.verify(in: db) == head)
      let found = try LogTable.read(after: 0, limitBytes: .max, in: db)
      #expect(found.map(\.hash) == records.map(\.hash))
      #expect(found.map { $0.redaction != nil } == [false, false, true, false, false])
      #expect(found[2].events == [event(0), records[2].events[1]] && found[3].events == records[3].events)
      // Copied once more it stays as it is.
      try db.execute(sql: "DELETE FROM log WHERE last = 6")
      #expect(try LogTable.copy(found[2], meta: meta, in: db) == nil)
      #expect(try LogTable.read(after: 0, limitBytes: .max, in: db) == found)
      let body = try #require(try Data.fetchOne(db, sql: "SELECT body FROM log WHERE last = 6"))
      for count in 0..<body.count {
        try db.execute(sql: "UPDATE log SET body = ? WHERE last = 6", arguments: [body.prefix(count)])
        #expect(throws: LociError.self) { try LogTable.verify(in: db) }
      }
      for bit in 0..<(body.count * 8) {
        var flipped = body
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        try db.execute(sql: "UPDATE log SET body = ? WHERE last = 6", arguments: [flipped])
        #expect(throws: LociError.self) { try LogTable.verify(in: db) }
      }
    }
    try copy.close()
  }

  @Test func aRolledBackAppendLeavesNothing() throws {
    try pool.writeWithoutTransaction { (db) throws in
      try db.inTransaction(.immediate) {
        _ = try LogTable.append([[1]], after: .empty, in: db)
        return .rollback
      }
      #expect(try LogTable.head(in: db) == .empty)
    }
  }
}
