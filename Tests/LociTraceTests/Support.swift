import Foundation
import GRDB
import LociCore
import LociProto
import LociRecall
import LociStore
import LociTrace
import Logging
import LociTestKit

/// A clock that moves a little with each look.
final class ManualClock: WallClock {
  private let time = Locked(Int64(1_700_000_000_000_000))
  func now() -> Timestamp {
    time.withLock {
      $0 += 1
      return Timestamp(microseconds: $0)
    }
  }

  func advance(seconds: Int64) { time.withLock { $0 += seconds * 1_000_000 } }
}

/// A store with the trace and audit slices over a temporary folder, without a server.
final class TraceStore: Sendable {
  let path = NSTemporaryDirectory() + "loci-trace-\(UUID().uuidString)"
  let store: Store
  let tail = StepTail()
  let policies = TracePolicies()
  let book = AuditRuleBook()
  let workers = WorkerPool(name: "test", width: 2, waitingMax: 1_024)
  let clock = ManualClock()

  init() throws {
    var configuration = Store.Configuration(path: path)
    configuration.shardsIfNew = 1
    store = try Store(
      configuration, slices: [TraceSlice(tail: tail, policies: policies), AuditSlice(book: book)],
      workers: workers, clock: clock,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), prepare: { _ in })
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  static func scope(_ agent: String = "a") throws -> Scope { try Scope(tenant: "t", agent: agent) }

  @discardableResult
  func write(_ steps: [V1.Step], agent: String = "a") async throws -> V1.WriteStepsResponse {
    let scope = try Self.scope(agent)
    return try await store.shard(of: scope).submit(
      WriteSteps(
        steps, scope: scope, key: nil, now: clock.now(), rules: book.rules(of: scope), zstd: Zstd()))
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    try await store.shards[0].read(.eventual, body)
  }

  func trace(_ id: String, agent: String = "a") async throws -> (trace: V1.Trace, steps: [V1.Step]) {
    let scope = try Self.scope(agent)
    return try await read { db in
      let stored = try TraceQueries.get(id, scope: scope, in: db)
      let steps = try TraceQueries.steps(of: stored, from: 1, count: .max, bytesMax: .max, in: db)
      return (stored.trace, steps)
    }
  }
}

func traceID(_ n: Int) -> String { String(format: "%032x", n + 1) }
func spanID(_ n: Int) -> String { String(format: "%016x", n + 1) }

/// A finished step of 10 ms, `n` tens of milliseconds after the epoch that all tests use.
func step(
  _ n: Int, trace: Int = 0, parent: Int? = nil, kind: V1.StepKind = .tool, name: String = "tool",
  input: String = "in", output: String = "out", error: String = ""
) -> V1.Step {
  V1.Step(
    traceID: traceID(trace), spanID: spanID(n), parentSpanID: parent.map(spanID) ?? "", kind: kind,
    name: name, startedAtUs: 1_700_000_000_000_000 + Int64(n) * 10_000,
    endedAtUs: 1_700_000_000_010_000 + Int64(n) * 10_000, status: error.isEmpty ? .ok : .error,
    error: error, input: input, output: output)
}
