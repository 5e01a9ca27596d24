import Dispatch
import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Something that runs jobs beside the caller.
package protocol JobRunner: Sendable {
  func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T
}

extension WorkerPool: JobRunner {}

/// One thread that gets a processor when nobody else wants it: for long computations that hold no lock. On Linux it has
/// the lowest niceness; elsewhere it is a thread like others.
package final class IdleWorker: JobRunner {
  /// What the thread keeps alive, so that it ends with the worker.
  private final class Queue: Sendable {
    let waiting = Locked<[@Sendable () -> Void]>([])
    let signal = DispatchSemaphore(value: 0)

    /// Waits for a job; `nil` at the end.
    func next() -> (@Sendable () -> Void)? {
      signal.wait()
      return waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
  }

  private let queue = Queue()
  private let name: String
  private let waitingMax: Int

  /// - Parameter waitingMax: jobs that may wait; one more is refused with `LociError.overloaded`.
  package init(name: String, waitingMax: Int) {
    self.name = name
    self.waitingMax = waitingMax
    let queue = queue
    let thread = Thread {
      #if canImport(Glibc)
        // Of this thread alone: Linux counts niceness by thread.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
      #endif
      while let job = queue.next() { job() }
    }
    thread.name = "loci.\(name)"
    thread.start()
  }

  deinit { queue.signal.signal() }

  /// Runs `body` on the thread and returns what it gives.
  /// - Throws: `LociError.overloaded` when too much waits; whatever `body` throws.
  package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await unsafe withUnsafeThrowingContinuation { continuation in
      let job: @Sendable () -> Void = {
        unsafe continuation.resume(with: Result { try body() })
      }
      let isTaken = queue.waiting.withLock { waiting in
        guard waiting.count < waitingMax else { return false }
        waiting.append(job)
        return true
      }
      guard isTaken else {
        unsafe continuation.resume(throwing: LociError.overloaded(queue: name, limit: waitingMax))
        return
      }
      queue.signal.signal()
    }
  }
}
