import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import LociWire

/// Memories on the wire: decode, call, encode.
struct MemoryService: MemoryServiceProvider {
  let node: NodeParts

  func addMemories(
    _ request: V1.AddMemoriesRequest, _ call: CallContext
  ) async throws -> V1.AddMemoriesResponse {
    try await node.traced(
      .create, request.scope, call,
      traceID: request.memories.first { !$0.traceID.isEmpty }?.traceID ?? "", memories: \.memoryIDs
    ) { try await add(request) }
  }

  private func add(_ request: V1.AddMemoriesRequest) async throws -> V1.AddMemoriesResponse {
    let scope = try request.checkedScope()
    try node.checkCanWait(request.options)
    let key = try request.requestKey()
    // Refused before anything is encoded.
    var command = try AddMemories(
      request, scope: scope, key: key, ids: node.ids, encoder: node.encoderIdentity,
      tenantPolicy: node.memoryPolicies.of(scope.tenant))
    if request.duplicates == .near {
      let near = try await nearDuplicates(of: request, scope)
      command = try AddMemories(
        near.request, scope: scope, key: key, ids: node.ids, encoder: node.encoderIdentity,
        nearest: near.items, tenantPolicy: node.memoryPolicies.of(scope.tenant))
    }
    let answer = try await node.write(command)
    if request.options?.waitForIndex == true { try await node.waitUntilIndexed(scope, .memories) }
    return answer
  }

  /// The request with every draft's embedding, and the items that may say the same.
  private func nearDuplicates(
    of request: V1.AddMemoriesRequest, _ scope: Scope
  ) async throws -> (request: V1.AddMemoriesRequest, items: [Int: Int64]) {
    let least = request.duplicateCosineMin
    guard least == 0 || (0.5...1).contains(least) else {
      throw LociError.invalid(field: "duplicate_cosine_min", problem: "is \(least), must be 0.5 to 1")
    }
    let found = try await node.recall.nearest(
      request.memories.map(\.text), vectors: request.memories.map(\.embedding),
      cosineMin: least == 0 ? NearDuplicate.cosineMinDefault : least, scope: scope, kind: .memories,
      shard: node.store.shard(of: scope))
    var request = request
    for place in request.memories.indices { request.memories[place].embedding = found.vectors[place] }
    return (request, found.items)
  }

  func getMemory(_ request: V1.GetMemoryRequest, _ call: CallContext) async throws -> V1.GetMemoryResponse {
    let scope = try request.checkedScope()
    let id = try MemoryID(validating: request.memoryID)
    let now = node.clock.now()
    return try await node.read(scope, request.consistency) { db, _ in
      V1.GetMemoryResponse(memory: try MemoryQueries.get(id, scope: scope, now: now, in: db))
    }
  }

  func updateMemory(
    _ request: V1.UpdateMemoryRequest, _ call: CallContext
  ) async throws -> V1.UpdateMemoryResponse {
    try await node.traced(
      .update, request.scope, call, memories: { _ in [request.memoryID] }
    ) {
      let scope = try request.checkedScope()
      try node.checkCanWait(request.options)
      let answer = try await node.write(
        try UpdateMemory(request, scope: scope, key: request.requestKey()))
      if request.options?.waitForIndex == true { try await node.waitUntilIndexed(scope, .memories) }
      return answer
    }
  }

  func deleteMemories(
    _ request: V1.DeleteMemoriesRequest, _ call: CallContext
  ) async throws -> V1.DeleteMemoriesResponse {
    try await node.traced(
      .delete, request.scope, call, memories: { _ in request.memoryIDs }
    ) {
      let scope = try request.checkedScope()
      return try await node.write(try DeleteMemories(request, scope: scope, key: request.requestKey()))
    }
  }

  func listMemories(
    _ request: V1.ListMemoriesRequest, _ call: CallContext
  ) async throws -> V1.ListMemoriesResponse {
    let scope = try request.checkedScope()
    let filter = try ItemFilter(request.filter)
    let page = try PageRequest(request.page)
    let now = node.clock.now()
    return try await node.read(scope, request.consistency) { db, position in
      let found = try MemoryQueries.list(
        filter, newestFirst: request.newestFirst, page: page, scope: scope, now: now, in: db)
      return V1.ListMemoriesResponse(memories: found.memories, page: found.page, position: position)
    }
  }

  func searchMemories(
    _ request: V1.SearchMemoriesRequest, _ call: CallContext
  ) async throws -> V1.SearchMemoriesResponse {
    try await node.traced(
      .search, request.scope, call, input: request.query,
      memories: { $0.hits.compactMap { $0.memory?.id } }
    ) { try await search(request, call) }
  }

  private func search(
    _ request: V1.SearchMemoriesRequest, _ call: CallContext
  ) async throws -> V1.SearchMemoriesResponse {
    let scope = try request.checkedScope()
    let search = try SearchRequest(
      text: request.query, embedding: request.embedding, limit: request.limit, mode: request.mode,
      weights: request.weights, filter: request.filter, waitForIndex: request.waitForIndex,
      encoder: node.encoderIdentity, options: request.options, now: node.clock.now())
    let started = ContinuousClock.now
    let now = node.clock.now()
    let outcome = try await node.search(
      search, scope: scope, source: MemorySource(), consistency: request.consistency, tuning: request.tuning,
      call: call
    ) { scopeRow, db in
      try MemoryQueries.allowed(by: search.filter, scopeRow: scopeRow, now: now, in: db)
    } fetch: { items, db in
      try MemoryQueries.memories(items, now: now, in: db)
    }
    node.access.found(outcome.ranked.lazy.map(\.item), scope: scope, at: now)
    let hits = outcome.ranked.compactMap { ranked in
      outcome.items.byItem[ranked.item].map { memory in
        V1.MemoryHit(
          memory: memory, score: ranked.score,
          explanation: request.explain ? V1.Explanation(ranked.parts) : nil)
      }
    }
    return V1.SearchMemoriesResponse(hits: hits, report: V1.SearchReport(outcome, since: started))
  }
}
