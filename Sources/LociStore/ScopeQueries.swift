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

  /// The log position that a snapshot shows.
  package static func position(shard: ShardID, in db: Database) throws -> Position {
    let applied = try Int64.fetchOne(db.cachedStatement(sql: "SELECT applied FROM shard_state")) ?? 0
    return Position(shard: shard, sequence: LogSequence(bitPattern: applied))
  }
}
