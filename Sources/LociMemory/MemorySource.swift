import Foundation
package import GRDB
import LociCore
import LociProto
package import LociRecall

/// Memories as the index sees them.
package struct MemorySource: ItemSource {
  package init() {}

  package let kind = Bucket.Kind.memories

  package func texts(of items: [Int64], in db: Database) throws -> [ItemText] {
    let statement = try db.cachedStatement(sql: "SELECT text, text_version FROM memories WHERE item = ?")
    return try items.compactMap { item in
      try Row.fetchOne(statement, arguments: [item]).map {
        ItemText(item: item, version: $0[1], text: $0[0])
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
          SELECT item, scope, text, text_version FROM memories
          WHERE item > ?1 AND (?2 IS NULL OR +scope = ?2) AND text <> ''
            AND expired_at_us = 0 AND superseded_at_us = 0
          """),
      arguments: [after, scopeRow])
    var texts: [(scopeRow: Int64, text: ItemText)] = []
    while let row = try rows.next() {
      texts.append((row[1], ItemText(item: row[0], version: row[3], text: row[2])))
    }
    return texts
  }

  package func facts(of items: [Int64], in db: Database) throws -> [Int64: ItemFacts] {
    let statement = try db.cachedStatement(
      sql: """
        SELECT created_at_us, importance, access_count, type, confidence, trust FROM memories
        WHERE item = ? AND expired_at_us = 0 AND superseded_at_us = 0
        """)
    var facts: [Int64: ItemFacts] = [:]
    for item in items {
      guard let row = try Row.fetchOne(statement, arguments: [item]) else { continue }
      facts[item] = ItemFacts(
        createdAt: Timestamp(microseconds: row[0]), importance: Float(row[1] as Double),
        access: Self.access(row[2]),
        trust: Float(row[4] as Double) * Self.trust(V1.TrustClass(rawValue: row[5])),
        type: Self.type(V1.MemoryType(rawValue: row[3])))
    }
    return facts
  }

  /// Grows ever more slowly: the first times it is found say most.
  private static func access(_ count: Int64) -> Float { Float(1 - 1 / (1 + log1p(Double(count)))) }

  private static func type(_ type: V1.MemoryType) -> Float {
    switch type {
    case .working: 0
    case .episodic: 0.25
    case .procedural: 0.5
    case .longTerm: 1
    default: 0.75
    }
  }

  private static func trust(_ trust: V1.TrustClass) -> Float {
    switch trust {
    case .untrusted: 0.1
    case .low: 0.4
    case .high: 1
    default: 0.7
    }
  }
}
