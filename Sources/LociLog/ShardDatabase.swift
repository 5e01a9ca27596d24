import CLociSQLite
import Foundation
package import GRDB
package import LociCore

/// Opens a shard's database file as everything in Loci relies on: checked pages, write-ahead log, a sync before
/// each commit returns, and one connection for all writes and checkpoints (SQLite before 3.51.3 can corrupt a
/// database when a second connection runs a checkpoint).
package enum ShardDatabase {
  /// Page size of a new database, in bytes.
  static let pageBytes = 4096
  /// Frames in the log after which a commit also runs a checkpoint: 16 MiB. Pages that many commits change are then
  /// written to the database once for all of them.
  package static let autocheckpointPages = 4000

  /// - Parameters:
  ///   - path: made when it is absent; its folder must exist.
  ///   - readers: connections for reading at the same time, at least 1.
  ///   - prepare: called with each new connection, to register functions and tokenizers.
  /// - Throws: `dataLoss` when files are missing or damaged, `failedPrecondition` when the file belongs to
  ///   another log or is no Loci database.
  package static func open(
    path: String, identity: LogIdentity, readers: Int, synchronous: Synchronous = .full,
    autocheckpointPages: Int = ShardDatabase.autocheckpointPages,
    prepare: @escaping @Sendable (Database) throws -> Void = { _ in }
  ) throws(LociError) -> DatabasePool {
    precondition(readers >= 1)
    let code = loci_sqlite_initialize()
    guard code == 0 else { throw .internalError(detail: "SQLite does not start: \(code)") }
    unsafe loci_sqlite_forget_damage(path)
    let state = try FileState(path: path)
    let acknowledged = try HeadFile.acknowledged(path: headPath(path), identity: identity) ?? .empty
    if state == .new, acknowledged.sequence > 0 { throw HeadFile.missing(after: 0, acknowledged, file: path) }
    let pool: DatabasePool
    do {
      pool = try DatabasePool(
        path: path,
        configuration: configuration(state, readers: readers, checkpointPages: autocheckpointPages, prepare))
    } catch {
      throw LociError(error, file: path)
    }
    do {
      try pool.writeWithoutTransaction { db in
        // The pool has just set NORMAL, under which a power failure loses acknowledged commits.
        try db.execute(sql: "PRAGMA synchronous = \(synchronous.rawValue)")
        try checkIdentity(identity, in: db, path: path)
        try checkNothingIsMissing(acknowledged, in: db, path: path)
        try makeRecoveredCommitsDurable(db)
      }
      return pool
    } catch {
      try? pool.close()
      throw LociError(error, file: path)
    }
  }

  /// The head file of the database at `path`.
  package static func headPath(_ path: String) -> String { path + ".head" }

  private static func checkIdentity(_ identity: LogIdentity, in db: Database, path: String) throws {
    guard try db.tableExists("log_meta") else { return }
    let found = try LogTable.identity(in: db)
    guard found == identity else {
      throw LociError.failedPrecondition("\(path) holds \(found.summary), not \(identity.summary)")
    }
  }

  /// Refuses before anything is written, so that what is left of a damaged write-ahead log stays to be looked at.
  private static func checkNothingIsMissing(_ acknowledged: LogHead, in db: Database, path: String) throws {
    guard acknowledged.sequence > 0 else { return }
    let end = try db.tableExists("log_meta") ? LogTable.head(in: db).sequence : 0
    guard end < acknowledged.sequence else { return }
    var scan = loci_scan()
    let status = unsafe loci_sqlite_scan_pages(path, &scan)
    guard status == .ok, scan.first_damaged_frame > 0 else {
      throw HeadFile.missing(after: end, acknowledged, file: path)
    }
    throw LociError.dataLoss(
      file: path + "-wal",
      problem: """
        frame \(scan.first_damaged_frame) fails its checksum, and with it and what follows the acknowledged events \
        \(end + 1)...\(acknowledged.sequence)
        """)
  }

  /// How SQLite syncs. Anything but `full` is for showing what it would lose.
  package enum Synchronous: String, Sendable {
    case off = "OFF"
    case normal = "NORMAL"
    case full = "FULL"
  }

  /// Moves the log into the database file and closes all connections.
  /// - Throws: when the checkpoint fails; the connections are closed all the same, and nothing is lost, since the
  ///   log stays.
  package static func close(_ pool: DatabasePool) throws(LociError) {
    var failure: LociError?
    do { try pool.writeWithoutTransaction(checkpoint) } catch { failure = LociError(error, file: pool.path) }
    do { try pool.close() } catch { failure = failure ?? LociError(error, file: pool.path) }
    if let failure { throw failure }
  }

  /// Commits that a crashed process wrote and did not sync are visible after recovery and could still vanish in a
  /// power failure: a reader, or a retried request that finds its result, would have seen what never was. Moving
  /// the log into the database file syncs it.
  private static func makeRecoveredCommitsDurable(_ db: Database) throws { try checkpoint(db) }

  static func checkpoint(_ db: Database) throws {
    let row = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
    guard let row, row[0] as Int64 == 0 else {
      throw LociError.unavailable("a reader holds the write-ahead log")
    }
  }

  private static func configuration(
    _ state: FileState, readers: Int, checkpointPages: Int,
    _ prepare: @escaping @Sendable (Database) throws -> Void
  ) -> Configuration {
    var configuration = Configuration()
    configuration.label = "loci"
    configuration.maximumReaderCount = readers
    configuration.foreignKeysEnabled = true
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { db in
      unsafe loci_sqlite_disable_checkpoint_on_close(db.sqliteConnection!)
      if db.configuration.readonly {
        try db.execute(
          sql: "PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = ON; PRAGMA cache_size = -8192")
      } else {
        if state == .new { try layOut(db) }
        try db.execute(
          sql: "PRAGMA wal_autocheckpoint = \(checkpointPages); PRAGMA cache_size = -32768")
      }
      try prepare(db)
    }
    return configuration
  }

  /// Writes the header of a new file: page size, checksum bytes and application id are in its first transaction,
  /// so no crash leaves a file that has content and no checks.
  private static func layOut(_ db: Database) throws {
    try db.execute(sql: "PRAGMA page_size = \(pageBytes)")
    let code = unsafe loci_sqlite_reserve_checksum(db.sqliteConnection!)
    guard code == 0 else { throw LociError.internalError(detail: "no room for page checksums: \(code)") }
    try db.execute(sql: "PRAGMA application_id = \(LOCI_APPLICATION_ID)")
  }
}
