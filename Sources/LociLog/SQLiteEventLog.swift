import GRDB
package import LociCore
package import Logging

/// A log in a database of its own. Appends are durable when they return; one connection writes.
package final class SQLiteEventLog: EventLog {
  package let identity: LogIdentity
  package let path: String
  private let database: DatabasePool
  private let headFile: HeadFile
  private let signal = AppendSignal()
  private let logger: Logger
  /// Set by a failed sync or write: what the disk holds is unknown until the log is opened anew.
  private let stopped: Locked<LociError?> = Locked(nil)

  /// Opens or makes the log at `path`, with `path.head` beside it.
  /// - Throws: `dataLoss` when acknowledged events are missing or damaged.
  package init(
    path: String, identity: LogIdentity, readers: Int = 2, logger: Logger = Logger(label: "loci.log"),
    autocheckpointPages: Int = ShardDatabase.autocheckpointPages
  ) throws(LociError) {
    self.path = path
    self.identity = identity
    self.logger = logger
    let database = try ShardDatabase.open(
      path: path, identity: identity, readers: readers, autocheckpointPages: autocheckpointPages)
    do {
      let head = try database.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          try LogTable.create(in: db, identity: identity)
          return .commit
        }
        return try LogTable.head(in: db)
      }
      headFile = try HeadFile(path: path + ".head", identity: identity)
      if let warning = try headFile.check(against: head, in: database) {
        logger.warning("head file repaired", metadata: ["file": "\(path).head", "warning": "\(warning)"])
      }
      self.database = database
    } catch {
      try? database.close()
      throw LociError(error, file: path)
    }
  }

  package func append(
    _ events: [[UInt8]], batch: BatchID, expected: LogSequence
  ) async throws -> AppendOutcome {
    let outcome = try await database.writeWithoutTransaction { db in
      try self.append(events, batch: batch, expected: expected, in: db)
    }
    if case .committed(let head) = outcome { signal.advance(to: head.sequence) }
    return outcome
  }

  private func append(
    _ events: [[UInt8]], batch: BatchID, expected: LogSequence, in db: Database
  ) throws -> AppendOutcome {
    if let reason = stopped.withLock({ $0 }) { throw reason }
    do {
      try db.beginTransaction(.immediate)
      let head = try LogTable.head(in: db)
      guard head.sequence == expected else {
        try db.rollback()
        return .fenced(head)
      }
      let next = try LogTable.append(events, batch: batch, after: head, in: db)
      try db.commit()
      recordHead(next)
      return .committed(next)
    } catch {
      if db.isInsideTransaction { try? db.rollback() }
      return try outcome(of: LociError(error, file: path))
    }
  }

  /// A full disk wrote less than the record, so it is a refusal. After any other failure of the disk the record
  /// may be there or not.
  private func outcome(of error: LociError) throws -> AppendOutcome {
    guard case .dataLoss = error else { throw error }
    stopped.withLock { $0 = error }
    logger.critical("log stopped", metadata: ["file": "\(path)", "error": "\(error)"])
    return .unknown
  }

  /// The commit is durable whether or not this succeeds; a failure only weakens what the next opening can tell.
  private func recordHead(_ head: LogHead) {
    do throws(LociError) { try headFile.record(head) } catch {
      logger.error("head file not written", metadata: ["file": "\(path).head", "error": "\(error)"])
    }
  }

  package func read(after: LogSequence, limit: Int) async throws -> [LogRecord] {
    try await mapped { try LogTable.read(after: after, limitBytes: .max, limit: limit, in: $0) }
  }

  package func head() async throws -> LogHead { try await mapped(LogTable.head) }

  package func subscribe(after: LogSequence) -> AsyncThrowingStream<LogRecord, any Error> {
    follow(after: after, signal: signal)
  }

  package func putSnapshot(_ snapshot: LogSnapshot) async throws {
    try await changed { try LogTable.putSnapshot(snapshot, in: $0) }
  }

  package func latestSnapshot() async throws -> LogSnapshot? { try await mapped(LogTable.latestSnapshot) }

  package func truncate(before sequence: LogSequence) async throws {
    try await changed { try LogTable.truncate(before: sequence, in: $0) }
  }

  /// Verifies every record. Returns the verified head.
  package func verify() async throws -> LogHead { try await mapped { try LogTable.verify(in: $0) } }

  /// Ends subscriptions and closes the files.
  package func close() throws(LociError) {
    signal.close()
    var failure: LociError?
    do throws(LociError) { try headFile.synchronize() } catch { failure = error }
    do throws(LociError) { try ShardDatabase.close(database) } catch { failure = failure ?? error }
    if let failure { throw failure }
  }

  private func mapped<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    do { return try await database.read(body) } catch { throw LociError(error, file: path) }
  }

  private func changed(_ body: @escaping @Sendable (Database) throws -> Void) async throws {
    if let reason = stopped.withLock({ $0 }) { throw reason }
    do { try await database.write(body) } catch {
      let error = LociError(error, file: path)
      if case .dataLoss = error { stopped.withLock { $0 = error } }
      throw error
    }
  }
}
