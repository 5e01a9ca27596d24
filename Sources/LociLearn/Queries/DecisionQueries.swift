import Foundation
package import GRDB
package import LociCore
package import LociProto
import LociStore

package enum DecisionQueries {
  private static let columns =
    "row, body, outcome_at_us, reward, cost, duration_ms, used_strategy, rater"

  private static func decision(_ row: Row) throws -> V1.Decision {
    var decision = try V1.Decision(decoding: [UInt8](row[1] as Data))
    guard let at = row[2] as Int64? else { return decision }
    decision.hasOutcome = true
    decision.outcomeAtUs = at
    (decision.reward, decision.cost, decision.durationMs) = (row[3], row[4], row[5])
    (decision.usedStrategy, decision.rater) = (row[6], row[7])
    return decision
  }

  package static func find(_ id: String, scope: Scope, in db: Database) throws -> V1.Decision? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(columns) FROM decisions WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id]
    ).map(decision)
  }

  /// In the order in which they were made, from after `row`; at most about `bytesMax` of them.
  package static func export(
    after row: Int64, kind: String, bytesMax: Int, scope: Scope, in db: Database
  ) throws -> (decisions: [V1.Decision], last: Int64)? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(columns) FROM decisions
          WHERE scope = ?1 AND row > ?2 AND (?3 = '' OR task_kind = ?3) ORDER BY row
          """), arguments: [scopeRow, row, kind])
    var (found, bytes, last): ([V1.Decision], Int, Int64) = ([], 0, row)
    while bytes < bytesMax, let next = try rows.next() {
      bytes += (next[1] as Data).count + 64
      last = next[0]
      found.append(try decision(next))
    }
    return found.isEmpty ? nil : (found, last)
  }

  /// The newest `limit` with an outcome, oldest of them first.
  package static func judged(
    _ limit: Int, scope: Scope, in db: Database
  ) throws -> [V1.Decision] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT \(columns) FROM decisions WHERE scope = ? AND outcome_at_us IS NOT NULL
          ORDER BY row DESC LIMIT ?
          """), arguments: [scopeRow, limit])
    return try rows.reversed().map(decision)
  }

  /// Strategies that anything was learned about, by name.
  package static func knownStrategies(
    kind: String, scope: Scope, in db: Database
  ) throws -> [String] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    return try String.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT DISTINCT strategy FROM rewards WHERE scope = ? AND task_kind = ? ORDER BY strategy LIMIT 200
          """), arguments: [scopeRow, kind])
  }
}
