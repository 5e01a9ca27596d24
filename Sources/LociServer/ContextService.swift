import LociContext
import LociCore
import LociProto
import LociRecall
import LociStore
import LociWire

/// Contexts on the wire: decode, call, encode.
struct ContextService: ContextServiceProvider {
  let node: NodeParts

  // MARK: Contexts

  func createContext(
    _ request: V1.CreateContextRequest, _ call: CallContext
  ) async throws -> V1.CreateContextResponse {
    let scope = try request.checkedScope()
    let command = try CreateContext(request, scope: scope, key: request.requestKey(), ids: node.ids)
    return try await node.write(command)
  }

  func getContext(_ request: V1.GetContextRequest, _ call: CallContext) async throws -> V1.GetContextResponse
  {
    let scope = try request.checkedScope()
    let id = try ContextID(validating: request.contextID)
    return try await node.read(scope, request.consistency) { db, _ in
      V1.GetContextResponse(context: try ContextQueries.get(id, scope: scope, in: db))
    }
  }

  func listContexts(
    _ request: V1.ListContextsRequest, _ call: CallContext
  ) async throws -> V1.ListContextsResponse {
    let scope = try request.checkedScope()
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let list = try ContextQueries.list(scope: scope, page: page, in: db)
      return V1.ListContextsResponse(contexts: list.contexts, page: list.page)
    }
  }

  func deleteContext(
    _ request: V1.DeleteContextRequest, _ call: CallContext
  ) async throws -> V1.DeleteContextResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DeleteContext(request, scope: scope, key: request.requestKey()))
  }

  // MARK: Messages

  func append(_ request: V1.AppendRequest, _ call: CallContext) async throws -> V1.AppendResponse {
    let scope = try request.checkedScope()
    let command = try AppendMessages(request, scope: scope, key: request.requestKey(), ids: node.ids)
    try node.checkCanWait(request.options)
    let answer = try await node.write(command)
    if request.options?.waitForIndex == true { try await node.waitUntilIndexed(scope, .messages) }
    return answer
  }

  func appendStream(
    _ requests: RequestStream<V1.AppendStreamRequest>, _ call: CallContext,
    _ responses: ResponseStream<V1.AppendStreamResponse>
  ) async throws {
    for try await request in requests {
      guard let append = request.append else {
        throw LociError.invalid(field: "append", problem: "is missing")
      }
      try await responses.send(V1.AppendStreamResponse(append: try await self.append(append, call)))
    }
  }

  func listMessages(
    _ request: V1.ListMessagesRequest, _ call: CallContext
  ) async throws -> V1.ListMessagesResponse {
    let scope = try request.checkedScope()
    let list = try MessageList(request)
    return try await node.read(scope, request.consistency) { db, position in
      let found = try ContextQueries.list(list, scope: scope, in: db)
      return V1.ListMessagesResponse(messages: found.messages, page: found.page, position: position)
    }
  }

  func export(
    _ request: V1.ExportRequest, _ call: CallContext, _ responses: ResponseStream<V1.ExportResponse>
  ) async throws {
    let scope = try request.checkedScope()
    let contextID = request.contextID.isEmpty ? nil : try ContextID(validating: request.contextID)
    var last: Int64 = 0
    while true {
      try call.checkCancellation()
      let after = last
      let chunk = try await node.read(scope, request.consistency) { db, _ in
        try ContextQueries.export(
          after: after, contextID: contextID, scope: scope, countMax: 1_000, bytesMax: 1 << 20, in: db)
      }
      guard let chunk else { return }
      try await responses.send(V1.ExportResponse(messages: chunk.messages))
      last = chunk.last
    }
  }

  func deleteMessages(
    _ request: V1.DeleteMessagesRequest, _ call: CallContext
  ) async throws -> V1.DeleteMessagesResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DeleteMessages(request, scope: scope, key: request.requestKey()))
  }

  func searchMessages(
    _ request: V1.SearchMessagesRequest, _ call: CallContext
  ) async throws -> V1.SearchMessagesResponse {
    let scope = try request.checkedScope()
    let search = try SearchRequest(
      text: request.query, embedding: [], limit: request.limit, mode: request.mode, weights: request.weights,
      filter: request.filter, waitForIndex: request.waitForIndex, encoder: node.encoderIdentity,
      options: request.options, now: node.clock.now())
    let started = ContinuousClock.now
    let outcome = try await node.search(
      search, scope: scope, source: MessageSource(), consistency: request.consistency, tuning: request.tuning,
      call: call
    ) { scopeRow, db in
      try MessageSource.allowed(by: search.filter, scopeRow: scopeRow, in: db)
    } fetch: { items, db in
      try FoundMessages(items, neighbours: search.neighbours, in: db)
    }
    let found = outcome.items
    let hits = outcome.ranked.compactMap { ranked in
      found.messages.byItem[ranked.item].map { message in
        V1.MessageHit(
          message: message, score: ranked.score,
          explanation: request.explain ? V1.Explanation(ranked.parts) : nil,
          before: found.around[ranked.item]?.before ?? [], after: found.around[ranked.item]?.after ?? [])
      }
    }
    return V1.SearchMessagesResponse(
      hits: hits, report: V1.SearchReport(outcome, truncated: found.isTruncated, since: started))
  }

  func explainMessageMiss(
    _ request: V1.ExplainMessageMissRequest, _ call: CallContext
  ) async throws -> V1.ExplainMessageMissResponse {
    let scope = try request.checkedScope()
    guard let asked = request.search else { throw LociError.invalid(field: "search", problem: "is missing") }
    let id = try MessageID(validating: request.messageID)
    let search = try SearchRequest(
      text: asked.query, embedding: [], limit: asked.limit, mode: asked.mode, weights: asked.weights,
      filter: asked.filter, waitForIndex: asked.waitForIndex, encoder: node.encoderIdentity,
      options: asked.options, now: node.clock.now())
    let started = ContinuousClock.now
    let outcome = try await node.recall.explainMiss(
      search, scope: scope, source: MessageSource(), shard: node.store.shard(of: scope),
      consistency: try node.checked(asked.consistency),
      tuning: try node.searchTuning(asked.tuning, of: MessageSource()),
      checkCancellation: { try call.checkCancellation() }
    ) { scopeRow, db in
      try MessageSource.allowed(by: search.filter, scopeRow: scopeRow, in: db)
    } state: { db in
      try MessageSource.state(of: id, scope: scope, in: db)
    }
    let found = outcome.items
    return V1.ExplainMessageMissResponse(
      reason: V1.MissReason(found.reason), rank: UInt32(found.rank), score: found.score,
      lastScore: found.lastScore, explanation: found.parts.map { V1.Explanation($0) },
      report: V1.SearchReport(outcome, truncated: false, since: started))
  }

  // MARK: Changes and branches

  func updateContext(
    _ request: V1.UpdateContextRequest, _ call: CallContext
  ) async throws -> V1.UpdateContextResponse {
    let scope = try request.checkedScope()
    return try await node.write(try UpdateContext(request, scope: scope, key: request.requestKey()))
  }

  func pinMessages(
    _ request: V1.PinMessagesRequest, _ call: CallContext
  ) async throws -> V1.PinMessagesResponse {
    let scope = try request.checkedScope()
    return try await node.write(try PinMessages(request, scope: scope, key: request.requestKey()))
  }

  func forkContext(
    _ request: V1.ForkContextRequest, _ call: CallContext
  ) async throws -> V1.ForkContextResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try ForkContext(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }

  func listBranches(
    _ request: V1.ListBranchesRequest, _ call: CallContext
  ) async throws -> V1.ListBranchesResponse {
    let scope = try request.checkedScope()
    let id = try ContextID(validating: request.contextID)
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let parent = try ContextQueries.stored(id, scope: scope, in: db)
      let list = try ContextQueries.branches(of: parent, page: page, in: db)
      return V1.ListBranchesResponse(contexts: list.contexts, page: list.page)
    }
  }

  func mergeBranch(
    _ request: V1.MergeBranchRequest, _ call: CallContext
  ) async throws -> V1.MergeBranchResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try MergeBranch(request, scope: scope, key: request.requestKey(), ids: node.ids))
  }
}
