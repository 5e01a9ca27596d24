import Foundation
import GRDB
package import LociCore
package import LociProto
package import LociStore

/// Deletes the traces of an agent that its policy no longer keeps.
package struct ExpireTraces: Command {
  package typealias Answer = Written

  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 64 << 10
  private let policy: V1.TracePolicy

  /// In one write: other writes of the shard wait for it.
  static let tracesMax = 500
  static let stepsMax: Int64 = 200_000

  package init(scope: Scope, policy: V1.TracePolicy) {
    self.scope = scope
    self.policy = policy
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    guard let row = try transaction.scopeRow(scope) else { return Decision(events: [], answer: Written()) }
    let due = try Self.due(policy, scope: row, now: transaction.at, in: transaction.db)
    guard !due.isEmpty else { return Decision(events: [], answer: Written()) }
    return Decision(
      events: [.tracesExpired(LogV1.TracesExpired(traceIDs: due.map { [UInt8]($0) }))], answer: Written())
  }

  /// Ids of traces to delete, oldest first, as many as one write takes.
  static func due(
    _ policy: V1.TracePolicy, scope: Int64, now: Timestamp, in db: Database
  ) throws -> [Data] {
    var due: [Data] = []
    var steps: Int64 = 0
    func take(_ condition: String, _ arguments: StatementArguments) throws {
      guard due.count < tracesMax, steps < stepsMax else { return }
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: "SELECT trace_id, steps FROM traces WHERE scope = ? AND \(condition) LIMIT ?"),
        arguments: [scope] + arguments + [tracesMax])
      while due.count < tracesMax, steps < stepsMax, let row = try rows.next() {
        let id: Data = row[0]
        guard !due.contains(id) else { continue }
        due.append(id)
        steps += row[1] as Int64
      }
    }
    func before(_ ageMs: Int64) -> Int64 { now.microseconds - ageMs * 1_000 }
    let failedAge = policy.failedMaxAgeMs > 0 ? policy.failedMaxAgeMs : policy.maxAgeMs
    if policy.maxAgeMs > 0 {
      try take("created_at_us < ? AND errors = 0 ORDER BY created_at_us", [before(policy.maxAgeMs)])
    }
    if failedAge > 0 {
      try take("created_at_us < ? AND errors > 0 ORDER BY created_at_us", [before(failedAge)])
    }
    if policy.maxTraces > 0 {
      try take(
        "row <= (SELECT row FROM traces WHERE scope = ? ORDER BY row DESC LIMIT 1 OFFSET ?) ORDER BY row",
        [scope, policy.maxTraces])
    }
    return due
  }
}

extension Store {
  /// Expires what is due, in every shard. Call it now and then; where nothing is due it only reads, and where no policy
  /// lets traces expire it does nothing. A shard that refuses writes is passed over.
  package func expireTraces(_ policies: TracePolicies, now: Timestamp) async {
    let tenants = policies.tenantsWithRetention
    guard !tenants.isEmpty else { return }
    for shard in shards {
      let due = try? await shard.read { db in try Self.scopesDue(tenants, policies, now: now, in: db) }
      for (scope, policy) in due ?? [] {
        _ = try? await shard.submit(ExpireTraces(scope: scope, policy: policy))
      }
    }
  }

  private static func scopesDue(
    _ tenants: Set<TenantID>, _ policies: TracePolicies, now: Timestamp, in db: Database
  ) throws -> [(Scope, V1.TracePolicy)] {
    var found: [(Scope, V1.TracePolicy)] = []
    for tenant in tenants.sorted(by: { $0.rawValue < $1.rawValue }) {
      let rows = try Row.fetchAll(
        db.cachedStatement(sql: "SELECT row, agent FROM scopes WHERE tenant = ?"),
        arguments: [tenant.rawValue])
      for row in rows {
        let scope = try Scope(tenant: tenant.rawValue, agent: row[1])
        let policy = policies.policy(of: scope).policy
        guard policy.expires,
          try !ExpireTraces.due(policy, scope: row[0], now: now, in: db).isEmpty
        else { continue }
        found.append((scope, policy))
      }
    }
    return found
  }
}
