import CLociSQLite
package import LociCore
import GRDB

extension LociError {
  /// What an error of the log, of GRDB or of SQLite means. `file` is the database that the call was about.
  package init(_ error: any Error, file: String) {
    switch error {
    case let error as LociError: self = error
    case let error as DatabaseError: self.init(database: error, file: file)
    case let error as LogFenced:
      self = .unavailable("another writer has moved the log to sequence \(error.actual.sequence)")
    case is CancellationError: self = .cancelled
    default: self = .internalError(detail: String(reflecting: error))
    }
  }

  private init(database error: DatabaseError, file: String) {
    switch error.resultCode {
    case .SQLITE_FULL: self = .storageFull
    case .SQLITE_IOERR: self.init(inputOutput: error, file: file)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      self = .dataLoss(file: file, problem: error.message ?? "malformed database")
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .unavailable("the database is busy")
    case .SQLITE_INTERRUPT, .SQLITE_ABORT: self = .cancelled
    case .SQLITE_NOMEM: self = .unavailable("out of memory")
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
      self = .unavailable(
        "cannot open \(file): \(error.message ?? "SQLite error \(error.resultCode.rawValue)")")
    case .SQLITE_TOOBIG: self = .tooLarge(what: "a stored value", bytes: 0, limit: 1_000_000_000)
    default: self = .internalError(detail: error.description)
    }
  }

  /// A disk that fails to read, write or sync has put what it holds in doubt; memory and locks have not.
  private init(inputOutput error: DatabaseError, file: String) {
    switch error.extendedResultCode {
    case .SQLITE_IOERR_NOMEM: self = .unavailable("out of memory")
    case .SQLITE_IOERR_LOCK, .SQLITE_IOERR_RDLOCK, .SQLITE_IOERR_UNLOCK, .SQLITE_IOERR_CHECKRESERVEDLOCK,
      .SQLITE_IOERR_BLOCKED:
      self = .unavailable("the database cannot be locked")
    case .SQLITE_IOERR_DATA:
      let damage = PageDamage.last(inDatabase: file)
      self = .dataLoss(file: damage?.file ?? file, problem: damage?.problem ?? "a page fails its checksum")
    case .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC:
      self = .dataLoss(
        file: file, problem: "the disk failed to sync; nothing more is written until the database is reopened"
      )
    case let code:
      self = .dataLoss(file: file, problem: "the disk failed (SQLite error \(code.rawValue))")
    }
  }
}

/// The last damage that the page checks met in a database.
package struct PageDamage: Sendable, Equatable {
  /// Path of the database file or of its write-ahead log.
  package let file: String
  package let problem: String

  package static func last(inDatabase path: String) -> PageDamage? {
    var damage = loci_damage()
    guard unsafe loci_sqlite_last_damage(path, &damage) else { return nil }
    let problem =
      switch damage.kind {
      case .page: "page \(damage.number) (byte \(damage.offset)) fails its checksum"
      case .pageMissing: "page \(damage.number) is beyond the end of the file"
      case .frame: "frame \(damage.number) (byte \(damage.offset)) fails its checksum"
      case .sync: "a sync failed"
      }
    let name = unsafe withUnsafeBytes(of: &damage.file) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    return PageDamage(file: folder + name, problem: problem)
  }

  package static func forget(inDatabase path: String) { unsafe loci_sqlite_forget_damage(path) }
}
