import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

package enum AdjustmentQueries {
  static func find(_ id: String, scope: Scope, in db: Database) throws -> V1.Adjustment? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT body FROM adjustments WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id]
    ).map { try V1.Adjustment(decoding: [UInt8]($0[0] as Data)) }
  }

  static func requireRoomForTrial(scope: Scope, in db: Database) throws {
    let trials = try all([.trial], scope: scope, in: db).count
    guard trials < Tuning.trialsMax else {
      throw LociError.failedPrecondition("\(trials) adjustments are on trial already, no more at once")
    }
  }

  /// In these states, or all; oldest first.
  package static func all(
    _ states: [V1.AdjustmentState] = [], scope: Scope, in db: Database
  ) throws -> [V1.Adjustment] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    var conditions = SQLConditions("scope = ?", scopeRow)
    if !states.isEmpty { conditions.and([.among("state", states.map(\.rawValue))]) }
    let bodies = try Data.fetchAll(
      db, sql: "SELECT body FROM adjustments WHERE \(conditions.text) ORDER BY row",
      arguments: conditions.arguments)
    return try bodies.map { try V1.Adjustment(decoding: [UInt8]($0)) }
  }

  /// Adopted or on trial, oldest first. Read at every search: one look-up in an index where there are none.
  package static func inForce(scopeRow: Int64, in db: Database) throws -> [V1.Adjustment] {
    let bodies = try Data.fetchAll(
      db.cachedStatement(
        sql: "SELECT body FROM adjustments WHERE scope = ? AND state IN (?, ?) ORDER BY row"),
      arguments: [scopeRow, V1.AdjustmentState.trial.rawValue, V1.AdjustmentState.adopted.rawValue])
    return try bodies.map { try V1.Adjustment(decoding: [UInt8]($0)) }
  }

  /// Newest first.
  package static func list(
    _ states: [V1.AdjustmentState], page: PageRequest, scope: Scope, in db: Database
  ) throws -> (adjustments: [V1.Adjustment], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    var conditions = SQLConditions("scope = ?", scopeRow)
    if !states.isEmpty { conditions.and([.among("state", states.map(\.rawValue))]) }
    if let after = try page.after(orders: 1) { conditions.and("row < ?", after[0]) }
    let rows = try Row.fetchCursor(
      db, sql: "SELECT body, row FROM adjustments WHERE \(conditions.text) ORDER BY row DESC LIMIT ?",
      arguments: conditions.arguments + [page.size + 1])
    return try page.read(rows) {
      try V1.Adjustment(decoding: [UInt8]($0[0] as Data))
    } cost: {
      $0.encoded().count + 16
    } key: {
      [$0[1] as Int64]
    }
  }

  /// Newest first.
  package static func cycles(
    page: PageRequest, scope: Scope, in db: Database
  ) throws -> (cycles: [V1.LearningCycle], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: "SELECT body, row FROM learning_cycles WHERE scope = ? AND row < ? ORDER BY row DESC LIMIT ?"),
      arguments: [scopeRow, try page.after(orders: 1)?[0] ?? .max, page.size + 1])
    return try page.read(rows) {
      try V1.LearningCycle(decoding: [UInt8]($0[0] as Data))
    } cost: {
      $0.encoded().count + 16
    } key: {
      [$0[1] as Int64]
    }
  }

  /// What a cycle reads.
  package static func learningData(scope: Scope, in db: Database) throws -> LearningData {
    LearningData(
      decisions: try DecisionQueries.judged(LearningData.itemsMax, scope: scope, in: db),
      experiences: try ExperienceQueries.newest(LearningData.itemsMax, scope: scope, in: db),
      feedback: try FeedbackQueries.newest(LearningData.itemsMax, scope: scope, in: db))
  }
}
