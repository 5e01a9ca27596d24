import LociCore
import LociStore
import Logging

/// Writes shards anew that hold what was forgotten: one at a time, on a thread of its own.
final class ShardRewriter: Sendable {
  private let store: Store
  private let workers = WorkerPool(name: "rewrite", width: 1, waitingMax: 1_024, isBackground: true)
  private let logger: Logger
  private let isStopping = Locked(false)
  private let signal = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  init(store: Store, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// Returns once nothing that was forgotten before the call is in the shard's files. Goes on when the caller gives up.
  func rewrite(_ shard: Shard) async throws {
    try await Task.detached { [self] in
      guard
        try await workers.run({ [isStopping] in
          try shard.rewrite(isCancelled: { isStopping.withLock { $0 } })
        })
      else { return }
      logger.notice("shard written anew without what was forgotten", metadata: ["shard": "\(shard.id)"])
      try await emptyLog(of: shard)
    }.value
  }

  /// A reader that began before may need old pages for a while.
  private func emptyLog(of shard: Shard) async throws {
    var attempts = 0
    while try await !isEmptied(shard, isLast: attempts == 60) {
      attempts += 1
      try await Task.sleep(for: .seconds(1))
    }
  }

  private func isEmptied(_ shard: Shard, isLast: Bool) async throws -> Bool {
    try await workers.run {
      do { try shard.emptyLog() } catch let error as LociError {
        guard case .unavailable = error, !isLast else { throw error }
        return false
      }
      return true
    }
  }

  func wake() { signal.continuation.yield() }

  /// Does what is left from before the start, and then what nobody waits for, until the task is cancelled.
  func run() async {
    wake()
    for await _ in signal.stream {
      for shard in store.shards where !isStopping.withLock({ $0 }) {
        do { try await rewrite(shard) } catch is CancellationError {} catch {
          logger.error("shard not written anew", metadata: ["shard": "\(shard.id)", "error": "\(error)"])
        }
      }
    }
  }

  func stop() {
    isStopping.withLock { $0 = true }
    signal.continuation.finish()
  }
}
