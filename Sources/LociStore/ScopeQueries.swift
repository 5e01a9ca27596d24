package import GRDB
package import LociCore

/// Reads of the table of scopes.
package enum ScopeQueries {
  /// Row of a scope that has data here, `nil` when it has none.
  package static func row(_ scope: Scope, in db: Database) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT row FROM scopes WHERE tenant = ? AND agent = ?"),
      arguments: [scope.tenant.rawValue, scope.agent.rawValue])
  }

  /// Scopes of Loci's own, in which a tenant's keys and policies are kept.
  private static let own: Set<String> = ["loci.access", "loci.memory"]

  /// Agents of a tenant that have data in the shard.
  package static func agents(of tenant: TenantID, in db: Database) throws -> [AgentID] {
    try String.fetchAll(
      db.cachedStatement(sql: "SELECT agent FROM scopes WHERE tenant = ?"), arguments: [tenant.rawValue]
    ).filter { !own.contains($0) }.map { try AgentID(validating: $0) }
  }

  /// The log position that a snapshot shows.
  package static func position(shard: ShardID, in db: Database) throws -> Position {
    let applied = try Int64.fetchOne(db.cachedStatement(sql: "SELECT applied FROM shard_state")) ?? 0
    return Position(shard: shard, sequence: LogSequence(bitPattern: applied))
  }
}
