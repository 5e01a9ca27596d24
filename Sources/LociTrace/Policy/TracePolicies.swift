import Foundation
package import GRDB
package import LociCore
package import LociProto
import LociStore

extension TenantID {
  /// Where the policy of a tenant's traces is kept: a scope like any other, so that it is in one shard.
  package var tracePolicyScope: Scope { Scope(tenant: self, agent: AgentID(unchecked: "loci.trace")) }
}

/// All policies of the server, in memory: every batch of steps is looked at under one. The table is behind it; a commit
/// tells it what changed before its callers are answered.
package final class TracePolicies: Sendable {
  private let policies = Locked<[Scope: V1.TracePolicy]>([:])

  package init() {}

  /// The agent's own, else its tenant's.
  package func policy(of scope: Scope) -> (policy: V1.TracePolicy, origin: V1.TracePolicyOrigin) {
    policies.withLock { policies in
      // Where no policy was ever set this must cost nothing.
      guard !policies.isEmpty else { return (V1.TracePolicy(), .none) }
      if let own = policies[scope] { return (own, .agent) }
      if let tenants = policies[scope.tenant.tracePolicyScope] { return (tenants, .tenant) }
      return (V1.TracePolicy(), .none)
    }
  }

  /// Tenants with a policy under which traces expire.
  var tenantsWithRetention: Set<TenantID> {
    policies.withLock { policies in
      Set(policies.lazy.filter { $0.value.expires }.map(\.key.tenant))
    }
  }

  func set(_ policy: V1.TracePolicy?, of scope: Scope) { policies.withLock { $0[scope] = policy } }

  /// Reads the policies of a shard.
  package func load(_ db: Database) throws {
    let rows = try Row.fetchCursor(
      db,
      sql: "SELECT tenant, agent, policy FROM trace_policies JOIN scopes ON scopes.row = trace_policies.scope"
    )
    while let row = try rows.next() {
      set(try V1.TracePolicy(decoding: [UInt8](row[2] as Data)), of: try Scope(tenant: row[0], agent: row[1]))
    }
  }
}

extension V1.TracePolicy {
  /// Whether traces go under it without anyone's deleting them.
  var expires: Bool { maxAgeMs > 0 || failedMaxAgeMs > 0 || maxTraces > 0 }

  static let ageMsMax: Int64 = 36_525 * 86_400_000
  static let keepKindsMax = 16

  func validate() throws(LociError) {
    guard (0...1).contains(dropShare) else {
      throw .invalid(field: "policy.drop_share", problem: "is \(dropShare), must be 0 to 1")
    }
    try Validate.count(keepKinds.count, field: "policy.keep_kinds", in: 0...Self.keepKindsMax)
    guard keepKinds.allSatisfy({ (1...V1.StepKind.human.rawValue).contains($0.rawValue) }) else {
      throw .invalid(field: "policy.keep_kinds", problem: "holds what is not a kind")
    }
    for (age, field) in [(maxAgeMs, "max_age_ms"), (failedMaxAgeMs, "failed_max_age_ms")] {
      guard (0...Self.ageMsMax).contains(age) else {
        throw .invalid(field: "policy.\(field)", problem: "is \(age), must be 0 to \(Self.ageMsMax)")
      }
    }
    guard maxTraces <= UInt64(UInt32.max) else {
      throw .invalid(field: "policy.max_traces", problem: "is \(maxTraces), must be 0 to \(UInt32.max)")
    }
  }
}
