import Foundation
package import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.SetMemoryPolicyResponse: PositionedAnswer {}
extension V1.RestoreMemoriesResponse: PositionedAnswer {}

/// How long memories live when they do not say, and how long expired ones can be brought back.
package enum MemoryPolicy {
  package static let retentionMsDefault = Int64(7) * 86_400_000
  static let retentionMsMax = Int64(3_650) * 86_400_000

  static func validate(_ policy: V1.MemoryPolicy) throws(LociError) {
    try Validate.count(policy.lifetimes.count, field: "policy.lifetimes", in: 0...16)
    var seen: Set<Int32> = []
    for lifetime in policy.lifetimes {
      try MemoryChecks.type(lifetime.type, field: "policy.lifetimes.type")
      guard seen.insert(lifetime.type.rawValue).inserted else {
        throw .invalid(field: "policy.lifetimes.type", problem: "occurs twice")
      }
      guard (0...MemoryDetails.ttlMsMax).contains(lifetime.ttlMs) else {
        throw .invalid(
          field: "policy.lifetimes.ttl_ms",
          problem: "is \(lifetime.ttlMs), must be 0 to \(MemoryDetails.ttlMsMax)")
      }
    }
    guard (0...retentionMsMax).contains(policy.retentionMs) else {
      throw .invalid(
        field: "policy.retention_ms", problem: "is \(policy.retentionMs), must be 0 to \(retentionMsMax)")
    }
    guard policy.consolidateAfterMemories <= UInt32(ConsolidationQueries.memoriesMax) else {
      throw .invalid(
        field: "policy.consolidate_after_memories",
        problem: "is \(policy.consolidateAfterMemories), must be 0 to \(ConsolidationQueries.memoriesMax)")
    }
  }

  /// The agent's policy, with nothing in it where none was set.
  package static func of(_ scopeRow: Int64?, in db: Database) throws -> V1.MemoryPolicy {
    guard let scopeRow,
      let bytes = try Data.fetchOne(
        db.cachedStatement(sql: "SELECT policy FROM memory_policies WHERE scope = ?"), arguments: [scopeRow])
    else { return V1.MemoryPolicy() }
    return try V1.MemoryPolicy(decoding: [UInt8](bytes))
  }

  /// What holds for an agent: of what its own policy says nothing, the tenant's.
  package static func effective(_ own: V1.MemoryPolicy, tenant: V1.MemoryPolicy) -> V1.MemoryPolicy {
    var policy = own
    for lifetime in tenant.lifetimes where !own.lifetimes.contains(where: { $0.type == lifetime.type }) {
      policy.lifetimes.append(lifetime)
    }
    if policy.retentionMs == 0 { policy.retentionMs = tenant.retentionMs }
    return policy
  }

  static func ttlMs(of type: V1.MemoryType, in policy: V1.MemoryPolicy) -> Int64 {
    policy.lifetimes.first { $0.type == type }?.ttlMs ?? 0
  }
}

package struct SetMemoryPolicy: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 1_024
  private let policy: V1.MemoryPolicy
  private let isOfTenant: Bool

  package init(_ request: V1.SetMemoryPolicyRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    try self.init(request, scope, key, isOfTenant: false)
  }

  /// Of all the tenant's agents.
  package init(_ request: V1.SetMemoryPolicyRequest, tenant: TenantID, key: RequestKey?) throws(LociError) {
    try self.init(request, MemoryPolicies.scope(of: tenant), key, isOfTenant: true)
  }

  private init(
    _ request: V1.SetMemoryPolicyRequest, _ scope: Scope, _ key: RequestKey?, isOfTenant: Bool
  ) throws(LociError) {
    self.scope = scope
    self.isOfTenant = isOfTenant
    requestKey = key
    policy = request.policy ?? V1.MemoryPolicy()
    try MemoryPolicy.validate(policy)
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.SetMemoryPolicyResponse> {
    let event: LogV1.Event.Kind =
      isOfTenant
      ? .tenantMemoryPolicySet(LogV1.TenantMemoryPolicySet(policy: policy.encoded()))
      : .memoryPolicySet(LogV1.MemoryPolicySet(policy: policy.encoded()))
    return Decision(events: [event], answer: V1.SetMemoryPolicyResponse())
  }
}

/// Brings expired memories back.
package struct RestoreMemories: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let ids: [String]
  private let expiresAtUs: Int64

  package init(_ request: V1.RestoreMemoriesRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.count(request.memoryIDs.count, field: "memory_ids", in: 1...MemoryLimits.memoriesPerCall)
    for id in request.memoryIDs { try Validate.name(id, field: "memory_ids") }
    try Validate.time(request.expiresAtUs, field: "expires_at_us")
    ids = request.memoryIDs.withoutRepeats()
    expiresAtUs = request.expiresAtUs
    costBytes = 512 + ids.count * 64
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.RestoreMemoriesResponse> {
    let scopeRow = try transaction.scopeRow(scope)
    for id in ids {
      guard let scopeRow,
        try Int64.fetchOne(
          transaction.db.cachedStatement(
            sql: "SELECT 1 FROM memories WHERE scope = ? AND id = ? AND expired_at_us > 0"),
          arguments: [scopeRow, id]) != nil
      else { throw LociError.notFound(.memory, id: id) }
    }
    guard expiresAtUs == 0 || expiresAtUs > transaction.at.microseconds else {
      throw LociError.invalid(field: "expires_at_us", problem: "has passed")
    }
    let event = LogV1.MemoriesRestored(ids: ids, expiresAtUs: expiresAtUs)
    return Decision(events: [.memoriesRestored(event)], answer: V1.RestoreMemoriesResponse())
  }
}

/// Takes out of every index what has expired, and deletes what expired so long ago that nobody can want it back.
package struct ExpireMemories: Command {
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 64 << 10
  /// In one write.
  static let most = 500
  private let tenantPolicy: V1.MemoryPolicy

  package init(scope: Scope, tenantPolicy: V1.MemoryPolicy = V1.MemoryPolicy()) {
    self.scope = scope
    self.tenantPolicy = tenantPolicy
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    guard let row = try transaction.scopeRow(scope) else { return Decision(events: [], answer: Written()) }
    let (db, now) = (transaction.db, transaction.at.microseconds)
    let due = try Int64.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT item FROM memories WHERE scope = ? AND expired_at_us = 0 AND expires_at_us > 0
            AND expires_at_us <= ? ORDER BY item LIMIT ?
          """), arguments: [row, now, Self.most])
    let retention = MemoryPolicy.effective(try MemoryPolicy.of(row, in: db), tenant: tenantPolicy).retentionMs
    let window = (retention == 0 ? MemoryPolicy.retentionMsDefault : retention) * 1_000
    let gone = try String.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT id FROM memories WHERE scope = ? AND expired_at_us > 0 AND expired_at_us <= ?
          ORDER BY item LIMIT ?
          """), arguments: [row, now - window, Self.most])
    var events: [LogV1.Event.Kind] = []
    if !due.isEmpty { events.append(.memoriesExpired(LogV1.MemoriesExpired(items: due))) }
    if !gone.isEmpty { events.append(.memoriesDeleted(LogV1.MemoriesDeleted(ids: gone))) }
    return Decision(events: events, answer: Written())
  }

  /// Agents that have something to expire or to delete.
  static func due(at now: Timestamp, _ policies: MemoryPolicies, in db: Database) throws -> [Scope] {
    let tenants = policies.retentions
    let windows = tenants.map { _ in "WHEN ? THEN ?" }.joined(separator: " ")
    let byTenant = tenants.isEmpty ? "?" : "CASE s.tenant \(windows) ELSE ? END"
    var arguments: StatementArguments = [now.microseconds, now.microseconds]
    for (tenant, retention) in tenants { arguments += [tenant.rawValue, retention] }
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT tenant, agent FROM scopes WHERE row IN (
          SELECT scope FROM memories WHERE expired_at_us = 0 AND expires_at_us > 0 AND expires_at_us <= ?
          UNION
          SELECT m.scope FROM memories m JOIN scopes s ON s.row = m.scope
            LEFT JOIN memory_policies p ON p.scope = m.scope AND p.retention_ms > 0
          WHERE m.expired_at_us > 0 AND m.expired_at_us <= ? - 1000 * ifnull(p.retention_ms, \(byTenant))
        ) LIMIT 64
        """, arguments: arguments + [MemoryPolicy.retentionMsDefault])
    return try rows.map { try Scope(tenant: $0[0], agent: $0[1]) }
  }
}

extension Store {
  /// Expires what is due, in every shard. Call it now and then; where nothing is due it only reads. A shard that
  /// refuses writes is passed over.
  package func expireMemories(now: Timestamp, _ policies: MemoryPolicies = MemoryPolicies()) async {
    for shard in shards {
      let due = try? await shard.read { db in try ExpireMemories.due(at: now, policies, in: db) }
      for scope in due ?? [] {
        _ = try? await shard.submit(ExpireMemories(scope: scope, tenantPolicy: policies.of(scope.tenant)))
      }
    }
  }
}
