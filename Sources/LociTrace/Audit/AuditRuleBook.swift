package import GRDB
package import LociCore
import LociProto
import LociStore

/// The rules of all agents that have any, in memory: every batch of steps is held against its agent's. The table is
/// behind it; a commit tells it what changed before its callers are answered.
package final class AuditRuleBook: Sendable {
  private let rules = Locked<[Scope: AuditRules]>([:])

  package init() {}

  /// `nil` where the agent has none.
  package func rules(of scope: Scope) -> AuditRules? { rules.withLock { $0.isEmpty ? nil : $0[scope] } }

  func set(_ text: String, of scope: Scope) throws {
    let parsed = try AuditRules(text)
    rules.withLock { $0[scope] = parsed.count == 0 ? nil : parsed }
  }

  /// Reads the rules of a shard.
  package func load(_ db: Database) throws {
    let rows = try Row.fetchCursor(
      db, sql: "SELECT tenant, agent, rules FROM audit_rules JOIN scopes ON scopes.row = audit_rules.scope")
    while let row = try rows.next() { try set(row[2], of: try Scope(tenant: row[0], agent: row[1])) }
  }
}
