import CLociSQLite
import Foundation
import GRDB
import LociCore
import LociLog

/// Opens the files that a crash left, as the server would, and judges what it finds.
struct CrashState {
  /// What the server had acknowledged when the power failed.
  let acknowledged: LogSequence

  enum Verdict: Equatable {
    case sound
    /// Acknowledged events are gone; noticed when opening or not.
    case lost(noticed: Bool)
    case corrupt(String)
  }

  func judge(_ folder: TemporaryFolder) -> Verdict {
    let path = folder.file(RecordedWorkload.fileName)
    do {
      let pool = try ShardDatabase.open(path: path, identity: .sample, readers: 1)
      defer { try? pool.close() }
      let verdict = try judge(pool, path)
      guard verdict == .sound else { return verdict }
      try ShardDatabase.close(pool)
      var scan = loci_scan()
      let status = unsafe loci_sqlite_scan_pages(path, &scan)
      guard status == .ok, scan.pages_damaged == 0 else {
        return .corrupt("page \(scan.first_damaged_page) after recovery")
      }
      return .sound
    } catch let error as LociError {
      if case .dataLoss(_, let problem) = error, problem.contains("acknowledged") {
        return .lost(noticed: true)
      }
      return .corrupt("\(error)")
    } catch {
      return .corrupt("\(error)")
    }
  }

  private func judge(_ pool: DatabasePool, _ path: String) throws -> Verdict {
    let (head, problem) = try pool.writeWithoutTransaction { db -> (LogHead, String?) in
      try db.inTransaction(.immediate) {
        try LogTable.create(in: db, identity: .sample)
        return .commit
      }
      return (try LogTable.head(in: db), try wrongContent(in: db))
    }
    if let problem { return .corrupt(problem) }
    let headFile = try HeadFile(path: ShardDatabase.headPath(path), identity: .sample)
    _ = try headFile.check(against: head, in: pool)
    guard head.sequence >= acknowledged else { return .lost(noticed: false) }
    // The log goes on where it was found.
    let next = try pool.write { db in
      try LogTable.append([RecordedWorkload.event(head.sequence + 1)], after: head, in: db)
    }
    try headFile.record(next)
    guard try pool.read({ try LogTable.verify(in: $0) }) == next else { return .corrupt("the head moved") }
    return .sound
  }

  /// Reads every record through the chain, and the table that was committed with it.
  private func wrongContent(in db: Database) throws -> String? {
    let base = try LogTable.latestSnapshot(in: db)?.sequence ?? 0
    let head = try LogTable.head(in: db)
    let first = (try? LogTable.read(after: 0, limitBytes: 1, in: db)) == nil ? base : 0
    var expected = first
    for record in try LogTable.read(after: first, limitBytes: .max, in: db) {
      for event in record.events {
        expected += 1
        if event != RecordedWorkload.event(expected) { return "event \(expected) has other bytes" }
      }
    }
    if expected != head.sequence { return "the records end at \(expected), the head at \(head.sequence)" }
    guard try db.tableExists("applied") else { return head.sequence == 0 ? nil : "no projection" }
    let applied = try Int64.fetchOne(db, sql: "SELECT sequence FROM applied WHERE id = 1") ?? 0
    return applied == Int64(head.sequence)
      ? nil : "the projection is at \(applied), the log at \(head.sequence)"
  }
}
