import LociCompress
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import LociWire

extension CompressionService {
  func compactMemories(
    _ request: V1.CompactMemoriesRequest, _ call: CallContext
  ) async throws -> V1.CompactMemoriesResponse {
    let scope = try request.checkedScope()
    let policy = try await node.compressionPolicy("", of: scope).policy
    let most = request.memoriesMax > 0 ? request.memoriesMax : policy.memoriesMax
    guard most >= CompactionLimits.memoriesMaxLeast else {
      throw LociError.invalid(
        field: "memories_max",
        problem: "is \(most), must be at least \(CompactionLimits.memoriesMaxLeast)")
    }
    let target = try CompressionTargets.checked(request.target ?? policy.target)
    guard request.target?.question.isEmpty ?? true else {
      throw LociError.invalid(
        field: "target.question", problem: "must be empty: a digest is for any question")
    }
    return try await node.compactMemories(
      of: scope, memoriesMax: Int(most), target: target, isAutomatic: false, key: request.requestKey(),
      pool: node.workers)
  }
}

extension NodeParts {
  /// Folds older memories into digests. Reading and compressing hold up no writer; only the event does.
  func compactMemories(
    of scope: Scope, memoriesMax: Int, target: Compressor.Target, isAutomatic: Bool, key: RequestKey?,
    pool: any JobRunner
  ) async throws -> V1.CompactMemoriesResponse {
    let (now, counter, names) = (clock.now(), compressionCounter, self.ids)
    let plan = try await read(scope, nil) { db, _ in
      try MemoryCompactionPlan(memoriesMax: memoriesMax, scope: scope, now: now, in: db)
    }
    let event = try await pool.run {
      try plan?.event(
        id: names.next(), digestIDs: { names.next() }, target: target, meter: TokenMeter(counter.count),
        isAutomatic: isAutomatic)
    }
    guard event != nil || key != nil else {
      return try await read(scope, nil) { _, position in V1.CompactMemoriesResponse(position: position) }
    }
    return try await write(RecordMemoryCompaction(event, of: plan, scope: scope, key: key))
  }

  /// Memories and snapshots of every agent whose policy limits them. What changed meanwhile waits for the next time.
  func keepWithinPolicies() async throws {
    let tenants = try await tenantCompressionPolicies()
    for shard in store.shards {
      let agents = try await shard.read { db in
        try CompactionQueries.automaticAgents(tenants: tenants, in: db)
      }
      for (scope, policy) in agents {
        try Task.checkCancellation()
        if policy.memoriesMax > 0 {
          let target = try CompressionTargets.checked(policy.target)
          do {
            _ = try await compactMemories(
              of: scope, memoriesMax: Int(policy.memoriesMax), target: target, isAutomatic: true, key: nil,
              pool: idle)
          } catch LociError.failedPrecondition {}
        }
        if policy.snapshotsMax > 0 { try await pruneSnapshots(of: scope, keep: policy.snapshotsMax) }
      }
    }
  }

  private func pruneSnapshots(of scope: Scope, keep: UInt32) async throws {
    let sessions = try await read(scope, nil) { db, _ in
      try SnapshotQueries.sessions(withMoreThan: Int64(keep), scope: scope, in: db)
    }
    for session in sessions {
      let request = V1.PruneSnapshotsRequest(sessionID: session, keepNewest: keep)
      _ = try await write(try PruneSnapshots(request, scope: scope, key: nil))
    }
  }
}
