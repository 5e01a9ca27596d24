import Foundation
package import GRDB
package import LociCore

extension LogTable {
  /// The record that holds `sequence`, checked against its own hash.
  /// - Throws: `failedPrecondition` when the log has no such event, or none any more.
  package static func record(holding sequence: LogSequence, in db: Database) throws -> LogRecord {
    let meta = try Meta(db)
    let row = try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT last, first, batch, prev, hash, body FROM log WHERE last >= ? ORDER BY last LIMIT 1"),
      arguments: [Int64(clamping: sequence)])
    guard sequence > 0, let row, let prev = ChainHash(row: row, column: 3),
      let first = LogSequence(exactly: row[1] as Int64), first > 0, first <= sequence
    else { throw LociError.failedPrecondition("the log has no event \(sequence)") }
    var chain = ChainVerifier(meta, previous: LogHead(sequence: first - 1, hash: prev, batch: .zero))
    return try chain.next(row).0
  }

  /// Where the record that holds `sequence` ends, with its hash; nil when the log has no such event.
  package static func end(ofRecordHolding sequence: LogSequence, in db: Database) throws -> LogHead? {
    let last = try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT last FROM log WHERE last >= ? ORDER BY last LIMIT 1"),
      arguments: [Int64(clamping: sequence)])
    return try last.flatMap { try lastHead(in: db, upTo: LogSequence(clamping: $0)) }
  }
}
