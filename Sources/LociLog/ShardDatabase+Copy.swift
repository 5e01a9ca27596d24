package import GRDB
package import LociCore

extension ShardDatabase {
  /// Writes a copy of the database as it is now to `path`, with a head file beside it, both synced. Reads one snapshot:
  /// writers go on meanwhile. The copy is a database of its own, closed, with every page checked.
  /// - Returns: where the copied log ends.
  /// - Throws: `storageFull`; `dataLoss` when a page of the source is damaged; `failedPrecondition` when `path` exists.
  package static func copy(
    _ pool: DatabasePool, identity: LogIdentity, to path: String,
    prepare: @escaping @Sendable (Database) throws -> Void = { _ in }
  ) throws(LociError) -> LogHead {
    guard try FileState(path: path) == .new else { throw .failedPrecondition("\(path) exists already") }
    // Made first, so that its pages are checked from the first one on.
    let copy = try open(path: path, identity: identity, readers: 1, prepare: prepare)
    let head: LogHead
    do {
      try pool.unsafeRead { from in
        try copy.writeWithoutTransaction { to in try from.backup(to: to) }
      }
      head = try copy.read(LogTable.head)
      let file = try HeadFile(path: headPath(path), identity: identity, repairing: true)
      _ = try file.check(against: head, in: copy)
    } catch {
      try? copy.close()
      throw LociError(error, file: path)
    }
    try close(copy)
    return head
  }

  /// Marks a closed copy as restored once more, so that whoever is ahead of it notices.
  /// - Parameter identity: the one that it has now; its epoch becomes `restored.restoreEpoch`.
  package static func reidentify(
    path: String, from identity: LogIdentity, as restored: LogIdentity,
    prepare: @escaping @Sendable (Database) throws -> Void = { _ in }
  ) throws(LociError) {
    precondition(identity.logID == restored.logID && identity.shard == restored.shard)
    let pool = try open(path: path, identity: identity, readers: 1, prepare: prepare)
    do {
      let head = try pool.write { db in
        try db.execute(
          sql: "UPDATE log_meta SET restore_epoch = ? WHERE id = 1", arguments: [Int64(restored.restoreEpoch)]
        )
        return try LogTable.head(in: db)
      }
      try PlainFile.remove(headPath(path))
      let file = try HeadFile(path: headPath(path), identity: restored, repairing: true)
      _ = try file.check(against: head, in: pool)
    } catch {
      try? pool.close()
      throw LociError(error, file: path)
    }
    try close(pool)
  }
}
