package import LociCore
package import LociProto

/// Hands steps that became durable to those who watch. A watcher that does not keep up is cut off and told so, so
/// that nobody's slowness is the writer's.
package final class StepTail: Sendable {
  /// Batches that wait for one watcher.
  static let waitingMax = 1_024

  package enum Batch: Sendable {
    case written([LogV1.StoredStepBlock])
    case completed([LogV1.CompletedStep])
  }

  private struct Watcher {
    let scope: Scope
    let stream: AsyncThrowingStream<Batch, any Error>.Continuation
  }

  private struct State {
    var watchers: [Int: Watcher] = [:]
    var next = 0
  }

  private let state = Locked(State())

  package init() {}

  package var isWatched: Bool { state.withLock { !$0.watchers.isEmpty } }

  /// Everything written to the scope's traces from here on.
  package func watch(_ scope: Scope) -> AsyncThrowingStream<Batch, any Error> {
    let (stream, continuation) = AsyncThrowingStream.makeStream(
      of: Batch.self, bufferingPolicy: .bufferingOldest(Self.waitingMax))
    let id = state.withLock { state in
      state.next += 1
      state.watchers[state.next] = Watcher(scope: scope, stream: continuation)
      return state.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) }
    }
    return stream
  }

  func publish(_ blocks: [LogV1.StoredStepBlock], of scope: Scope) { publish(.written(blocks), of: scope) }

  func publish(_ steps: [LogV1.CompletedStep], of scope: Scope) { publish(.completed(steps), of: scope) }

  private func publish(_ batch: Batch, of scope: Scope) {
    let streams = state.withLock { state in
      state.watchers.values.filter { $0.scope == scope }.map(\.stream)
    }
    for stream in streams {
      if case .dropped = stream.yield(batch) {
        stream.finish(throwing: LociError.overloaded(queue: "tail", limit: Self.waitingMax))
      }
    }
  }
}
