package import GRDB
package import LociCore

package enum LearningQueue {
  /// Agents of a shard with experiences, feedback or outcomes that no cycle has seen.
  package static func due(in db: Database) throws -> [Scope] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT s.tenant, s.agent FROM scopes s
        WHERE max(
            ifnull((SELECT max(item) FROM experiences WHERE scope = s.row), 0),
            ifnull((SELECT max(item) FROM feedback WHERE scope = s.row), 0),
            ifnull((SELECT max(row) FROM rewards WHERE scope = s.row), 0))
          > ifnull((SELECT max(row) FROM learning_cycles WHERE scope = s.row), 0)
        ORDER BY s.row
        """)
    return try rows.map { try Scope(tenant: $0[0] as String, agent: $0[1] as String) }
  }
}
