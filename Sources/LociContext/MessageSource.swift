package import GRDB
import LociCore
package import LociRecall

/// Messages as the index sees them.
package struct MessageSource: ItemSource {
  package init() {}

  package let kind = Bucket.Kind.messages

  package func texts(of items: [Int64], in db: Database) throws -> [ItemText] {
    let statement = try db.cachedStatement(
      sql: "SELECT m.text, \(ColdText.columns) FROM messages m WHERE m.item = ?")
    return try items.compactMap { item in
      try Row.fetchOne(statement, arguments: [item]).map {
        ItemText(item: item, version: 1, text: try ColdText.text($0[0], $0, columns: 1))
      }
    }
  }

  package func texts(
    after: Int64, scopeRow: Int64?, in db: Database
  ) throws -> [(scopeRow: Int64, text: ItemText)] {
    // The plus keeps SQLite from reading the agent's whole index instead of the few newest rows.
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT m.item, m.scope, m.text, \(ColdText.columns) FROM messages m
          WHERE m.item > ?1 AND (?2 IS NULL OR +m.scope = ?2) AND (m.text <> '' OR m.cold IS NOT NULL)
          """),
      arguments: [after, scopeRow])
    var texts: [(scopeRow: Int64, text: ItemText)] = []
    while let row = try rows.next() {
      let text = try ColdText.text(row[2], row, columns: 3)
      if !text.isEmpty { texts.append((row[1], ItemText(item: row[0], version: 1, text: text))) }
    }
    return texts
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
