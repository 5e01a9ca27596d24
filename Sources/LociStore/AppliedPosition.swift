import LociCore

/// How far a shard's projection has come, and who waits for it to come further.
final class AppliedPosition: Sendable {
  private struct State {
    var applied: LogSequence
    var waiters: [UInt64: Waiter] = [:]
    var nextWaiter: UInt64 = 0
  }
  private struct Waiter {
    let sequence: LogSequence
    let continuation: CheckedContinuation<Void, any Error>
  }
  private let state: Locked<State>

  init(_ applied: LogSequence) { state = Locked(State(applied: applied)) }

  var current: LogSequence { state.withLock { $0.applied } }

  func advance(to sequence: LogSequence) {
    let ready = state.withLock { state in
      state.applied = max(state.applied, sequence)
      guard !state.waiters.isEmpty else { return [Waiter]() }
      let ready = state.waiters.filter { $0.value.sequence <= state.applied }
      for key in ready.keys { state.waiters[key] = nil }
      return Array(ready.values)
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  /// Returns when `sequence` is applied.
  /// - Throws: `CancellationError` when the task is cancelled first, as a passed deadline does.
  func wait(for sequence: LogSequence) async throws {
    if current >= sequence { return }
    let key = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isReady = state.withLock { state in
          if state.applied >= sequence || Task.isCancelled { return true }
          state.waiters[key] = Waiter(sequence: sequence, continuation: continuation)
          return false
        }
        if isReady { continuation.resume() }
      }
      try Task.checkCancellation()
    } onCancel: {
      let waiter = state.withLock { $0.waiters.removeValue(forKey: key) }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }
}
