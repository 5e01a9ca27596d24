/// A suspended task; resumed exactly once.
@safe struct Waiter<Value: Sendable>: Sendable {
  private let continuation: UnsafeContinuation<Value, any Error>

  /// Suspends the calling task until the waiter that `body` is given is resumed.
  static func suspend(_ body: (Waiter) -> Void) async throws -> Value {
    try await unsafe withUnsafeThrowingContinuation { unsafe body(Waiter(continuation: $0)) }
  }

  private init(continuation: UnsafeContinuation<Value, any Error>) {
    unsafe self.continuation = continuation
  }

  func resume(with result: Result<Value, RPCStatus>) { unsafe continuation.resume(with: result) }
}

/// Tasks that wait for something, first in first out, each removable when it is cancelled. Used under a lock.
struct Waiters<Value: Sendable> {
  private var nextID: UInt64 = 0
  private var waiting: [(id: UInt64, waiter: Waiter<Value>)] = []
  /// Cancelled before they began to wait.
  private var cancelledEarly: Set<UInt64> = []

  mutating func makeID() -> UInt64 {
    nextID += 1
    return nextID
  }

  /// Whether it waits now; `false` where it was cancelled first and must be resumed at once.
  mutating func add(_ id: UInt64, _ waiter: Waiter<Value>) -> Bool {
    guard cancelledEarly.remove(id) == nil else { return false }
    waiting.append((id, waiter))
    return true
  }

  mutating func popFirst() -> Waiter<Value>? {
    waiting.isEmpty ? nil : waiting.removeFirst().waiter
  }

  mutating func removeAll() -> [Waiter<Value>] {
    defer { waiting.removeAll() }
    return waiting.map(\.waiter)
  }

  /// The one to resume because its task was cancelled.
  mutating func cancel(_ id: UInt64) -> Waiter<Value>? {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else {
      cancelledEarly.insert(id)
      return nil
    }
    return waiting.remove(at: index).waiter
  }

  /// The wait is over, however it ended; its id is of no more use.
  mutating func forget(_ id: UInt64) { cancelledEarly.remove(id) }
}
