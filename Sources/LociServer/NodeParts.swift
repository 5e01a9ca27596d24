import GRDB
import LociCompress
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import LociText
import LociWire

/// What the services share. Everything that touches stored data goes through here, with a scope.
struct NodeParts: Sendable {
  let store: Store
  let encoder: EmbeddingEngine?
  let pipeline: EmbeddingPipeline?
  let recall: HybridSearch
  let workers: WorkerPool
  /// For building segments of collections, below everything that a caller waits for.
  let upkeep: WorkerPool
  /// For what is compacted in the background, when no processor is wanted otherwise.
  let idle = IdleWorker(name: "compaction", waitingMax: 64)
  let clock: any WallClock
  let ids: UUIDv7Generator
  let summariser: (any TextSummariser)?
  let tokenCounts = TokenCountCache()
  let access = AccessRecorder()
  let backups = BackupTurn()
  let spans = MemorySpans()
  let memoryPolicies: MemoryPolicies

  var encoderIdentity: EncoderIdentity? { encoder.map { EncoderIdentity($0.about) } }

  func write<C: Command>(_ command: C) async throws(LociError) -> C.Answer {
    try await store.shard(of: command.scope).submit(command)
  }

  /// Runs `body` on a snapshot of the scope's shard, with the position that the snapshot shows.
  func read<T: Sendable>(
    _ scope: Scope, _ consistency: V1.Consistency?,
    _ body: @escaping @Sendable (Database, V1.Position) throws -> T
  ) async throws -> T {
    let consistency = try checked(consistency)
    let shard = store.shard(of: scope)
    return try await shard.read(consistency) { db in
      try body(db, V1.Position(try ScopeQueries.position(shard: shard.id, in: db)))
    }
  }

  func search<Items: Sendable>(
    _ request: SearchRequest, scope: Scope, source: any ItemSource, consistency: V1.Consistency?,
    tuning: V1.TuningUnit? = nil, call: CallContext,
    allowed: @escaping @Sendable (_ scopeRow: Int64, _ db: Database) throws -> Set<Int64>?,
    fetch: @escaping @Sendable (_ items: [Int64], _ db: Database) throws -> Items
  ) async throws -> SearchOutcome<Items> {
    try await recall.search(
      request, scope: scope, source: source, shard: store.shard(of: scope),
      consistency: try checked(consistency), tuning: try searchTuning(tuning, of: source),
      checkCancellation: { try call.checkCancellation() }, allowed: allowed, fetch: fetch)
  }

  /// Before the write, so that one that cannot be waited for changes nothing.
  func checkCanWait(_ options: V1.WriteOptions?) throws(LociError) {
    guard options?.waitForIndex == true, pipeline == nil else { return }
    throw .failedPrecondition("no encoder is loaded: nothing can be found by meaning")
  }

  /// Returns once everything written so far to the agent's messages or memories can be found by meaning.
  func waitUntilIndexed(_ scope: Scope, _ kind: Bucket.Kind) async throws {
    guard let pipeline else { return }
    let shard = store.shard(of: scope)
    let row = try await shard.read { db in try ScopeQueries.row(scope, in: db) }
    guard let row else { return }
    try await pipeline.waitUntilIndexed(Bucket(scopeRow: row, kind: kind), in: shard)
  }

  func checked(_ consistency: V1.Consistency?) throws(LociError) -> Consistency {
    let consistency = try Consistency(consistency)
    try store.validate(consistency)
    return consistency
  }
}
