import LociCore

/// Whether one stream may send: open while its socket takes bytes, closed for good when the stream is over.
final class SendGate: Sendable {
  private struct State {
    var isOpen: Bool
    var failure: RPCStatus?
    var waiters = Waiters<Void>()
  }

  private let state: Locked<State>

  init(isOpen: Bool) { state = Locked(State(isOpen: isOpen)) }

  /// - Throws: why the stream is over.
  func isOpen() throws(RPCStatus) -> Bool {
    let (isOpen, failure) = state.withLock { ($0.isOpen, $0.failure) }
    if let failure { throw failure }
    return isOpen
  }

  func set(isOpen: Bool) {
    let waiters = state.withLock { state in
      state.isOpen = isOpen
      return isOpen ? state.waiters.removeAll() : []
    }
    for waiter in waiters { waiter.resume(with: .success(())) }
  }

  /// The stream is over; whoever waits, and whoever comes later, gets `failure`.
  func close(_ failure: RPCStatus) {
    let waiters = state.withLock { state in
      if state.failure == nil { state.failure = failure }
      return state.waiters.removeAll()
    }
    for waiter in waiters { waiter.resume(with: .failure(failure)) }
  }

  /// Returns when the gate is open.
  /// - Throws: why the stream is over, or `cancelled` for the waiting task alone.
  func waitUntilOpen() async throws(RPCStatus) {
    if try isOpen() { return }
    let id = state.withLock { $0.waiters.makeID() }
    defer { state.withLock { $0.waiters.forget(id) } }
    do {
      try await withTaskCancellationHandler {
        try await Waiter.suspend { waiter in wait(id, waiter) }
      } onCancel: {
        state.withLock { $0.waiters.cancel(id) }?.resume(with: .failure(.cancelled))
      }
    } catch {
      throw error as? RPCStatus ?? .cancelled
    }
  }

  private func wait(_ id: UInt64, _ waiter: Waiter<Void>) {
    let ready: Result<Void, RPCStatus>? = state.withLock { state in
      if let failure = state.failure { return .failure(failure) }
      if state.isOpen { return .success(()) }
      return state.waiters.add(id, waiter) ? nil : .failure(.cancelled)
    }
    if let ready { waiter.resume(with: ready) }
  }
}
