import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

package enum FeedbackQueries {
  static func exists(_ id: String, scope: Scope, in db: Database) throws -> Bool {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return false }
    return try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT 1 FROM feedback WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id]) != nil
  }

  /// Newest first.
  package static func list(
    target: V1.Target?, kinds: [V1.FeedbackKind], page: PageRequest, scope: Scope, in db: Database
  ) throws -> (feedback: [V1.Feedback], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    var conditions = SQLConditions("scope = ?", scopeRow)
    if let target {
      conditions.and("target_kind = ? AND target_id = ?", target.kind.rawValue, target.id)
    }
    if !kinds.isEmpty { conditions.and([.among("kind", kinds.map(\.rawValue))]) }
    if let after = try page.after(orders: 1) { conditions.and("item < ?", after[0]) }
    let rows = try Row.fetchCursor(
      db, sql: "SELECT body, item FROM feedback WHERE \(conditions.text) ORDER BY item DESC LIMIT ?",
      arguments: conditions.arguments + [page.size + 1])
    return try page.read(rows) {
      try V1.Feedback(decoding: [UInt8]($0[0] as Data))
    } cost: {
      $0.text.utf8.count + AnswerSize.of($0.attributes) + 1_024
    } key: {
      [$0[1] as Int64]
    }
  }

  /// The newest `limit` of a span of time, oldest of them first.
  package static func newest(
    _ limit: Int, created: V1.TimeRange? = nil, scope: Scope, in db: Database
  ) throws -> [V1.Feedback] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    let (from, until) = bounds(created)
    let bodies = try Data.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT body FROM feedback WHERE scope = ? AND created_at_us >= ? AND created_at_us < ?
          ORDER BY created_at_us DESC, item DESC LIMIT ?
          """), arguments: [scopeRow, from, until, limit])
    return try bodies.reversed().map { try V1.Feedback(decoding: [UInt8]($0)) }
  }

  /// The newest `limit` of a span of time, oldest of them first.
  package static func samples(
    _ limit: Int, created: V1.TimeRange? = nil, scope: Scope, in db: Database
  ) throws -> [V1.MetricSample] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    let (from, until) = bounds(created)
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT name, value, unit, direction, strategy, tool, at_us FROM metric_samples
          WHERE scope = ? AND at_us >= ? AND at_us < ? ORDER BY at_us DESC, row DESC LIMIT ?
          """), arguments: [scopeRow, from, until, limit])
    return rows.reversed().map {
      V1.MetricSample(
        name: $0[0], value: $0[1], unit: $0[2], direction: V1.MetricDirection(rawValue: $0[3]),
        strategy: $0[4], tool: $0[5], atUs: $0[6])
    }
  }

  private static func bounds(_ range: V1.TimeRange?) -> (Int64, Int64) {
    (range?.fromUs ?? 0, (range?.untilUs).flatMap { $0 > 0 ? $0 : nil } ?? .max)
  }
}
