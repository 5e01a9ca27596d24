package import GRDB
package import LociCore
import LociRecall
import LociStore

extension SnapshotQueries {
  /// Sessions of an agent that have more than so many snapshots, at most 64.
  package static func sessions(withMoreThan most: Int64, scope: Scope, in db: Database) throws -> [String] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    return try String.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT s.id FROM sessions s WHERE s.scope = ?
            AND (SELECT count(*) FROM session_snapshots p WHERE p.session = s.row) > ? ORDER BY s.row LIMIT 64
          """), arguments: [scopeRow, most])
  }
}
