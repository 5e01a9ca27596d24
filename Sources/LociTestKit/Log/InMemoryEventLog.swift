package import LociCore
package import LociLog

/// A log that lives as long as its object, and loses answers on request.
package final class InMemoryEventLog: EventLog {
  /// What becomes of an append whose answer is lost.
  package enum LostAnswer: Sendable { case committed, dropped }

  fileprivate struct State {
    var base = LogHead.empty
    var records: [LogRecord] = []
    var snapshots: [LogSnapshot] = []
    var lostAnswer: LostAnswer?
    var head: LogHead { records.last?.head ?? base }
  }

  package let identity: LogIdentity
  private let state = Locked(State())
  private let signal = AppendSignal()

  package init(identity: LogIdentity) { self.identity = identity }

  package func loseNextAnswer(_ fate: LostAnswer) { state.withLock { $0.lostAnswer = fate } }

  package func append(
    _ events: [[UInt8]], batch: BatchID, expected: LogSequence
  ) async throws -> AppendOutcome {
    let outcome = state.withLock { state -> AppendOutcome in
      guard state.head.sequence == expected else { return .fenced(state.head) }
      let fate = state.lostAnswer.take()
      if fate == .dropped { return .unknown }
      state.records.append(LogRecord(sealing: events, batch: batch, after: state.head, in: identity))
      return fate == .committed ? .unknown : .committed(state.head)
    }
    if case .committed(let head) = outcome { signal.advance(to: head.sequence) }
    return outcome
  }

  package func read(after: LogSequence, limit: Int) async throws -> [LogRecord] {
    try state.withLock { state in
      guard after >= state.base.sequence else {
        throw LociError.failedPrecondition("the log begins after sequence \(state.base.sequence)")
      }
      var previous = state.records.last { $0.last <= after }?.head ?? state.base
      let records = state.records.filter { $0.last > after }.prefix(limit)
      for record in records {
        guard record.continues(previous, in: identity) else {
          throw LociError.dataLoss(file: "memory", problem: "broken chain at sequence \(record.first)")
        }
        previous = record.head
      }
      return Array(records)
    }
  }

  package func head() async throws -> LogHead { state.withLock { $0.head } }

  package func subscribe(after: LogSequence) -> AsyncThrowingStream<LogRecord, any Error> {
    follow(after: after, signal: signal)
  }

  package func putSnapshot(_ snapshot: LogSnapshot) async throws {
    try state.withLock { state in
      guard state.boundary(at: snapshot.sequence)?.hash == snapshot.chainHash else {
        throw LociError.invalid(field: "snapshot", problem: "no record of this log ends at it with its hash")
      }
      state.snapshots.append(snapshot)
    }
  }

  package func latestSnapshot() async throws -> LogSnapshot? {
    let latest = state.withLock { $0.snapshots.max { $0.sequence < $1.sequence } }
    guard let latest, !latest.isIntact else { return latest }
    throw LociError.dataLoss(file: "memory", problem: "the snapshot does not match its digest")
  }

  package func truncate(before sequence: LogSequence) async throws {
    try state.withLock { state in
      guard sequence > 1, sequence - 1 > state.base.sequence else { return }
      guard state.snapshots.contains(where: { $0.sequence >= sequence - 1 }) else {
        throw LociError.failedPrecondition("no snapshot covers the events before sequence \(sequence)")
      }
      guard let boundary = state.boundary(at: sequence - 1) else {
        throw LociError.failedPrecondition("no record ends at sequence \(sequence - 1)")
      }
      state.records.removeAll { $0.last < sequence }
      state.base = boundary
    }
  }

  package func close() { signal.close() }
}

extension InMemoryEventLog.State {
  fileprivate func boundary(at sequence: LogSequence) -> LogHead? {
    base.sequence == sequence ? base : records.first { $0.last == sequence }?.head
  }
}
