/// Stops asking a server that keeps failing, and tries one request when it had time to recover. A value: whoever holds
/// it brings the time.
struct CircuitBreaker: Sendable {
  enum State: Equatable {
    /// Requests go through; so many failed in a row.
    case closed(failures: Int)
    /// Nothing goes through before the instant.
    case open(until: ContinuousClock.Instant)
    /// One request is on its way to find out.
    case probing
  }

  let failuresMax: Int
  let pause: Duration
  private(set) var state = State.closed(failures: 0)

  /// - Parameters:
  ///   - failuresMax: failures in a row that open it, at least 1.
  ///   - pause: how long it stays open.
  init(failuresMax: Int, pause: Duration) {
    self.failuresMax = max(1, failuresMax)
    self.pause = pause
  }

  /// Whether a request may go out now. One that may must be answered by `succeeded` or `failed`.
  mutating func admits(at now: ContinuousClock.Instant) -> Bool {
    switch state {
    case .closed: return true
    case .probing: return false
    case .open(let until):
      guard now >= until else { return false }
      state = .probing
      return true
    }
  }

  mutating func succeeded() { state = .closed(failures: 0) }

  mutating func failed(at now: ContinuousClock.Instant) {
    switch state {
    case .closed(let failures) where failures + 1 < failuresMax: state = .closed(failures: failures + 1)
    case .closed, .probing: state = .open(until: now + pause)
    case .open: return
    }
  }

  /// The request was given up by its caller: it says nothing about the server.
  mutating func abandoned(at now: ContinuousClock.Instant) {
    if case .probing = state { state = .open(until: now) }
  }
}
