import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import LociWire

extension MemoryService {
  func restoreMemories(
    _ request: V1.RestoreMemoriesRequest, _ call: CallContext
  ) async throws -> V1.RestoreMemoriesResponse {
    let scope = try request.checkedScope()
    try node.checkCanWait(request.options)
    let answer = try await node.write(try RestoreMemories(request, scope: scope, key: request.requestKey()))
    if request.options?.waitForIndex == true { try await node.waitUntilIndexed(scope, .memories) }
    return answer
  }

  func setMemoryPolicy(
    _ request: V1.SetMemoryPolicyRequest, _ call: CallContext
  ) async throws -> V1.SetMemoryPolicyResponse {
    guard try request.checkedAgent() != nil else {
      return try await node.write(
        try SetMemoryPolicy(request, tenant: try request.checkedTenant(), key: request.requestKey()))
    }
    let scope = try request.checkedScope()
    return try await node.write(try SetMemoryPolicy(request, scope: scope, key: request.requestKey()))
  }

  func getMemoryPolicy(
    _ request: V1.GetMemoryPolicyRequest, _ call: CallContext
  ) async throws -> V1.GetMemoryPolicyResponse {
    let tenant = node.memoryPolicies.of(try request.checkedTenant())
    guard try request.checkedAgent() != nil else {
      return V1.GetMemoryPolicyResponse(policy: tenant, effective: tenant)
    }
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      let own = try MemoryPolicy.of(try ScopeQueries.row(scope, in: db), in: db)
      return V1.GetMemoryPolicyResponse(
        policy: own, effective: MemoryPolicy.effective(own, tenant: tenant))
    }
  }

  func explainMiss(
    _ request: V1.ExplainMissRequest, _ call: CallContext
  ) async throws -> V1.ExplainMissResponse {
    let scope = try request.checkedScope()
    guard let asked = request.search else { throw LociError.invalid(field: "search", problem: "is missing") }
    let id = try MemoryID(validating: request.memoryID)
    let now = node.clock.now()
    let search = try SearchRequest(
      text: asked.query, embedding: asked.embedding, limit: asked.limit, mode: asked.mode,
      weights: asked.weights, filter: asked.filter, waitForIndex: asked.waitForIndex,
      encoder: node.encoderIdentity, options: asked.options, now: now)
    let started = ContinuousClock.now
    let outcome = try await node.recall.explainMiss(
      search, scope: scope, source: MemorySource(), shard: node.store.shard(of: scope),
      consistency: try node.checked(asked.consistency),
      tuning: try node.searchTuning(asked.tuning, of: MemorySource()),
      checkCancellation: { try call.checkCancellation() }
    ) { scopeRow, db in
      try MemoryQueries.allowed(by: search.filter, scopeRow: scopeRow, now: now, in: db)
    } state: { db in
      try MemoryQueries.state(of: id, scope: scope, now: now, in: db)
    }
    let found = outcome.items
    return V1.ExplainMissResponse(
      reason: V1.MissReason(found.reason), rank: UInt32(found.rank), score: found.score,
      lastScore: found.lastScore, explanation: found.parts.map { V1.Explanation($0) },
      report: V1.SearchReport(outcome, truncated: false, since: started))
  }
}

extension V1.MissReason {
  init(_ reason: MissReason) {
    switch reason {
    case .found: self = .found
    case .notThere: self = .notThere
    case .expired: self = .expired
    case .superseded: self = .superseded
    case .filtered: self = .filtered
    case .notIndexed: self = .notIndexed
    case .notACandidate: self = .notACandidate
    case .rank: self = .rank
    }
  }
}
