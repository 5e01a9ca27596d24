package import GRDB
import LociCore
package import LociRecall

/// Messages as the index sees them.
package struct MessageSource: ItemSource {
  package init() {}

  package let kind = Bucket.Kind.messages

  package func texts(of items: [Int64], in db: Database) throws -> [ItemText] {
    let statement = try db.cachedStatement(sql: "SELECT text FROM messages WHERE item = ?")
    return try items.compactMap { item in
      try String.fetchOne(statement, arguments: [item]).map { ItemText(item: item, version: 1, text: $0) }
    }
  }

  package func facts(of items: [Int64], in db: Database) throws -> [Int64: ItemFacts] {
    let statement = try db.cachedStatement(sql: "SELECT created_at_us FROM messages WHERE item = ?")
    var facts: [Int64: ItemFacts] = [:]
    for item in items {
      guard let at = try Int64.fetchOne(statement, arguments: [item]) else { continue }
      facts[item] = ItemFacts(createdAt: Timestamp(microseconds: at), importance: 0.5)
    }
    return facts
  }

  /// Items of the agent that pass `filter`; `nil` when the filter lets everything pass.
  package static func allowed(
    by filter: ItemFilter, scopeRow: Int64, in db: Database
  ) throws -> Set<Int64>? {
    guard !filter.isEmpty else { return nil }
    var sql = SQLConditions("m.scope = ?", scopeRow)
    sql.and(filter.messageConditions)
    return try Set(
      Int64.fetchAll(db, sql: "SELECT m.item FROM messages m WHERE \(sql.text)", arguments: sql.arguments))
  }
}
