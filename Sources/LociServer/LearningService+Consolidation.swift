import GRDB
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociSession
import LociStore
import LociWire

/// Consolidation of memories on the wire.
extension LearningService {
  func consolidateMemories(
    _ request: V1.ConsolidateMemoriesRequest, _ call: CallContext
  ) async throws -> V1.ConsolidateMemoriesResponse {
    let scope = try request.checkedScope()
    let key = try request.requestKey()
    let filter = try ItemFilter(request.filter)
    var options = ConsolidationPlan.Options()
    if request.candidateSimilarity != 0 {
      guard request.candidateSimilarity > 0, request.candidateSimilarity <= 1 else {
        throw LociError.invalid(
          field: "candidate_similarity", problem: "is \(request.candidateSimilarity), must be 0 to 1")
      }
      options.candidateSimilarity = Float(request.candidateSimilarity)
    }
    guard request.digestClusterMin != 1, request.digestClusterMin <= 1_000 else {
      throw LociError.invalid(
        field: "digest_cluster_min", problem: "is \(request.digestClusterMin), must be 0 or 2 to 1000")
    }
    options.digestClusterMin = Int(request.digestClusterMin)
    if request.waitForIndex {
      guard node.pipeline != nil else {
        throw LociError.failedPrecondition("no encoder is loaded: nothing can be found by meaning")
      }
      try await node.waitUntilIndexed(scope, .memories)
    }
    let command = try await node.consolidation(of: scope, filter, options, key: key)
    try call.checkCancellation()
    guard !request.dryRun else { return command.preview }
    return try await node.write(command)
  }

  func listConsolidations(
    _ request: V1.ListConsolidationsRequest, _ call: CallContext
  ) async throws -> V1.ListConsolidationsResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try ConsolidationQueries.list(page: page, scope: scope, in: db)
      return V1.ListConsolidationsResponse(consolidations: found.consolidations, page: found.page)
    }
  }

  func undoConsolidation(
    _ request: V1.UndoConsolidationRequest, _ call: CallContext
  ) async throws -> V1.UndoConsolidationResponse {
    let scope = try request.checkedScope()
    return try await node.write(try UndoConsolidation(request, scope: scope, key: request.requestKey()))
  }

  func listWeakMemories(
    _ request: V1.ListWeakMemoriesRequest, _ call: CallContext
  ) async throws -> V1.ListWeakMemoriesResponse {
    let scope = try request.checkedScope()
    guard (0...1).contains(request.strengthMax) else {
      throw LociError.invalid(
        field: "strength_max", problem: "is \(request.strengthMax), must be 0 to 1")
    }
    guard (0...1_000).contains(request.limit) else {
      throw LociError.invalid(field: "limit", problem: "is \(request.limit), must be 1 to 1000")
    }
    let now = node.clock.now()
    let (below, limit) = (request.strengthMax, Int(request.limit))
    return try await node.read(scope, request.consistency) { db, _ in
      V1.ListWeakMemoriesResponse(
        memories: try ConsolidationQueries.weak(
          below: below == 0 ? 0.1 : below, limit: limit == 0 ? 100 : limit, scope: scope, now: now, in: db))
    }
  }

  func reinforceMemories(
    _ request: V1.ReinforceMemoriesRequest, _ call: CallContext
  ) async throws -> V1.ReinforceMemoriesResponse {
    let scope = try request.checkedScope()
    return try await node.write(try ReinforceMemories(request, scope: scope, key: request.requestKey()))
  }
}

extension NodeParts {
  /// Compares memories on a snapshot, beside everything that callers wait for.
  func consolidation(
    of scope: Scope, _ filter: ItemFilter, _ options: ConsolidationPlan.Options, key: RequestKey?,
    isAutomatic: Bool = false
  ) async throws -> ConsolidateMemories {
    let (now, encoder) = (clock.now(), encoderIdentity)
    let input = try await read(scope, nil) { db, _ in
      try ConsolidationQueries.input(filter, encoder: encoder, scope: scope, now: now, in: db)
    }
    let plan = try await upkeep.run {
      ConsolidationPlan(
        input.memories, vectors: input.vectors, dimension: input.dimension, options: options)
    }
    return ConsolidateMemories(
      plan, of: input, digester: .extractive, scope: scope, key: key, ids: ids, isAutomatic: isAutomatic)
  }

  /// Consolidates the memories of every agent whose policy asks for it, one agent after the other. One whose memories
  /// are not all embedded has its turn when they are.
  func consolidateDue() async throws {
    for shard in store.shards {
      let due = try await shard.read { db in try ConsolidationDue.find(limit: 16, in: db) }
      for scope in due {
        try Task.checkCancellation()
        guard try await isIndexed(scope, .memories) else { continue }
        _ = try await write(
          try await consolidation(of: scope, try ItemFilter(nil), .init(), key: nil, isAutomatic: true))
      }
    }
  }

  private func isIndexed(_ scope: Scope, _ kind: Bucket.Kind) async throws -> Bool {
    guard pipeline != nil else { return true }
    return try await read(scope, nil) { db, _ in
      guard let row = try ScopeQueries.row(scope, in: db) else { return true }
      return try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT 1 FROM pending WHERE bucket = ? LIMIT 1"),
        arguments: [Bucket(scopeRow: row, kind: kind).rawValue]) == nil
    }
  }
}
