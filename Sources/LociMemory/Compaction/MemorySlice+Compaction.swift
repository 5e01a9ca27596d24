import Foundation
import GRDB
import LociCore
import LociProto
import LociRecall
import LociStore

/// Compactions of memories. A digest supersedes what it stands for, so that nothing but the digest is listed or found;
/// when a digest or a memory that it covers is deleted, the others are as they were before.
extension MemorySlice {
  static let compactionTables = [
    ProjectedTable("memory_compactions", orderedBy: "row"), ProjectedTable("memory_digests", orderedBy: "row")
  ]

  @Sendable static func createCompactionTables(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE memory_compactions (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL,
          id TEXT NOT NULL,
          created_at_us INTEGER NOT NULL,
          automatic INTEGER NOT NULL,
          figures BLOB NOT NULL, -- loci.v1.CompressionFigures
          retention BLOB NOT NULL, -- loci.v1.Retention
          UNIQUE (scope, id)
        ) STRICT;
        CREATE TABLE memory_digests (
          row INTEGER PRIMARY KEY,
          scope INTEGER NOT NULL,
          id TEXT NOT NULL, -- of the memory that is the digest
          compaction INTEGER NOT NULL REFERENCES memory_compactions (row),
          UNIQUE (scope, id)
        ) STRICT;
        CREATE INDEX memory_digests_by_compaction ON memory_digests (compaction);
        CREATE INDEX memories_by_successor ON memories (scope, superseded_by) WHERE superseded_by <> '';
        """)
  }

  func apply(
    _ compacted: LogV1.MemoriesCompacted, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let row = transaction.nextItem()
    try transaction.db.cachedStatement(
      sql: """
        INSERT INTO memory_compactions (row, scope, id, created_at_us, automatic, figures, retention)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      row, bucket.scopeRow, compacted.id, transaction.at.microseconds, compacted.automatic,
      Data(compacted.figures), Data(compacted.retention)
    ])
    let insert = try transaction.db.cachedStatement(
      sql: "INSERT INTO memory_digests (row, scope, id, compaction) VALUES (?, ?, ?, ?)")
    for folded in compacted.digests {
      guard let digest = folded.digest else { continue }
      try apply(LogV1.MemoriesAdded(memories: [digest]), bucket, transaction)
      try insert.execute(arguments: [transaction.nextItem(), bucket.scopeRow, digest.id, row])
      for id in folded.ids { try supersede(id, by: digest.id, bucket, transaction) }
    }
  }

  func apply(
    _ undone: LogV1.MemoryCompactionUndone, _ bucket: Bucket, _ transaction: ProjectionTransaction
  ) throws {
    let digests = try String.fetchAll(
      transaction.db.cachedStatement(
        sql: """
          SELECT d.id FROM memory_digests d JOIN memory_compactions c ON c.row = d.compaction
          WHERE c.scope = ? AND c.id = ? ORDER BY d.row
          """), arguments: [bucket.scopeRow, undone.id])
    for digest in digests { try unfold(digest, bucket, transaction) }
  }

  /// Before memories are deleted: takes back the digests among them, and those that cover one of them.
  func unfold(_ ids: [String], _ bucket: Bucket, _ transaction: ProjectionTransaction) throws {
    let db = transaction.db
    let any = try db.cachedStatement(sql: "SELECT 1 FROM memory_digests WHERE scope = ? LIMIT 1")
    guard try Int64.fetchOne(any, arguments: [bucket.scopeRow]) != nil else { return }
    let find = try db.cachedStatement(
      sql: """
        SELECT id FROM memory_digests WHERE scope = ?1 AND (id = ?2
          OR id = (SELECT superseded_by FROM memories WHERE scope = ?1 AND id = ?2 AND superseded_by <> ''))
        """)
    for id in ids {
      for digest in try String.fetchAll(find, arguments: [bucket.scopeRow, id]) {
        try unfold(digest, bucket, transaction)
      }
    }
  }

  /// What a digest covers is as it was before; the digest is gone, and its compaction when it was the last.
  private func unfold(_ digest: String, _ bucket: Bucket, _ transaction: ProjectionTransaction) throws {
    let db = transaction.db
    let covered = try String.fetchAll(
      db.cachedStatement(sql: MemoryCompactionQueries.coveredSQL), arguments: [bucket.scopeRow, digest])
    try apply(LogV1.MemoriesRestored(ids: covered, superseded: true), bucket, transaction)
    try db.cachedStatement(sql: "DELETE FROM memory_digests WHERE scope = ? AND id = ?")
      .execute(arguments: [bucket.scopeRow, digest])
    try remove([digest], bucket, transaction)
    try db.cachedStatement(
      sql: """
        DELETE FROM memory_compactions WHERE scope = ?
          AND NOT EXISTS (SELECT 1 FROM memory_digests d WHERE d.compaction = memory_compactions.row)
        """
    ).execute(arguments: [bucket.scopeRow])
  }
}
