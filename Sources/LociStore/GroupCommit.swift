import Dispatch
import LociCore
import Synchronization

/// The queue before a shard's writer: whatever waits when a commit ends goes into the next one together, so the
/// cost of a durable write is shared by everyone who is waiting.
final class GroupCommit: Sendable {
  struct Limits: Sendable {
    /// Commands that may wait. One more is refused with `overloaded`.
    var waitingMax = 8_192
    /// Bytes that waiting commands may hold.
    var waitingBytesMax = 128 << 20
    /// Commands and bytes of one commit.
    var batchMax = 1_024
    var batchBytesMax = 16 << 20
  }

  private struct State {
    var waiting: [any PendingCommand] = []
    var waitingBytes = 0
    var isRunning = false
    var isClosed = false
  }

  private let limits: Limits
  private let queue: DispatchQueue
  private let state = Mutex(State())
  private let commit: @Sendable ([any PendingCommand]) -> Void

  /// `commit` is called with one batch at a time, on the writer's own queue.
  init(label: String, limits: Limits, commit: @escaping @Sendable ([any PendingCommand]) -> Void) {
    self.limits = limits
    self.queue = DispatchQueue(label: label, qos: .userInitiated)
    self.commit = commit
  }

  /// - Throws: `overloaded` when the queue is full, `unavailable` when it is closed.
  func submit(_ command: any PendingCommand) throws(LociError) {
    let outcome: Result<Bool, LociError> = state.withLock { state in
      if state.isClosed { return .failure(.unavailable("the server is shutting down")) }
      guard state.waiting.count < limits.waitingMax else {
        return .failure(.overloaded(queue: "writer", limit: limits.waitingMax))
      }
      guard state.waitingBytes + command.costBytes <= limits.waitingBytesMax || state.waiting.isEmpty else {
        return .failure(.overloaded(queue: "writer bytes", limit: limits.waitingBytesMax))
      }
      state.waiting.append(command)
      state.waitingBytes += command.costBytes
      defer { state.isRunning = true }
      return .success(!state.isRunning)
    }
    if try outcome.get() { queue.async { self.run() } }
  }

  private func run() {
    while let batch = takeBatch() { commit(batch) }
  }

  /// The next batch in order of arrival, or `nil` when nothing waits and the writer may rest.
  private func takeBatch() -> [any PendingCommand]? {
    state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isRunning = false
        return nil
      }
      var bytes = 0
      var count = 0
      for command in state.waiting.prefix(limits.batchMax) {
        if count > 0, bytes + command.costBytes > limits.batchBytesMax { break }
        bytes += command.costBytes
        count += 1
      }
      state.waitingBytes -= bytes
      if count == state.waiting.count {
        let batch = state.waiting
        state.waiting = []
        state.waiting.reserveCapacity(count)
        return batch
      }
      let batch = Array(state.waiting.prefix(count))
      state.waiting.removeFirst(count)
      return batch
    }
  }

  /// Refuses what comes now, and returns when everything accepted has been answered.
  func close() async {
    state.withLock { $0.isClosed = true }
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume() }
    }
  }
}
