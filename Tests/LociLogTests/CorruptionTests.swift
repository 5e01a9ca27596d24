import CLociSQLite
import Foundation
import GRDB
import LociCore
import LociLog
import Logging
import Testing
import LociTestKit

/// Flipped bits and cut files: test plan row 7. Each is refused with the file named, or proven harmless: every
/// acknowledged event and every row still reads as it was written. Nothing else may come back, and nothing crashes.
struct CorruptionTests {
  /// Of each kind of file; LOCI_CORRUPTIONS asks for more.
  private static let rounds =
    ProcessInfo.processInfo.environment["LOCI_CORRUPTIONS"].flatMap { Int($0) } ?? 400

  @Test(arguments: Victim.allCases)
  func flippedBit(_ victim: Victim) throws {
    let sample = try Sample()
    var random = SplitMix64(seed: 1)
    var tally = Tally()
    for _ in 0..<Self.rounds {
      let bit = Int.random(in: 0..<(sample.files[victim]!.count * 8), using: &random)
      let outcome = try sample.open { files in files[victim]![bit / 8] ^= 1 << UInt8(bit % 8) }
      tally.count(outcome, "bit \(bit) of \(victim)")
    }
    print("\(Self.rounds) flipped bits in the \(victim): \(tally)")
    #expect(tally.wrong.isEmpty)
    #expect(tally.detected > 0)
  }

  @Test(arguments: Victim.allCases)
  func truncated(_ victim: Victim) throws {
    let sample = try Sample()
    var random = SplitMix64(seed: 2)
    var tally = Tally()
    let size = sample.files[victim]!.count
    for round in 0..<Self.rounds {
      // Half of the cuts fall on page borders, where SQLite itself notices least.
      let count =
        Int.random(in: 0..<size, using: &random) / (round % 2 == 0 ? 1 : 4096) * (round % 2 == 0 ? 1 : 4096)
      let outcome = try sample.open { files in files[victim]!.removeLast(size - count) }
      tally.count(outcome, "\(victim) cut to \(count) of \(size)")
    }
    print("\(Self.rounds) truncations of the \(victim): \(tally)")
    #expect(tally.wrong.isEmpty)
    #expect(tally.detected > 0)
  }

  /// A bit that flips under an open database is met by the next read of its page.
  @Test(arguments: [Victim.database, .log])
  func flippedWhileOpen(_ victim: Victim) throws {
    var random = SplitMix64(seed: 3)
    var tally = Tally()
    for _ in 0..<60 {
      let sample = try Sample()
      let folder = try sample.laidOut()
      let path = folder.file(Sample.name)
      let pool = try ShardDatabase.open(path: path, identity: .sample, readers: 1)
      if victim == .log {
        // Opening has emptied the log: write something that stays in it.
        try pool.write { try $0.execute(sql: "UPDATE note SET text = text || ''") }
      }
      let file = path + (victim == .log ? "-wal" : "")
      var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
      let bit = Int.random(in: 0..<(bytes.count * 8), using: &random)
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let handle = try #require(FileHandle(forWritingAtPath: file))
      try handle.seek(toOffset: UInt64(bit / 8))
      try handle.write(contentsOf: [bytes[bit / 8]])
      try handle.close()
      tally.count(sample.read(pool, path), "bit \(bit) of the open \(victim)")
      try pool.close()
    }
    print("60 bits flipped in the open \(victim): \(tally)")
    #expect(tally.wrong.isEmpty)
    #expect(tally.detected > 10)
  }

  enum Victim: CaseIterable { case database, log, head }

  enum Outcome { case detected, harmless, wrong(String) }

  struct Tally: CustomStringConvertible {
    var detected = 0, harmless = 0
    var wrong: [String] = []

    mutating func count(_ outcome: Outcome, _ what: String) {
      switch outcome {
      case .detected: detected += 1
      case .harmless: harmless += 1
      case .wrong(let problem): wrong.append("\(what): \(problem)")
      }
    }

    var description: String {
      "\(detected) detected and named, \(harmless) harmless, \(wrong.count) wrong"
    }
  }

  /// What a killed process leaves: pages in the database, later ones in the log, and the head file.
  struct Sample {
    static let name = "shard-0003.db"
    static let noteCount = 300
    let files: [Victim: [UInt8]]
    let head: LogHead

    init() throws {
      let folder = try TemporaryFolder()
      let path = folder.file(Self.name)
      let pool = try ShardDatabase.open(path: path, identity: .sample, readers: 1)
      var head = LogHead.empty
      try pool.write { db in
        try LogTable.create(in: db, identity: .sample)
        try db.execute(
          sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX note_text ON note (text)")
      }
      let headFile = try HeadFile(path: ShardDatabase.headPath(path), identity: .sample)
      _ = try headFile.check(against: head, in: pool)
      for number in 0..<Self.noteCount {
        if number == 200 {
          try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        }
        head = try pool.write { [head] db in
          try db.execute(sql: "INSERT INTO note VALUES (?, ?)", arguments: [number, Self.note(number)])
          return try LogTable.append([event(number, count: 300)], after: head, in: db)
        }
        try headFile.record(head)
      }
      files = [
        .database: try Self.bytes(path), .log: try Self.bytes(path + "-wal"),
        .head: try Self.bytes(ShardDatabase.headPath(path))
      ]
      self.head = head
      try pool.close()
    }

    static func note(_ number: Int) -> String { "note \(number * 7_919 % 1_000) of \(number)" }

    private static func bytes(_ path: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func laidOut(_ change: (inout [Victim: [UInt8]]) -> Void = { _ in }) throws -> TemporaryFolder {
      let folder = try TemporaryFolder()
      let path = folder.file(Self.name)
      var files = files
      change(&files)
      for (victim, suffix) in [(Victim.database, ""), (.log, "-wal"), (.head, ".head")] {
        try Data(files[victim]!).write(to: URL(fileURLWithPath: path + suffix))
      }
      return folder
    }

    /// Opens a changed copy as the server would and reads all of it.
    func open(_ change: (inout [Victim: [UInt8]]) -> Void) throws -> Outcome {
      let folder = try laidOut(change)
      let path = folder.file(Self.name)
      do {
        let pool = try ShardDatabase.open(path: path, identity: .sample, readers: 1)
        defer { try? pool.close() }
        let found = try pool.read { try LogTable.head(in: $0) }
        let headFile = try HeadFile(path: ShardDatabase.headPath(path), identity: .sample)
        let warning = try headFile.check(against: found, in: pool)
        let outcome = read(pool, path)
        if warning != nil, case .harmless = outcome { return .detected }
        return outcome
      } catch {
        return named(LociError(error, file: path), path)
      }
    }

    func read(_ pool: DatabasePool, _ path: String) -> Outcome {
      do {
        return try pool.read { db in
          guard try LogTable.verify(in: db) == head else { return .wrong("the log ends elsewhere") }
          let records = try LogTable.read(after: 0, limitBytes: .max, in: db)
          for (number, record) in records.enumerated() where record.events != [event(number, count: 300)] {
            return .wrong("event \(number) has other bytes")
          }
          let notes = try String.fetchAll(db, sql: "SELECT text FROM note ORDER BY id")
          let sorted = try String.fetchAll(
            db, sql: "SELECT text FROM note INDEXED BY note_text ORDER BY text")
          let expected = (0..<Self.noteCount).map(Self.note)
          guard notes == expected, sorted == expected.sorted() else { return .wrong("rows differ") }
          return .harmless
        }
      } catch {
        return named(LociError(error, file: path), path)
      }
    }

    /// Detected counts only when the error says data loss and names one of the shard's files.
    private func named(_ error: LociError, _ path: String) -> Outcome {
      guard case .dataLoss(let file, _) = error, file.hasPrefix(path) else { return .wrong("\(error)") }
      return .detected
    }
  }
}
