package import GRDB
import LociCore

extension LogTable {
  /// Format of a table that may hold redacted records.
  static let rewrittenFormat = 2

  /// Marks a new, empty table as one that `copy` fills.
  package static func beginRewritten(in db: Database) throws {
    try db.execute(sql: "UPDATE log_meta SET format = ? WHERE id = 1", arguments: [rewrittenFormat])
  }

  /// Writes a record of the same log as it is, or with `events` in the place of its own. Its hashes stay, so that the
  /// chain holds.
  /// - Returns: the digest of what is left of a record that was redacted now.
  package static func copy(
    _ record: LogRecord, replacing events: [[UInt8]]? = nil, meta: Meta, in db: Database
  ) throws -> ChainHash? {
    precondition(events.map { $0.count == record.events.count } ?? true, "a record keeps its events' numbers")
    let digest = events.map {
      meta.hasher.of($0, first: record.first, last: record.last, batch: record.batch, prev: record.hash)
    }
    let body =
      if let kept = digest ?? record.redaction {
        LogBody.encode(redacted: events ?? record.events, digest: kept)
      } else {
        LogBody.encode(record.events)
      }
    try db.cachedStatement(
      sql: "INSERT INTO log (last, first, batch, prev, hash, body) VALUES (?, ?, ?, ?, ?, ?)"
    ).execute(arguments: [
      Int64(record.last), Int64(record.first), blob(record.batch.bytes), blob(record.prev.bytes),
      blob(record.hash.bytes), blob(body)
    ])
    return digest
  }
}
