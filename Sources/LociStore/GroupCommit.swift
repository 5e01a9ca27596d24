import Dispatch
import LociCore

/// How many commands the next commit should wait for, learnt from those before. Callers that fall into two groups, each
/// coming while the other is committed, would stay two groups for ever: now and then it waits for both together.
private struct Gathering {
  private static let commitsBetweenProbes = 8

  private var usual = 0
  private var previous = 0
  private var untilProbe = commitsBetweenProbes
  private(set) var patience = Duration.zero

  var target: Int { untilProbe == 0 ? usual + previous : usual }

  mutating func committed(_ count: Int, wasComplete: Bool, took: Duration) {
    usual = wasComplete ? max(usual, count) : count
    untilProbe = untilProbe == 0 ? Self.commitsBetweenProbes : untilProbe - 1
    previous = count
    patience = took
  }
}

/// The queue before a shard's writer: whatever waits when a commit ends goes into the next one together, so the
/// cost of a durable write is shared by everyone who is waiting.
///
/// Callers that were just answered come back together, but not at once: the first of them would otherwise get a
/// commit of its own, and all others wait for its sync. So the writer gives the ones it expects, as many as the
/// commits before had, a moment to arrive: at most as long as the last commit took.
final class GroupCommit: Sendable {
  struct Limits: Sendable {
    /// Commands that may wait. One more is refused with `overloaded`.
    var waitingMax = 8_192
    /// Bytes that waiting commands may hold.
    var waitingBytesMax = 128 << 20
    /// Commands and bytes of one commit.
    var batchMax = 1_024
    var batchBytesMax = 16 << 20
    /// The longest wait for expected callers.
    var gatheringMax = Duration.milliseconds(4)
  }

  private struct State {
    var waiting: [any PendingCommand] = []
    var waitingBytes = 0
    var isRunning = false
    var isClosed = false
    /// Set while the writer waits: how many commands end its wait.
    var wakeAt: Int?
  }

  private let limits: Limits
  private let queue: DispatchQueue
  private let state = Locked(State())
  private let gathered = DispatchSemaphore(value: 0)
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
      if let wakeAt = state.wakeAt, state.waiting.count >= wakeAt {
        state.wakeAt = nil
        gathered.signal()
      }
      defer { state.isRunning = true }
      return .success(!state.isRunning)
    }
    if try outcome.get() { queue.async { self.run() } }
  }

  private func run() {
    var gathering = Gathering()
    while true {
      let wasComplete = gather(gathering.target, gathering.patience)
      guard let batch = takeBatch() else { return }
      let started = ContinuousClock.now
      commit(batch)
      gathering.committed(
        batch.count, wasComplete: wasComplete, took: min(limits.gatheringMax, ContinuousClock.now - started))
    }
  }

  /// Waits until `expected` commands are there, or `patience` is over. Returns whether they came.
  private func gather(_ expected: Int, _ patience: Duration) -> Bool {
    let mustWait = state.withLock { state in
      // One that comes alone is never kept waiting, and neither is a full batch.
      guard expected > 1, state.waiting.count < min(expected, limits.batchMax), !state.isClosed else {
        return false
      }
      state.wakeAt = min(expected, limits.batchMax)
      return true
    }
    guard mustWait else { return true }
    let nanoseconds = Int(patience / .nanoseconds(1))
    let result = gathered.wait(timeout: .now() + .nanoseconds(nanoseconds))
    let wasSignalled = state.withLock { state in
      defer { state.wakeAt = nil }
      return state.wakeAt == nil
    }
    // A signal that came just after the time was up must not end the next wait.
    if result == .timedOut, wasSignalled { gathered.wait() }
    return result == .success
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
