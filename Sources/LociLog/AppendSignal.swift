package import LociCore

/// Wakes those who wait for a log to grow. A hint only: a waiter also wakes after `pollInterval`, and then reads.
package final class AppendSignal: Sendable {
  private struct State {
    var sequence: LogSequence = 0
    var isClosed = false
    var nextID = 0
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
  }
  private let state = Locked(State())
  private let pollInterval: Duration

  package init(pollInterval: Duration = .milliseconds(50)) { self.pollInterval = pollInterval }

  package var isClosed: Bool { state.withLock { $0.isClosed } }

  package func advance(to sequence: LogSequence) {
    wakeAll { $0.sequence = max($0.sequence, sequence) }
  }

  package func close() { wakeAll { $0.isClosed = true } }

  private func wakeAll(_ change: (inout State) -> Void) {
    let waiters = state.withLock { state in
      change(&state)
      defer { state.waiters = [:] }
      return state.waiters.values
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns when the log may have grown beyond `sequence`, was closed, or the task was cancelled.
  package func wait(beyond sequence: LogSequence) async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let interval = pollInterval
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(for: interval) }
      group.addTask { await self.suspend(id, beyond: sequence) }
      await group.next()
      group.cancelAll()
      wake(id)
    }
  }

  private func suspend(_ id: Int, beyond sequence: LogSequence) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          if state.sequence > sequence || state.isClosed || Task.isCancelled { return true }
          state.waiters[id] = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      wake(id)
    }
  }

  private func wake(_ id: Int) { state.withLock { $0.waiters.removeValue(forKey: id) }?.resume() }
}

extension EventLog {
  /// A subscription made of reads: what is there, then what `signal` announces. Holds at most `chunk` records.
  package func follow(
    after: LogSequence, signal: AppendSignal, chunk: Int = 64
  ) -> AsyncThrowingStream<LogRecord, any Error> {
    let cursor = Locked((after: after, pending: [LogRecord]()[...]))
    return AsyncThrowingStream { [self] in
      while !Task.isCancelled {
        if let record = cursor.withLock({ $0.pending.popFirst() }) {
          cursor.withLock { $0.after = record.last }
          return record
        }
        let position = cursor.withLock { $0.after }
        let records = try await read(after: position, limit: chunk)
        if records.isEmpty {
          if signal.isClosed { return nil }
          await signal.wait(beyond: position)
        } else {
          cursor.withLock { $0.pending = records[...] }
        }
      }
      return nil
    }
  }
}
