import Foundation
import GRDB
import LociContext
import LociCore
import LociLearn
import LociMemory
import LociProto
import LociRecall
import LociStore
import Logging

/// A clock that moves when it is told to, and a little with each look.
final class ManualClock: WallClock {
  private let time = Locked(Int64(1_700_000_000_000_000))
  func now() -> Timestamp {
    time.withLock {
      $0 += 1
      return Timestamp(microseconds: $0)
    }
  }

  func advance(by microseconds: Int64) { time.withLock { $0 += microseconds } }
}

/// A store with the slices that learning needs, over a temporary folder, without a server.
final class LearnStore: Sendable {
  let path: String
  let store: Store
  let workers = WorkerPool(name: "test", width: 2, waitingMax: 1_024)
  let clock = ManualClock()
  let ids = UUIDv7Generator()
  let scope: Scope
  let policies = PolicyCache()

  init() throws {
    path = NSTemporaryDirectory() + "loci-learn-\(UUID().uuidString)"
    scope = try Scope(tenant: "t", agent: "a")
    var configuration = Store.Configuration(path: path)
    configuration.shardsIfNew = 1
    let vectors = VectorCache(encoder: nil, bytesMax: 1 << 20)
    let index = IndexSlice(
      sources: [MessageSource(), MemorySource(), ExperienceSource()], vectors: vectors
    ) { _ in }
    store = try Store(
      configuration,
      slices: [
        index, ContextSlice(index: index), MemorySlice(index: index), ConsolidationSlice(),
        LearnSlice(index: index)
      ],
      workers: workers, clock: clock,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
      prepare: KeywordIndex.register)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var shard: Shard { store.shards[0] }

  func record(_ experiences: [V1.Experience]) async throws {
    let request = V1.RecordExperiencesRequest(experiences: experiences)
    _ = try await shard.submit(RecordExperiences(request, scope: scope, key: nil, ids: ids))
  }

  func add(_ texts: [String]) async throws -> [String] {
    let request = V1.AddMemoriesRequest(memories: texts.map { V1.MemoryDraft(text: $0) })
    return try await shard.submit(
      AddMemories(request, scope: scope, key: nil, ids: ids, encoder: nil)
    ).memoryIDs
  }

  func memories() async throws -> [V1.Memory] {
    let (scope, now) = (scope, clock.now())
    let page = try PageRequest(V1.Page(size: 1_000))
    let filter = try ItemFilter(nil)
    return try await shard.read { db in
      try MemoryQueries.list(
        filter, newestFirst: false, page: page, scope: scope, now: now, in: db
      ).memories
    }
  }

  func consolidate(digests: Int = 0, isAutomatic: Bool = false) async throws -> V1.Consolidation {
    let (scope, now) = (scope, clock.now())
    let filter = try ItemFilter(nil)
    let input = try await shard.read { db in
      try ConsolidationQueries.input(filter, encoder: nil, scope: scope, now: now, in: db)
    }
    var options = ConsolidationPlan.Options()
    options.digestClusterMin = digests
    let plan = ConsolidationPlan(input.memories, vectors: nil, dimension: 0, options: options)
    let command = ConsolidateMemories(
      plan, of: input, digester: .extractive, scope: scope, key: nil, ids: ids, isAutomatic: isAutomatic)
    return try await shard.submit(command).consolidation ?? V1.Consolidation()
  }

  func recommend(
    _ request: V1.RecommendStrategyRequest, seed: UInt64
  ) async throws -> V1.RecommendStrategyResponse {
    let checked = try RecommendationRequest(request)
    let (scope, policies) = (scope, policies)
    let policy = try await shard.read { db in
      try policies.policy(kind: checked.task.kind, halfLife: checked.halfLife, scope: scope, in: db)
    }
    let nothing = SimilarExperiences(
      of: checked.task, steps: [], among: [], threshold: 0.7,
      similarity: .standard)
    let outcome = try Recommender(checked, policy: policy, similar: nothing).recommend(
      id: ids.next(), seed: seed)
    return try await shard.submit(
      RememberDecision(outcome.decision, answer: outcome.answer, scope: scope, key: nil))
  }

  func report(_ id: String, reward: Double, rater: String = "") async throws {
    let request = V1.ReportOutcomeRequest(decisionID: id, reward: reward, rater: rater)
    _ = try await shard.submit(ReportOutcome(request, scope: scope, key: nil))
  }

  func cycle() async throws -> V1.LearningCycle {
    let scope = scope
    let (data, adjustments) = try await shard.read { db in
      (
        try AdjustmentQueries.learningData(scope: scope, in: db),
        try AdjustmentQueries.all(scope: scope, in: db)
      )
    }
    let outcome = CycleRunner().run(
      data, adjustments: adjustments, id: ids.next(), at: clock.now().microseconds
    ) { self.ids.next() }
    let answer = try await shard.submit(
      FinishCycle(outcome, before: adjustments, scope: scope, key: nil))
    return answer.cycle ?? V1.LearningCycle()
  }

  func adjustments() async throws -> [V1.Adjustment] {
    let scope = scope
    return try await shard.read { db in try AdjustmentQueries.all(scope: scope, in: db) }
  }
}
