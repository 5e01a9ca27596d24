import Foundation
import GRDB
import LociCore
import LociLog
import LociTestKit

/// A shard's life as a power failure may interrupt it: made, written in many commits with checkpoints among them,
/// closed, opened again, snapshotted and truncated. Every operation on its files is recorded, and each
/// acknowledgement marked where it was given.
struct RecordedWorkload {
  static let fileName = "shard-0003.db"
  let operations: [FaultSession.Operation]
  let commits: Int

  init(commits: Int, synchronous: ShardDatabase.Synchronous, seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let session = FaultSession(folder)
    session.record(true)
    var random = SplitMix64(seed: seed)
    var writer = Writer(path: folder.file(Self.fileName), session: session)
    for half in 0..<2 {
      try writer.open(synchronous)
      for number in 0..<(commits / 2) {
        try writer.commit(events: Int.random(in: 1...6, using: &random), &random)
        if number == commits / 4 { try writer.snapshotAndTruncate() }
      }
      if half == 0 { try writer.close() }
    }
    session.record(false)
    operations = session.operations
    self.commits = commits
    writer.abandon()
  }

  /// The event with number `sequence`: what it must be wherever it is found.
  static func event(_ sequence: LogSequence) -> [UInt8] { events[Int(sequence) % events.count] }

  /// Made once: every crash state compares all of them.
  private static let events: [[UInt8]] = (0..<2_500).map { number in
    var random = SplitMix64(seed: UInt64(number))
    let count = Int.random(in: 0...10, using: &random) == 0 ? 3_000 : Int.random(in: 20...400, using: &random)
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
  }

  private struct Writer {
    let path: String
    let session: FaultSession
    private var database: DatabasePool?
    private var headFile: HeadFile?
    private var head = LogHead.empty

    init(path: String, session: FaultSession) {
      self.path = path
      self.session = session
    }

    mutating func open(_ synchronous: ShardDatabase.Synchronous) throws {
      let pool = try ShardDatabase.open(
        path: path, identity: .sample, readers: 1, synchronous: synchronous)
      head = try pool.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA wal_autocheckpoint = 40")
        try db.inTransaction(.immediate) {
          try LogTable.create(in: db, identity: .sample)
          try db.execute(sql: "CREATE TABLE IF NOT EXISTS applied (id INTEGER PRIMARY KEY, sequence INTEGER)")
          return .commit
        }
        return try LogTable.head(in: db)
      }
      let headFile = try HeadFile(path: ShardDatabase.headPath(path), identity: .sample)
      _ = try headFile.check(against: head, in: pool)
      (database, self.headFile) = (pool, headFile)
    }

    mutating func commit(events count: Int, _ random: inout SplitMix64) throws {
      let events = (1...UInt64(count)).map { RecordedWorkload.event(head.sequence + $0) }
      head = try database!.write { [head] db in
        let next = try LogTable.append(events, after: head, in: db)
        try db.execute(
          sql: "INSERT OR REPLACE INTO applied (id, sequence) VALUES (1, ?), (?, ?)",
          arguments: [Int64(next.sequence), Int64(2 + next.sequence % 50), Int64(next.sequence)])
        return next
      }
      try headFile!.record(head)
      session.mark(head.sequence)
    }

    mutating func snapshotAndTruncate() throws {
      try database!.write { [head] db in
        try LogTable.putSnapshot(LogSnapshot(at: head, content: Array(repeating: 7, count: 9_000)), in: db)
      }
      try database!.write { [head] db in try LogTable.truncate(before: head.sequence + 1, in: db) }
    }

    mutating func close() throws {
      try headFile!.synchronize()
      try ShardDatabase.close(database!)
      (database, headFile) = (nil, nil)
    }

    mutating func abandon() {
      try? database?.close()
      (database, headFile) = (nil, nil)
    }
  }
}
