package import GRDB
package import LociCore
package import LociRecall
import LociStore

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

  package func passages(around items: [Int64], reach: Int, in db: Database) throws -> [[Turn]] {
    let place = try db.cachedStatement(sql: "SELECT context, number FROM messages WHERE item = ?")
    var numbers: [Int64: [Int64]] = [:]
    for item in items {
      guard let row = try Row.fetchOne(place, arguments: [item]) else { continue }
      numbers[row[0], default: []].append(row[1])
    }
    var passages: [[Turn]] = []
    for (context, numbers) in numbers.sorted(by: { $0.key < $1.key }) {
      for span in Self.spans(around: numbers, reach: Int64(reach)) {
        passages += try Self.turns(of: context, span, in: db).sittings()
      }
    }
    return passages
  }

  /// Where the neighbourhoods of two messages touch, they are one.
  private static func spans(around numbers: [Int64], reach: Int64) -> [ClosedRange<Int64>] {
    var spans: [ClosedRange<Int64>] = []
    for number in numbers.sorted() {
      let (low, high) = (max(1, number - reach), number + reach)
      if let last = spans.last, low <= last.upperBound + 1 {
        spans[spans.count - 1] = last.lowerBound...high
      } else {
        spans.append(low...high)
      }
    }
    return spans
  }

  private static func turns(of context: Int64, _ span: ClosedRange<Int64>, in db: Database) throws -> [Turn] {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT m.item, m.text, m.name, m.created_at_us, \(ColdText.columns) FROM messages m
          WHERE m.context = ? AND m.number BETWEEN ? AND ? ORDER BY m.number
          """), arguments: [context, span.lowerBound, span.upperBound])
    var turns: [Turn] = []
    while let row = try rows.next() {
      turns.append(
        Turn(
          item: row[0], text: try ColdText.text(row[1], row, columns: 4), speaker: row[2],
          createdAt: Timestamp(microseconds: row[3])))
    }
    return turns
  }

  package func speakers(among names: [String], scopeRow: Int64, in db: Database) throws -> [String] {
    // The first name that begins so, and nothing else: "Ann" finds "Ann" and "Ann Lee", not "Anna".
    let first = try db.cachedStatement(
      sql: """
        SELECT name FROM messages
        WHERE scope = ?1 AND name <> '' AND name COLLATE NOCASE >= ?2 ORDER BY name COLLATE NOCASE LIMIT 1
        """)
    return try names.filter { name in
      guard let found = try String.fetchOne(first, arguments: [scopeRow, name])?.lowercased() else {
        return false
      }
      let name = name.lowercased()
      return found == name || found.hasPrefix(name + " ")
    }
  }

  /// Items of the agent that pass `filter`; `nil` when the filter lets everything pass.
  package static func allowed(
    by filter: ItemFilter, scopeRow: Int64, in db: Database
  ) throws -> Set<Int64>? {
    guard !filter.isEmpty else { return nil }
    var sql = SQLConditions("m.scope = ?", scopeRow)
    sql.and(try filter.messageConditions())
    return try Set(
      Int64.fetchAll(db, sql: "SELECT m.item FROM messages m WHERE \(sql.text)", arguments: sql.arguments))
  }

  /// Where a message stands for a search.
  package static func state(of id: MessageID, scope: Scope, in db: Database) throws -> ItemState {
    guard let scopeRow = try ScopeQueries.row(scope, in: db),
      let item = try Int64.fetchOne(
        db.cachedStatement(sql: "SELECT item FROM messages WHERE scope = ? AND id = ?"),
        arguments: [scopeRow, id.rawValue])
    else { return .notThere }
    return .present(item: item)
  }
}
