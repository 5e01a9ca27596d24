import Foundation
package import GRDB
package import LociCore

extension ShardDatabase {
  /// Replaces the whole content of `pool` by that of `source`, in one transaction. Readers see the old content until it
  /// commits. Afterwards nothing of the old is left in the files, unless a reader holds the write-ahead log: then
  /// `emptyLog` is to be called again.
  package static func replace(
    contentOf pool: DatabasePool, by source: DatabasePool
  ) throws(LociError) {
    do {
      try source.writeWithoutTransaction { from in
        try pool.writeWithoutTransaction { to in try from.backup(to: to) }
      }
    } catch {
      throw LociError(error, file: pool.path)
    }
  }

  /// Moves the write-ahead log into the database file and cuts it to nothing.
  /// - Throws: `unavailable` while a reader holds it.
  package static func emptyLog(of pool: DatabasePool) throws(LociError) {
    do { try pool.writeWithoutTransaction(checkpoint) } catch { throw LociError(error, file: pool.path) }
  }

  /// Removes the files of the database at `path`, which nothing has open.
  package static func remove(_ path: String) throws(LociError) {
    for suffix in ["", "-wal", "-shm", "-journal"] where FileManager.default.fileExists(atPath: path + suffix)
    {
      try PlainFile.remove(path + suffix)
    }
  }
}
