import Foundation
package import GRDB
package import LociCore

extension LogTable {
  /// Records with events beyond `after`, in order, until their bodies reach `limitBytes`; at least one if there is
  /// one. The first may begin at or before `after`. Each is verified against the record before it.
  package static func read(
    after: LogSequence, limitBytes: Int, limit: Int = .max, in db: Database
  ) throws -> [LogRecord] {
    var records: [LogRecord] = []
    var bytes = 0
    try scan(after: after, in: db) { record, bodyBytes in
      records.append(record)
      bytes += bodyBytes
      return bytes < limitBytes && records.count < limit
    }
    return records
  }

  /// Verifies every record, their chain and their gaplessness. `visit` is called with each. Returns the verified head.
  package static func verify(in db: Database, visit: (LogRecord) throws -> Void = { _ in }) throws -> LogHead
  {
    var head = try Meta(db).base
    try scan(after: head.sequence, in: db) { record, _ in
      head = record.head
      try visit(record)
      return true
    }
    return head
  }

  /// Calls `body` with each verified record beyond `after` and its size, until it returns `false`.
  private static func scan(
    after: LogSequence, in db: Database, _ body: (LogRecord, Int) throws -> Bool
  ) throws {
    let meta = try Meta(db)
    guard after >= meta.base.sequence else {
      throw LociError.failedPrecondition("the log begins after sequence \(meta.base.sequence)")
    }
    var chain = ChainVerifier(meta, previous: try lastHead(in: db, upTo: after) ?? meta.base)
    let statement = try db.makeStatement(
      sql: "SELECT last, first, batch, prev, hash, body FROM log WHERE last > ? ORDER BY last")
    let rows = try Row.fetchCursor(statement, arguments: [Int64(clamping: after)])
    while let row = try rows.next() {
      let (record, bytes) = try chain.next(row)
      guard try body(record, bytes) else { return }
    }
  }
}

/// Follows a log record by record and refuses the first that does not continue the one before.
struct ChainVerifier {
  private let identity: LogIdentity
  private let hasher: RecordHash
  private var previous: LogHead

  init(_ meta: LogTable.Meta, previous: LogHead) {
    identity = meta.identity
    hasher = meta.hasher
    self.previous = previous
  }

  /// `row` has the columns last, first, batch, prev, hash, body. Also returns the size of the body in bytes.
  mutating func next(_ row: Row) throws -> (LogRecord, Int) {
    let (last, first) = (row[0] as Int64, row[1] as Int64)
    guard first == Int64(previous.sequence) + 1, last >= first else {
      throw damage("gap: events \(first) to \(last) follow \(previous.sequence)")
    }
    guard let batch = BatchID(row: row, column: 2), let prev = ChainHash(row: row, column: 3),
      let hash = ChainHash(row: row, column: 4), let body = Data.fromDatabaseValue(row[5])
    else { throw damage("malformed record") }
    guard prev == previous.hash else { throw damage("the record names another predecessor") }
    let events = try verified(
      body, hash, first: LogSequence(first), last: LogSequence(last), batch: batch, prev: prev)
    let record = LogRecord(
      first: LogSequence(first), last: LogSequence(last), batch: batch, prev: prev, hash: hash,
      events: events,
      redaction: LogBody.digest(of: body))
    previous = record.head
    return (record, body.count)
  }

  private func verified(
    _ body: Data, _ hash: ChainHash, first: LogSequence, last: LogSequence, batch: BatchID, prev: ChainHash
  ) throws -> [[UInt8]] {
    if body.first == LogBody.plainFormat {
      let actual = unsafe body.withUnsafeBytes { bytes in
        unsafe hasher.of(first: first, last: last, batch: batch, prev: prev, body: bytes)
      }
      guard actual == hash else { throw damage("the record does not match its hash") }
    }
    do {
      let events = try LogBody.decode(body.bytes)
      if let digest = LogBody.digest(of: body) {
        let found = hasher.of(events, first: first, last: last, batch: batch, prev: hash)
        guard found == digest else { throw damage("the redacted record does not match its digest") }
      } else {
        guard body.first == LogBody.plainFormat else { throw damage("the record does not match its hash") }
      }
      guard UInt64(events.count) == last - first + 1 else {
        throw damage("\(events.count) events where \(first)...\(last) should be")
      }
      return events
    } catch let failure as LogBody.Failure {
      throw damage("the record cannot be decoded (\(failure))")
    }
  }

  private func damage(_ problem: String) -> LociError {
    LogTable.damage(identity, previous.sequence + 1, problem)
  }
}
