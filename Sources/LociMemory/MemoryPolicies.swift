import Foundation
package import GRDB
package import LociCore
package import LociProto

/// The policies of tenants, in memory: each is in one shard, and holds for agents in all of them.
package final class MemoryPolicies: Sendable {
  private let policies = Locked<[TenantID: V1.MemoryPolicy]>([:])

  package init() {}

  /// With nothing in it where none was set.
  package func of(_ tenant: TenantID) -> V1.MemoryPolicy {
    policies.withLock { $0[tenant] } ?? V1.MemoryPolicy()
  }

  func set(_ policy: V1.MemoryPolicy, of tenant: TenantID) {
    policies.withLock { $0[tenant] = policy == V1.MemoryPolicy() ? nil : policy }
  }

  /// Windows of the tenants that say one, milliseconds.
  var retentions: [(tenant: TenantID, milliseconds: Int64)] {
    policies.withLock { policies in
      policies.filter { $0.value.retentionMs > 0 }.map { ($0.key, $0.value.retentionMs) }
    }
  }

  /// Where a tenant's policy is kept.
  static func scope(of tenant: TenantID) -> Scope {
    Scope(tenant: tenant, agent: AgentID(unchecked: "loci.memory"))
  }

  /// What a shard knows.
  package func load(_ db: Database) throws {
    for row in try Row.fetchAll(db, sql: "SELECT tenant, policy FROM tenant_memory_policies") {
      set(
        try V1.MemoryPolicy(decoding: [UInt8](row[1] as Data)), of: try TenantID(validating: row[0]))
    }
  }
}
