import Foundation
package import GRDB
package import LociCore

extension LogTable {
  /// Snapshots kept: the newest, and one before it in case the newest cannot be read.
  private static let snapshotsKept = 2

  package static func putSnapshot(_ snapshot: LogSnapshot, in db: Database) throws {
    guard let head = try boundary(at: snapshot.sequence, in: db), head.hash == snapshot.chainHash else {
      throw LociError.invalid(field: "snapshot", problem: "no record of this log ends at it with its hash")
    }
    try db.execute(
      sql: "INSERT OR REPLACE INTO log_snapshot (sequence, chain_hash, digest, content) VALUES (?, ?, ?, ?)",
      arguments: [
        Int64(snapshot.sequence), blob(snapshot.chainHash.bytes), blob(snapshot.digest.bytes),
        blob(snapshot.content)
      ])
    try db.execute(
      sql: """
        DELETE FROM log_snapshot WHERE sequence NOT IN
          (SELECT sequence FROM log_snapshot ORDER BY sequence DESC LIMIT ?)
        """,
      arguments: [snapshotsKept])
  }

  package static func latestSnapshot(in db: Database) throws -> LogSnapshot? {
    guard
      let row = try Row.fetchOne(
        db,
        sql: "SELECT sequence, chain_hash, digest, content FROM log_snapshot ORDER BY sequence DESC LIMIT 1")
    else { return nil }
    let sequence = LogSequence(clamping: row[0] as Int64)
    guard let chain = ChainHash(row: row, column: 1), let digest = ChainHash(row: row, column: 2),
      let content = Data.fromDatabaseValue(row[3])
    else { throw damage(try identity(in: db), sequence, "malformed snapshot") }
    let snapshot = LogSnapshot(
      sequence: sequence, chainHash: chain, digest: digest, content: Array(content))
    guard snapshot.isIntact else {
      throw damage(try identity(in: db), sequence, "the snapshot does not match its digest")
    }
    return snapshot
  }

  /// Forgets the events before `sequence`. Call it again with growing sequences to go in chunks.
  package static func truncate(before sequence: LogSequence, in db: Database) throws {
    guard sequence > 1 else { return }
    let cut = sequence - 1
    let base = try Meta(db).base
    guard cut > base.sequence else { return }
    guard let snapshot = try latestSnapshot(in: db), snapshot.sequence >= cut else {
      throw LociError.failedPrecondition("no snapshot covers the events before sequence \(sequence)")
    }
    guard let boundary = try boundary(at: cut, in: db) else {
      throw LociError.failedPrecondition("no record ends at sequence \(cut)")
    }
    try db.execute(sql: "DELETE FROM log WHERE last <= ?", arguments: [Int64(cut)])
    try db.execute(
      sql: "UPDATE log_meta SET base_sequence = ?, base_hash = ?, base_batch = ? WHERE id = 1",
      arguments: [Int64(cut), blob(boundary.hash.bytes), blob(boundary.batch.bytes)])
  }

  /// The head that the log had at `sequence`, if a record ends there.
  static func boundary(at sequence: LogSequence, in db: Database) throws -> LogHead? {
    let head = try lastHead(in: db, upTo: sequence) ?? Meta(db).base
    return head.sequence == sequence ? head : nil
  }
}
