import LociCore

/// Lets one task sleep until there is work; a wake that comes while it works is not lost.
final class WakeSignal: Sendable {
  private enum State {
    case idle
    case woken
    case waiting(CheckedContinuation<Void, any Error>)
  }
  private let state = Locked(State.idle)

  func wake() {
    let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
      if case .waiting(let continuation) = state {
        state = .idle
        return continuation
      }
      state = .woken
      return nil
    }
    waiter?.resume()
  }

  /// - Throws: `CancellationError` when the task is cancelled.
  func wait() async throws {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if Task.isCancelled { return .failure(CancellationError()) }
          if case .woken = state {
            state = .idle
            return .success(())
          }
          state = .waiting(continuation)
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
        guard case .waiting(let continuation) = state else { return nil }
        state = .idle
        return continuation
      }
      waiter?.resume(throwing: CancellationError())
    }
  }
}
