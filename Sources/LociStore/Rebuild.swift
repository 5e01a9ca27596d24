import GRDB
package import LociCore
import LociLog
import LociProto

/// Proof that a shard's tables are what its log says: the log is applied to an empty database, and every table
/// is compared row by row.
package struct RebuildReport: Sendable, Equatable {
  package var shard: ShardID
  package var events: LogSequence
  package var rows: Int
  /// One line for each table that differs, naming its first differing row.
  package var differences: [String]
}

extension Store {
  /// Reads every record of the shard's log and checks its chain. Returns the number of its last event.
  /// - Throws: `dataLoss` naming the record.
  package func verifyLog(of shard: Shard, workers: WorkerPool) async throws -> LogSequence {
    try await workers.run {
      try shard.withDatabase { db in
        var redactions = RedactionCheck(shard: shard.id)
        let head = try LogTable.verify(in: db) { try redactions.visit($0) }
        try redactions.finish()
        return head.sequence
      }
    }
  }

  /// Rebuilds the projection of one shard in a temporary file beside it and compares.
  /// - Throws: `dataLoss` when the log itself is damaged.
  package func verifyByRebuilding(_ shard: Shard, workers: WorkerPool) async throws -> RebuildReport {
    let scratch = shard.path + ".rebuild"
    try ShardDatabase.remove(scratch)
    defer { try? ShardDatabase.remove(scratch) }
    let identity = directory.identity(of: shard.id)
    let rebuilt = try ShardDatabase.open(path: scratch, identity: identity, readers: 1, prepare: prepare)
    defer { try? ShardDatabase.close(rebuilt) }
    return try await workers.run { [projection] in
      try shard.withDatabase { source in
        try Rebuild(projection: projection, shard: shard.id).run(from: source, into: rebuilt)
      }
    }
  }
}

struct Rebuild {
  let projection: Projection
  let shard: ShardID
  /// Log bytes read at a time.
  private let chunkBytes = 8 << 20

  func run(from source: Database, into target: DatabasePool) throws -> RebuildReport {
    let events = try replay(from: source, into: target)
    var report = RebuildReport(shard: shard, events: events, rows: 0, differences: [])
    try target.read { rebuilt in
      for table in projection.tables {
        let (rows, difference) = try compare(table, source, rebuilt)
        report.rows += rows
        if let difference { report.differences.append(difference) }
      }
    }
    return report
  }

  private func replay(from source: Database, into target: DatabasePool) throws -> LogSequence {
    try target.writeWithoutTransaction { db in
      var replay = try Replay(projection, shard: shard, into: db)
      while true {
        let records = try LogTable.read(after: replay.counters.applied, limitBytes: chunkBytes, in: source)
        if records.isEmpty { return replay.counters.applied }
        for record in records { try replay.apply(try record.events.map(LogV1.Event.init(decoding:)), in: db) }
      }
    }
  }

  private func compare(
    _ table: ProjectedTable, _ left: Database, _ right: Database
  ) throws -> (rows: Int, difference: String?) {
    let sql = "SELECT * FROM \(table.name) ORDER BY \(table.orderedBy)"
    let ours = try Row.fetchCursor(left, sql: sql)
    let rebuilt = try Row.fetchCursor(right, sql: sql)
    var rows = 0
    while true {
      let (a, b) = (try ours.next(), try rebuilt.next())
      if a == nil, b == nil { return (rows, nil) }
      guard let a, let b, a == b else {
        return (rows, "\(table.name): row \(rows + 1) differs (\(summary(a)) is not \(summary(b)))")
      }
      rows += 1
    }
  }

  /// Types and sizes only: the texts of an agent do not belong in a report.
  private func summary(_ row: Row?) -> String {
    guard let row else { return "no row" }
    let columns = row.map { name, value in
      switch value.storage {
      case .int64(let number): "\(name) \(number)"
      case .string(let text): "\(name) text of \(text.utf8.count) bytes"
      case .blob(let data): "\(name) blob of \(data.count) bytes"
      case .double(let number): "\(name) \(number)"
      case .null: "\(name) null"
      }
    }
    return columns.joined(separator: ", ")
  }
}
