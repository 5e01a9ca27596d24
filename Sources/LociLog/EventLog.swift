package import LociCore

/// The durable, ordered history of one shard. Gapless from 1, hash-chained, fenced: an append names the sequence
/// it follows and is refused when the log has moved on. No clock takes part.
package protocol EventLog: Sendable {
  var identity: LogIdentity { get }

  /// Appends `events` right after `expected`, all or none, durable when it returns `committed`.
  /// - Precondition: at least one event.
  /// - Throws: `LociError` when the log refuses without having written (storage full, stopped, damaged).
  func append(_ events: [[UInt8]], batch: BatchID, expected: LogSequence) async throws -> AppendOutcome

  /// Records with events beyond `after`, in order, at most `limit`; the first may begin before it. The chain is
  /// verified from the record before.
  /// - Throws: `LociError.dataLoss` naming the sequence; `LociError.failedPrecondition` when the log was
  ///   truncated beyond `after`.
  func read(after: LogSequence, limit: Int) async throws -> [LogRecord]

  func head() async throws -> LogHead

  /// Every record beyond `after`, those to come included; ends when the task is cancelled or the log is closed.
  func subscribe(after: LogSequence) -> AsyncThrowingStream<LogRecord, any Error>

  /// Keeps the state at `snapshot.sequence`. The caller appends its `digest` as an event, so the log vouches for it.
  /// - Throws: `LociError.invalid` when the chain hash is not that of the sequence.
  func putSnapshot(_ snapshot: LogSnapshot) async throws
  /// - Throws: `LociError.dataLoss` when its content does not match its digest.
  func latestSnapshot() async throws -> LogSnapshot?

  /// Forgets the events before `sequence`, keeping the hash of the last of them so that the chain still verifies.
  /// - Throws: `LociError.failedPrecondition` when no snapshot covers them, or a record spans the cut.
  func truncate(before sequence: LogSequence) async throws
}

extension EventLog {
  package func append(_ events: [[UInt8]], expected: LogSequence) async throws -> AppendOutcome {
    try await append(events, batch: .random(), expected: expected)
  }

  /// What became of an append whose outcome was unknown: the head after it if it is in the log, otherwise `nil`.
  /// To be asked of a log opened anew.
  package func find(_ batch: BatchID, after expected: LogSequence) async throws -> LogHead? {
    try await read(after: expected, limit: 1).first { $0.batch == batch }?.head
  }
}
