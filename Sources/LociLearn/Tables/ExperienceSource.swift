package import GRDB
import LociCore
package import LociRecall

/// Experiences as the index sees them: by the text of their task.
package struct ExperienceSource: ItemSource {
  package init() {}

  package let kind = Bucket.Kind.experiences

  package func texts(of items: [Int64], in db: Database) throws -> [ItemText] {
    let statement = try db.cachedStatement(sql: "SELECT task_text FROM experiences WHERE item = ?")
    return try items.compactMap { item in
      try String.fetchOne(statement, arguments: [item]).map {
        ItemText(item: item, version: 1, text: $0)
      }
    }
  }

  package func texts(
    after: Int64, scopeRow: Int64?, in db: Database
  ) throws -> [(scopeRow: Int64, text: ItemText)] {
    // The plus keeps SQLite from reading the agent's whole index instead of the few newest rows.
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT item, scope, task_text FROM experiences
          WHERE item > ?1 AND (?2 IS NULL OR +scope = ?2)
          """), arguments: [after, scopeRow])
    return rows.map { ($0[1], ItemText(item: $0[0], version: 1, text: $0[2])) }
  }

  package func facts(of items: [Int64], in db: Database) throws -> [Int64: ItemFacts] {
    let statement = try db.cachedStatement(
      sql: "SELECT created_at_us, reward FROM experiences WHERE item = ?")
    var facts: [Int64: ItemFacts] = [:]
    for item in items {
      guard let row = try Row.fetchOne(statement, arguments: [item]) else { continue }
      facts[item] = ItemFacts(
        createdAt: Timestamp(microseconds: row[0]), importance: Float(row[1] as Double))
    }
    return facts
  }
}
