import LociAccess
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import LociWire

extension StateService {
  func searchAgents(
    _ request: V1.SearchAgentsRequest, _ call: CallContext
  ) async throws -> V1.SearchAgentsResponse {
    let started = ContinuousClock.now
    let search = try AgentsSearch(request, encoder: node.encoderIdentity, now: node.clock.now())
    let agents = try await agents(of: request, call)
    let consistency = try node.checked(request.consistency)
    let found = try await found(search, agents.readable, consistency, call)
    var answer = V1.SearchAgentsResponse(
      searchedAgents: found.map(\.agent.rawValue), refusedAgents: agents.refused.map(\.rawValue),
      partial: found.count < agents.readable.count || found.contains { $0.isPartial })
    let memories = AcrossAgents.merge(found.map { $0.memories?.ranked ?? [] }, limit: search.limit)
    answer.memories = memories.compactMap { place in
      let agent = found[place.ranking]
      return agent.memories?.items.byItem[place.item.item].map { memory in
        V1.AgentMemoryHit(
          agent: agent.agent.rawValue,
          hit: V1.MemoryHit(
            memory: memory, score: place.item.score,
            explanation: request.explain ? V1.Explanation(place.item.parts) : nil))
      }
    }
    for (ranking, places) in Dictionary(
      grouping: memories.prefix(AccessRecorder.hitsCounted), by: \.ranking)
    {
      node.access.found(
        places.lazy.map(\.item.item), scope: Scope(tenant: search.tenant, agent: found[ranking].agent),
        at: node.clock.now())
    }
    let messages = AcrossAgents.merge(found.map { $0.messages?.ranked ?? [] }, limit: search.limit)
    answer.messages = messages.compactMap { place in
      let agent = found[place.ranking]
      guard let items = agent.messages?.items, let message = items.messages.byItem[place.item.item] else {
        return nil
      }
      let around = items.around[place.item.item]
      return V1.AgentMessageHit(
        agent: agent.agent.rawValue,
        hit: V1.MessageHit(
          message: message, score: place.item.score,
          explanation: request.explain ? V1.Explanation(place.item.parts) : nil,
          before: around?.before ?? [], after: around?.after ?? []))
    }
    answer.elapsedUs = (ContinuousClock.now - started).microseconds
    return answer
  }

  // MARK: Which agents

  /// Those of the request, or all of the tenant, that the caller may read, by name.
  private func agents(
    of request: V1.SearchAgentsRequest, _ call: CallContext
  ) async throws -> (readable: [AgentID], refused: [AgentID]) {
    let tenant = try request.checkedTenant()
    let principal = try await gate.identify(call)
    var named: [AgentID] = []
    for name in request.agents.withoutRepeats() { named.append(try AgentID(validating: name)) }
    guard named.isEmpty else {
      try Validate.count(named.count, field: "agents", in: 0...AgentsSearch.agentsMax)
      var readable: [AgentID] = []
      var refused: [AgentID] = []
      for agent in named.sorted(by: { $0.rawValue < $1.rawValue }) {
        if gate.mayRead(Scope(tenant: tenant, agent: agent), principal, call) {
          readable.append(agent)
        } else {
          refused.append(agent)
        }
      }
      return (readable, refused)
    }
    let all: [AgentID]
    if principal.role != .operator, principal.role != .tenantAdmin, let own = principal.agent {
      all = [own] + gate.directory.owners(granting: own, of: tenant, at: node.clock.now().microseconds)
    } else {
      var everyone: Set<AgentID> = []
      for shard in node.store.shards {
        everyone.formUnion(try await shard.read { db in try ScopeQueries.agents(of: tenant, in: db) })
      }
      all = Array(everyone)
    }
    guard all.count <= AgentsSearch.agentsMax else {
      throw LociError.failedPrecondition(
        "these are \(all.count) agents, at most \(AgentsSearch.agentsMax) are searched together: name them")
    }
    return (all.sorted { $0.rawValue < $1.rawValue }, [])
  }

  // MARK: The search of each

  private struct Found: Sendable {
    let agent: AgentID
    var memories: SearchOutcome<FetchedItems<V1.Memory>>?
    var messages: SearchOutcome<FoundMessages>?

    var isPartial: Bool { (memories?.isPartial ?? false) || (messages?.isPartial ?? false) }
  }

  /// In the order of `agents`; those that the deadline left out are missing.
  private func found(
    _ search: AgentsSearch, _ agents: [AgentID], _ consistency: Consistency, _ call: CallContext
  ) async throws -> [Found] {
    let deadline = search.deadline.map { ContinuousClock.now + $0 }
    return try await withThrowingTaskGroup(of: (Int, Found).self) { group in
      var next = 0
      func start() {
        guard next < agents.count, deadline.map({ ContinuousClock.now < $0 }) ?? true else { return }
        let place = next
        next += 1
        group.addTask { (place, try await one(search, agents[place], consistency, call)) }
      }
      for _ in 0..<AgentsSearch.width { start() }
      var found: [(Int, Found)] = []
      while let one = try await group.next() {
        found.append(one)
        start()
      }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private func one(
    _ search: AgentsSearch, _ agent: AgentID, _ consistency: Consistency, _ call: CallContext
  ) async throws -> Found {
    let scope = Scope(tenant: search.tenant, agent: agent)
    let shard = node.store.shard(of: scope)
    let now = node.clock.now()
    var found = Found(agent: agent)
    if let request = search.memories {
      found.memories = try await node.recall.search(
        request, scope: scope, source: MemorySource(), shard: shard, consistency: consistency,
        checkCancellation: { try call.checkCancellation() }
      ) { scopeRow, db in
        try MemoryQueries.allowed(by: request.filter, scopeRow: scopeRow, now: now, in: db)
      } fetch: { items, db in
        try MemoryQueries.memories(items, now: now, in: db)
      }
    }
    if let request = search.messages {
      found.messages = try await node.recall.search(
        request, scope: scope, source: MessageSource(), shard: shard, consistency: consistency,
        checkCancellation: { try call.checkCancellation() }
      ) { scopeRow, db in
        try MessageSource.allowed(by: request.filter, scopeRow: scopeRow, in: db)
      } fetch: { items, db in
        try FoundMessages(items, neighbours: request.neighbours, in: db)
      }
    }
    return found
  }
}

/// What to look for at several agents, checked.
private struct AgentsSearch: Sendable {
  static let agentsMax = 1_000
  static let limitMax: Int32 = 100
  /// Agents searched at once.
  static let width = 4

  let tenant: TenantID
  let limit: Int
  let memories: SearchRequest?
  let messages: SearchRequest?
  var deadline: Duration? { (memories ?? messages)?.deadline }

  init(_ request: V1.SearchAgentsRequest, encoder: EncoderIdentity?, now: Timestamp) throws(LociError) {
    tenant = try request.checkedTenant()
    guard (0...Self.limitMax).contains(request.limit) else {
      throw .invalid(field: "limit", problem: "is \(request.limit), must be 1 to \(Self.limitMax)")
    }
    let search = try SearchRequest(
      text: request.query, embedding: [], limit: request.limit, mode: request.mode, weights: request.weights,
      filter: request.filter, waitForIndex: false, encoder: encoder, options: request.options, now: now)
    limit = search.limit
    switch request.target {
    case .unspecified: (memories, messages) = (search, search)
    case .memories: (memories, messages) = (search, nil)
    case .messages: (memories, messages) = (nil, search)
    default: throw .invalid(field: "target", problem: "is nothing to search")
    }
  }
}
