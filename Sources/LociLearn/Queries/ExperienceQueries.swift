import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of experiences. Each takes the snapshot it reads.
package enum ExperienceQueries {
  package static func find(_ id: String, scope: Scope, in db: Database) throws -> V1.Experience? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT body FROM experiences WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id]
    ).map { try V1.Experience(decoding: [UInt8]($0[0] as Data)) }
  }

  package static func get(_ id: String, scope: Scope, in db: Database) throws -> V1.Experience {
    guard let found = try find(id, scope: scope, in: db) else {
      throw LociError.notFound(.experience, id: id)
    }
    return found
  }

  /// Newest first. Empty strings do not restrict.
  package static func list(
    kind: String, strategy: String, page: PageRequest, scope: Scope, in db: Database
  ) throws -> (experiences: [V1.Experience], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let conditions = try conditions(kind: kind, strategy: strategy, scopeRow, after: page)
    let rows = try Row.fetchCursor(
      db,
      sql: "SELECT body, item FROM experiences WHERE \(conditions.text) ORDER BY item DESC LIMIT ?",
      arguments: conditions.arguments + [page.size + 1])
    return try page.read(rows) {
      try V1.Experience(decoding: [UInt8]($0[0] as Data))
    } cost: {
      $0.encoded().count + 16
    } key: {
      [$0[1] as Int64]
    }
  }

  private static func conditions(
    kind: String, strategy: String, _ scopeRow: Int64, after page: PageRequest
  ) throws -> SQLConditions {
    var conditions = SQLConditions("scope = ?", scopeRow)
    if !kind.isEmpty { conditions.and("task_kind = ?", kind) }
    if !strategy.isEmpty { conditions.and("strategy = ?", strategy) }
    if let after = try page.after(orders: 1) { conditions.and("item < ?", after[0]) }
    return conditions
  }

  /// The newest `limit`, oldest of them first.
  package static func newest(
    _ limit: Int, kind: String = "", strategy: String = "", scope: Scope, in db: Database
  ) throws -> [V1.Experience] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    var conditions = SQLConditions("scope = ?", scopeRow)
    if !kind.isEmpty { conditions.and("task_kind = ?", kind) }
    if !strategy.isEmpty { conditions.and("strategy = ?", strategy) }
    let bodies = try Data.fetchAll(
      db, sql: "SELECT body FROM experiences WHERE \(conditions.text) ORDER BY item DESC LIMIT ?",
      arguments: conditions.arguments + [limit])
    return try bodies.reversed().map { try V1.Experience(decoding: [UInt8]($0)) }
  }

  /// Of these items, as far as they exist and fit an answer.
  package static func experiences(
    _ items: [Int64], in db: Database
  ) throws -> FetchedItems<V1.Experience> {
    let statement = try db.cachedStatement(sql: "SELECT body FROM experiences WHERE item = ?")
    var found = FetchedItems<V1.Experience>()
    for item in items {
      guard let row = try Row.fetchOne(statement, arguments: [item]) else { continue }
      let bytes = [UInt8](row[0] as Data)
      guard found.take(item, try V1.Experience(decoding: bytes), size: bytes.count) else { break }
    }
    return found
  }
}
