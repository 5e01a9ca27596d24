import LociCore
import LociProto
import LociRecall
import LociStore
import LociTrace

/// The way in for steps, whoever brings them: the agent's policy, its audit rules, blocks, and the commit.
struct TraceIntake: Sendable {
  let node: NodeParts
  let policies: TracePolicies
  let rules: AuditRuleBook
  private let sampler = TraceSampler()
  private let compressors = ZstdPool()

  init(node: NodeParts, policies: TracePolicies, rules: AuditRuleBook) {
    self.node = node
    self.policies = policies
    self.rules = rules
  }

  /// - Throws: `invalid` for more steps than a call may have.
  func write(
    _ steps: [V1.Step], _ scope: Scope, _ key: RequestKey?
  ) async throws -> V1.WriteStepsResponse {
    let policy = policies.policy(of: scope).policy
    guard policy.dropShare > 0 else { return try await commit(steps, scope, key) }
    try WriteSteps.check(steps)
    let unknown = sampler.unknown(steps, scope: scope, policy)
    if !unknown.isEmpty {
      let stored = try await node.read(scope, nil) { db, _ in
        try TraceQueries.stored(unknown, scope: scope, in: db)
      }
      sampler.remember(stored, scope: scope)
    }
    let sample = sampler.sample(steps, scope: scope, policy, now: node.clock.now())
    var answer = V1.WriteStepsResponse(position: V1.Position(node.store.shard(of: scope).position))
    do {
      // What waited may make it more than one call's.
      answer = try await commit(pieces: WriteSteps.pieces(sample.steps), scope, key, answer)
    } catch {
      sampler.restore(sample, now: node.clock.now())
      throw error
    }
    answer.sampledOut = UInt32(sample.sampledOut)
    return answer
  }

  /// Any number of steps, in as many writes as it takes. Each is durable on its own.
  func write(
    all steps: [V1.Step], _ scope: Scope, _ key: RequestKey?
  ) async throws -> V1.WriteStepsResponse {
    let pieces = WriteSteps.pieces(steps)
    guard pieces.count > 1 else { return try await write(steps, scope, key) }
    var total = V1.WriteStepsResponse()
    // A repetition changes nothing, so no key is needed.
    for piece in pieces { total.add(try await write(piece, scope, nil)) }
    return total
  }

  private func commit(
    pieces: [[V1.Step]], _ scope: Scope, _ key: RequestKey?, _ answer: V1.WriteStepsResponse
  ) async throws -> V1.WriteStepsResponse {
    var answer = answer
    for piece in pieces { answer.add(try await commit(piece, scope, pieces.count == 1 ? key : nil)) }
    return answer
  }

  /// Building blocks is work for a worker: an event loop would be held for milliseconds.
  private func commit(
    _ steps: [V1.Step], _ scope: Scope, _ key: RequestKey?
  ) async throws -> V1.WriteStepsResponse {
    let command = try await node.workers.run { [compressors, now = node.clock.now(), rules] in
      try compressors.with { zstd in
        try WriteSteps(steps, scope: scope, key: key, now: now, rules: rules.rules(of: scope), zstd: zstd)
      }
    }
    return try await node.write(command)
  }
}

extension V1.WriteStepsResponse {
  fileprivate mutating func add(_ other: Self) {
    position = other.position
    added += other.added
    completed += other.completed
    unchanged += other.unchanged
    sampledOut += other.sampledOut
    violations += other.violations
  }
}
