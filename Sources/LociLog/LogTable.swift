package import GRDB
import LociCore

/// The log inside a shard's own database, for a writer that commits events and projection together. Every call
/// runs in the caller's transaction.
///
///     log       one row for each append: its last and first sequence, batch id, hashes, and body (see LogBody)
///     log_meta  one row: whose log it is, and where it begins after a truncation
///
/// Damage is thrown as `LociError.dataLoss` that names the sequence.
package enum LogTable {
  /// Makes the tables, or checks that those there belong to `identity`.
  /// - Throws: `LociError.failedPrecondition` when they belong to another log or to a newer format.
  package static func create(in db: Database, identity: LogIdentity) throws {
    try db.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS log_meta (
          id INTEGER PRIMARY KEY CHECK (id = 1),
          format INTEGER NOT NULL,
          log_id TEXT NOT NULL,
          shard INTEGER NOT NULL,
          restore_epoch INTEGER NOT NULL,
          base_sequence INTEGER NOT NULL DEFAULT 0,
          base_hash BLOB NOT NULL,
          base_batch BLOB NOT NULL
        ) STRICT;
        CREATE TABLE IF NOT EXISTS log (
          last INTEGER PRIMARY KEY,
          first INTEGER NOT NULL,
          batch BLOB NOT NULL,
          prev BLOB NOT NULL,
          hash BLOB NOT NULL,
          body BLOB NOT NULL
        ) STRICT;
        CREATE TABLE IF NOT EXISTS log_snapshot (
          sequence INTEGER PRIMARY KEY,
          chain_hash BLOB NOT NULL,
          digest BLOB NOT NULL,
          content BLOB NOT NULL
        ) STRICT;
        """)
    try db.execute(
      sql: """
        INSERT INTO log_meta (id, format, log_id, shard, restore_epoch, base_hash, base_batch)
        VALUES (1, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
      arguments: [
        Int(RecordHash.formatVersion), identity.logID, Int64(identity.shard.rawValue),
        Int64(identity.restoreEpoch), blob(ChainHash.zero.bytes), blob(BatchID.zero.bytes)
      ])
    let found = try self.identity(in: db)
    guard found == identity else {
      throw LociError.failedPrecondition("the database holds \(found.summary), not \(identity.summary)")
    }
  }

  package static func identity(in db: Database) throws -> LogIdentity { try Meta(db).identity }

  /// Where the log ends.
  package static func head(in db: Database) throws -> LogHead {
    try lastHead(in: db, upTo: .max) ?? Meta(db).base
  }

  /// Writes one record after `head`, which must be where the log ends.
  /// - Parameter meta: what the database says of its log, when the caller knows it already.
  /// - Throws: `LogFenced` with the true head when it is not.
  package static func append(
    _ events: [[UInt8]], batch: BatchID = .random(), after head: LogHead, meta: Meta? = nil, in db: Database
  ) throws -> LogHead {
    precondition(!events.isEmpty, "a record has at least one event")
    let meta = try meta ?? Meta(db)
    let actual = try lastHead(in: db, upTo: .max) ?? meta.base
    guard actual.sequence == head.sequence, actual.hash == head.hash else { throw LogFenced(actual: actual) }
    let body = LogBody.encode(events)
    let (first, last) = (head.sequence + 1, head.sequence + UInt64(events.count))
    let hash = unsafe body.withUnsafeBytes {
      unsafe meta.hasher.of(first: first, last: last, batch: batch, prev: head.hash, body: $0)
    }
    let insert = try db.cachedStatement(
      sql: "INSERT INTO log (last, first, batch, prev, hash, body) VALUES (?, ?, ?, ?, ?, ?)")
    try insert.execute(
      arguments: [
        Int64(last), Int64(first), blob(batch.bytes), blob(head.hash.bytes), blob(hash.bytes), blob(body)
      ])
    return LogHead(sequence: last, hash: hash, batch: batch)
  }

  /// The last record that ends at or before `sequence`.
  static func lastHead(in db: Database, upTo sequence: LogSequence) throws -> LogHead? {
    let statement = try db.cachedStatement(
      sql: "SELECT last, hash, batch FROM log WHERE last <= ? ORDER BY last DESC LIMIT 1")
    let row = try Row.fetchOne(statement, arguments: [Int64(clamping: sequence)])
    return try row.map { row in
      let last: Int64 = row[0]
      guard last > 0, let hash = ChainHash(row: row, column: 1), let batch = BatchID(row: row, column: 2)
      else {
        throw damage(try identity(in: db), LogSequence(clamping: last), "malformed record")
      }
      return LogHead(sequence: LogSequence(last), hash: hash, batch: batch)
    }
  }

  static func damage(_ identity: LogIdentity, _ sequence: LogSequence, _ problem: String) -> LociError {
    .dataLoss(file: identity.summary, problem: "\(problem) at sequence \(sequence)")
  }
}

/// The log does not end where the writer thought.
package struct LogFenced: Error, Equatable {
  package let actual: LogHead
}

extension LogIdentity {
  /// For messages: "log of shard 3 (5f0c…)".
  var summary: String {
    "log of shard \(shard) (\(logID)\(restoreEpoch == 0 ? "" : ", restored \(restoreEpoch) times"))"
  }
}
