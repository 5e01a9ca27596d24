import DequeModule
import Dispatch

/// A fixed number of threads for work that takes longer than an event loop may be held: reads, searches,
/// encoding. Its queue is bounded; a full one refuses.
public final class WorkerPool: Sendable {
  private struct State {
    var running = 0
    var waiting: Deque<@Sendable () -> Void> = []
  }

  private let name: String
  /// Jobs that run at once.
  public let width: Int
  private let waitingMax: Int
  private let queue: DispatchQueue
  private let state = Locked(State())

  /// - Parameters:
  ///   - width: jobs that run at once, at least 1.
  ///   - waitingMax: jobs that may wait; one more is refused with `LociError.overloaded`.
  ///   - isBackground: run below everything that a caller waits for.
  public init(name: String, width: Int, waitingMax: Int, isBackground: Bool = false) {
    precondition(width > 0 && waitingMax >= 0, "a pool needs a worker")
    self.name = name
    self.width = width
    self.waitingMax = waitingMax
    queue = DispatchQueue(
      label: "loci.\(name)", qos: isBackground ? .background : .userInitiated, attributes: .concurrent)
  }

  /// Runs `body` on a worker and returns what it gives.
  /// - Throws: `LociError.overloaded` when the queue is full; whatever `body` throws.
  public func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await unsafe withUnsafeThrowingContinuation { continuation in
      let job: @Sendable () -> Void = {
        unsafe continuation.resume(with: Result { try body() })
      }
      if !submit(job) {
        unsafe continuation.resume(throwing: LociError.overloaded(queue: name, limit: waitingMax))
      }
    }
  }

  private func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
    let startsNow: Bool? = state.withLock { state in
      if state.running < width {
        state.running += 1
        return true
      }
      guard state.waiting.count < waitingMax else { return nil }
      state.waiting.append(job)
      return false
    }
    guard let startsNow else { return false }
    if startsNow { queue.async { self.drain(job) } }
    return true
  }

  private func drain(_ first: @escaping @Sendable () -> Void) {
    var next: (@Sendable () -> Void)? = first
    while let job = next {
      job()
      next = state.withLock { state in
        guard !state.waiting.isEmpty else {
          state.running -= 1
          return nil
        }
        return state.waiting.removeFirst()
      }
    }
  }
}
