package import GRDB
package import LociCore
package import LociLog
import LociProto
import Logging

/// All that some agents own: one database with its log and projection, one writer, many readers.
package final class Shard: Sendable {
  package let id: ShardID
  package let path: String

  let identity: LogIdentity
  let prepare: @Sendable (Database) throws -> Void
  let database: DatabasePool
  let projection: Projection
  let quotas: TenantQuotas
  private let tally: UsageTally
  let headFile: HeadFile
  let clock: any WallClock
  let logger: Logger
  let applied: AppliedPosition
  let workers: WorkerPool
  let writer: Locked<WriterState>
  private let queue: Locked<GroupCommit?> = Locked(nil)
  private let counts = Locked(CommitCounts())

  package struct CommitCounts: Sendable {
    package var commits: UInt64 = 0
    package var commands: UInt64 = 0
  }

  /// What only the writer touches, between commits.
  struct WriterState {
    var head: LogHead
    var log: LogTable.Meta
    var counters: ShardCounters
    var scopes: [Scope: Int64] = [:]
    var kept: [ObjectIdentifier: any AnyObject & Sendable] = [:]
    /// Set when the disk failed in a way that leaves its content uncertain; the shard then refuses writes.
    var stopped: LociError?
  }

  /// Opens the shard's database, checks its log against the head file, and applies what is missing.
  /// - Throws: `LociError.dataLoss` naming the file when acknowledged events are missing or damaged.
  init(
    id: ShardID, path: String, identity: LogIdentity, projection: Projection, quotas: TenantQuotas,
    readers: Int,
    clock: any WallClock, workers: WorkerPool, logger: Logger, limits: GroupCommit.Limits,
    prepare: @escaping @Sendable (Database) throws -> Void
  ) throws(LociError) {
    self.id = id
    self.path = path
    self.identity = identity
    self.prepare = prepare
    self.projection = projection
    self.quotas = quotas
    self.clock = clock
    self.workers = workers
    self.logger = logger
    let pool = try ShardDatabase.open(
      path: path, identity: identity, readers: readers, prepare: prepare)
    do {
      // Outside of a transaction: it sets pragmas.
      let tally = try pool.writeWithoutTransaction { db in try UsageTally.install(on: db) }
      self.tally = tally
      let (log, head, counters) = try pool.write { db in
        try LogTable.create(in: db, identity: identity)
        try projection.migrate(db, tally)
        quotas.add(try UsageTable.load(db))
        try QuotaSlice.load(db, into: quotas)
        return (try LogTable.Meta(db), try LogTable.head(in: db), try projection.counters(db))
      }
      guard counters.applied == head.sequence else {
        throw LociError.dataLoss(
          file: path, problem: "projection is at \(counters.applied), log at \(head.sequence)")
      }
      headFile = try HeadFile(path: ShardDatabase.headPath(path), identity: identity)
      if let warning = try headFile.check(against: head, in: pool) {
        logger.warning("head file repaired", metadata: ["shard": "\(id)", "warning": "\(warning)"])
      }
      applied = AppliedPosition(head.sequence)
      writer = Locked(WriterState(head: head, log: log, counters: counters))
    } catch {
      try? pool.close()
      throw LociError(error, file: path)
    }
    database = pool
    let commits = GroupCommit(label: "loci.shard.\(id)", limits: limits) { [weak self] batch in
      guard let self else { return batch.forEach { $0.fail(.unavailable("the shard is closed")) } }
      self.commit(batch)
    }
    queue.withLock { $0 = commits }
  }

  package var position: Position { Position(shard: id, sequence: applied.current) }
  package var commitCounts: CommitCounts { counts.withLock { $0 } }
  /// Why the shard refuses writes, if it does.
  package var problem: LociError? { writer.withLock { $0.stopped } }

  // MARK: Writing

  /// Returns once the command is durable.
  package func submit<C: Command>(_ command: C) async throws(LociError) -> C.Answer {
    guard let queue = queue.withLock({ $0 }) else { throw .unavailable("the shard is closed") }
    let result: Result<C.Answer, LociError> = await unsafe withUnsafeContinuation { continuation in
      let pending = TypedPendingCommand(command: command) { unsafe continuation.resume(returning: $0) }
      do throws(LociError) { try queue.submit(pending) } catch { pending.fail(error) }
    }
    return try result.get()
  }

  /// Commits a batch together. When applying one of its commands fails, each gets a commit of its own, so that
  /// only the one at fault is refused.
  private func commit(_ batch: [any PendingCommand]) {
    writer.withLock { state in
      if let stopped = state.stopped { return batch.forEach { $0.fail(stopped) } }
      do {
        try commitTogether(batch, &state)
      } catch let error as LociError where batch.count > 1 && !error.concernsTheDisk && state.stopped == nil {
        for command in batch {
          // One of them may have stopped the shard: after a failed sync nothing more is written.
          if let stopped = state.stopped {
            command.fail(stopped)
            continue
          }
          do { try commitTogether([command], &state) } catch { command.fail(LociError(error, file: path)) }
        }
      } catch {
        let reason = state.stopped ?? LociError(error, file: path)
        batch.forEach { $0.fail(reason) }
      }
    }
  }

  private func commitTogether(_ batch: [any PendingCommand], _ state: inout WriterState) throws {
    let before = state
    var answers: [@Sendable () -> Void] = []
    var effects: [@Sendable () -> Void] = []
    var usage: [TenantID: StoredAmount] = [:]
    let room = KeptRoom()
    answers.reserveCapacity(batch.count)
    do {
      try database.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          let transaction = ProjectionTransaction(
            db: db, shard: id, counters: state.counters, scopes: state.scopes, tally: tally,
            kept: state.kept, at: clock.now())
          var commit = CommitBatch(
            transaction: transaction, projection: projection, quotas: quotas, room: room)
          for command in batch {
            do { answers.append(try command.execute(&commit)) } catch let refusal as CommandRefused {
              answers.append { command.fail(refusal.reason) }
            }
          }
          state.scopes = transaction.knownScopes
          state.kept = transaction.keptObjects
          guard !commit.events.isEmpty else { return .rollback }
          state.head = try LogTable.append(commit.events, after: state.head, meta: state.log, in: db)
          state.counters = transaction.counters
          try projection.saveCounters(transaction)
          effects = transaction.effects
          usage = transaction.usage
          return .commit
        }
      }
    } catch {
      quotas.settle(room, changes: [:])
      let attempted = state.head
      state = before
      throw resolve(error, attempted: attempted, &state)
    }
    quotas.settle(room, changes: usage)
    if state.head.sequence > before.head.sequence {
      do { try headFile.record(state.head) } catch {
        logger.error("head file not written", metadata: ["shard": "\(id)", "error": "\(error)"])
      }
      for effect in effects { effect() }
      applied.advance(to: state.head.sequence)
      counts.withLock {
        $0.commits += 1
        $0.commands += UInt64(batch.count)
      }
    }
    for answer in answers { answer() }
  }

  /// What a failed commit means. A full disk is a clean refusal. Any other failure of the disk leaves it unknown
  /// what is on it: the page cache may hold what the platter does not, so the shard stops and says so rather than
  /// retry (a second fsync would report success for pages the first one lost).
  func resolve(_ error: any Error, attempted: LogHead, _ state: inout WriterState) -> LociError {
    let reason = LociError(error, file: path)
    (state.scopes, state.kept) = ([:], [:])
    guard reason.concernsTheDisk, reason != .storageFull else { return reason }
    state.stopped = .unavailable(
      "shard \(id) stopped writing after a disk failure; outcome of the last writes is unknown until restart")
    logger.critical(
      "shard stopped", metadata: ["shard": "\(id)", "error": "\(reason)", "sequence": "\(attempted.sequence)"]
    )
    return state.stopped ?? reason
  }

  // MARK: Reading

  /// Runs `body` on one snapshot of the projection that is as fresh as `consistency` asks, on a worker thread.
  package func read<T: Sendable>(
    _ consistency: Consistency = .eventual, _ body: @escaping @Sendable (Database) throws -> T
  ) async throws -> T {
    try await waitUntilFresh(consistency)
    return try await workers.run { [database, path] in
      do { return try database.read(body) } catch let error as DatabaseError {
        throw LociError(error, file: path)
      }
    }
  }

  /// Log and projection commit together here, so what was acknowledged is applied: a strong read has nothing to
  /// wait for, and only a position that this shard has not reached yet does.
  private func waitUntilFresh(_ consistency: Consistency) async throws {
    guard case .atLeast(let positions) = consistency else { return }
    for position in positions where position.shard == id {
      try await applied.wait(for: position.sequence)
    }
  }

  /// Returns when the event `sequence` is applied.
  /// - Throws: `CancellationError` when the task is cancelled first.
  package func wait(for sequence: LogSequence) async throws {
    try await applied.wait(for: sequence)
  }

  /// Blocks until everything accepted is answered, then closes the files.
  package func close() async throws {
    let open = queue.withLock { $0.take() }
    await open?.close()
    // A disk that fails must not keep the files open.
    let synced = Result { () throws(LociError) in try headFile.synchronize() }
    try ShardDatabase.close(database)
    try synced.get()
  }

  /// Writes a closed copy of the shard's database to `path`, as it is now. Writers go on meanwhile.
  /// - Returns: where the copied log ends.
  package func copy(to path: String) async throws -> LogHead {
    try await workers.run { [database, identity, prepare] in
      try ShardDatabase.copy(database, identity: identity, to: path, prepare: prepare)
    }
  }

  /// A snapshot of log and projection on the calling thread, for `doctor` and for background work.
  package func withDatabase<T>(_ body: (Database) throws -> T) throws -> T { try database.read(body) }
}

extension LociError {
  /// Whether the file or the disk below it failed, rather than the command.
  var concernsTheDisk: Bool {
    switch self {
    case .storageFull, .dataLoss: true
    default: false
    }
  }
}
