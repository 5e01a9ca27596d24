import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore
import LociVector

package enum ConsolidationQueries {
  package static let memoriesMax = 20_000

  /// Memories and their vectors as a consolidation reads them.
  package struct Input: Sendable {
    /// Oldest first.
    package var memories: [V1.Memory]
    /// Shape (memories, dimension), zeros where a memory has none; `nil`: no memory has one.
    package var vectors: [Float]?
    package var dimension: Int
    /// Of the agent's memories, the last row.
    package var lastItem: Int64 = 0
  }

  /// The newest 20,000 that pass the filter.
  package static func input(
    _ filter: ItemFilter, encoder: EncoderIdentity?, scope: Scope, now: Timestamp, in db: Database
  ) throws -> Input {
    var memories: [V1.Memory] = []
    var token = ""
    repeat {
      let page = try PageRequest(V1.Page(size: Int32(PageRequest.sizeMax), token: token))
      let found = try MemoryQueries.list(
        filter, newestFirst: true, page: page, scope: scope, now: now, in: db)
      memories += found.memories
      token = found.page.nextToken
    } while !token.isEmpty && memories.count < memoriesMax
    memories = memories.prefix(memoriesMax).reversed()
    let row = try ScopeQueries.row(scope, in: db)
    let last =
      try row.flatMap {
        try Int64.fetchOne(
          db.cachedStatement(sql: "SELECT max(item) FROM memories WHERE scope = ?"), arguments: [$0])
      } ?? 0
    guard let encoder, let scopeRow = row else {
      return Input(memories: memories, vectors: nil, dimension: 0, lastItem: last)
    }
    let dimension = encoder.dimension
    let places = Dictionary(
      uniqueKeysWithValues: memories.enumerated().map { ($1.id, $0) })
    var vectors = [Float](repeating: 0, count: memories.count * dimension)
    var count = 0
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT m.id, v.vector FROM vectors v JOIN memories m ON m.item = v.item
          WHERE v.bucket = ? AND v.encoder = (SELECT row FROM encoders WHERE fingerprint = ?)
          """), arguments: [Bucket(scopeRow: scopeRow, kind: .memories).rawValue, encoder.fingerprint])
    while let row = try rows.next() {
      guard let place = places[row[0]] else { continue }
      var vector: [Float] = []
      Float16Codec.decode(row[1] as Data, onto: &vector)
      guard vector.count == dimension else { continue }
      vectors.replaceSubrange(place * dimension..<(place + 1) * dimension, with: vector)
      count += 1
    }
    return Input(
      memories: memories, vectors: count > 0 ? vectors : nil, dimension: dimension, lastItem: last)
  }

  /// Pairs of ids, each both ways, that a consolidation linked and somebody unlinked.
  static func undoneLinks(scope: Scope, in db: Database) throws -> Set<[String]> {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    let bodies = try Data.fetchAll(
      db.cachedStatement(
        sql: "SELECT body FROM consolidations WHERE scope = ? AND undone_at_us IS NOT NULL"),
      arguments: [scopeRow])
    var pairs: Set<[String]> = []
    for body in bodies {
      for link in try V1.Consolidation(decoding: [UInt8](body)).links {
        pairs.formUnion([[link.fromID, link.toID], [link.toID, link.fromID]])
      }
    }
    return pairs
  }

  /// Whether the agent has memories that a consolidation has not looked at, at least `count` of them.
  package static func hasNew(_ count: Int, after item: Int64, scopeRow: Int64, in db: Database) throws -> Bool
  {
    // The plus keeps SQLite from reading the agent's whole index instead of the few newest rows.
    let found = try Int.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT count(*) FROM (
            SELECT 1 FROM memories WHERE item > ? AND +scope = ? AND expired_at_us = 0 AND superseded_at_us = 0
            LIMIT ?)
          """), arguments: [item, scopeRow, count])
    return (found ?? 0) >= count
  }

  static func find(
    _ id: String, scope: Scope, in db: Database
  ) throws -> V1.Consolidation? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT body, undone_at_us, row FROM consolidations WHERE scope = ? AND id = ?"),
      arguments: [scopeRow, id]
    ).map(consolidation)
  }

  private static func consolidation(_ row: Row) throws -> V1.Consolidation {
    var consolidation = try V1.Consolidation(decoding: [UInt8](row[0] as Data))
    if let at = row[1] as Int64? { (consolidation.undone, consolidation.undoneAtUs) = (true, at) }
    return consolidation
  }

  /// Newest first.
  package static func list(
    page: PageRequest, scope: Scope, in db: Database
  ) throws -> (consolidations: [V1.Consolidation], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT body, undone_at_us, row FROM consolidations WHERE scope = ? AND row < ?
          ORDER BY row DESC LIMIT ?
          """), arguments: [scopeRow, try page.after(orders: 1)?[0] ?? .max, page.size + 1])
    return try page.read(rows, consolidation) {
      $0.encoded().count + 16
    } key: {
      [$0[2] as Int64]
    }
  }

  /// Memories below a strength, weakest first.
  package static func weak(
    below strengthMax: Double, limit: Int, scope: Scope, now: Timestamp, in db: Database
  ) throws -> [V1.WeakMemory] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT m.id, m.importance, m.created_at_us, u.uses, u.last_used_at_us, u.stability_us FROM memories m
          LEFT JOIN memory_uses u ON u.scope = m.scope AND u.id = m.id
          WHERE m.scope = ? AND (m.expires_at_us = 0 OR m.expires_at_us > ?)
          """), arguments: [scopeRow, now.microseconds])
    var found: [(strength: Double, id: String, uses: Int64, last: Int64)] = []
    while let row = try rows.next() {
      let since = row[4] as Int64? ?? row[2]
      let stability = row[5] as Double? ?? ForgettingCurve.initialStability(importance: row[1])
      let strength = ForgettingCurve.strength(age: now.microseconds - since, stability: stability)
      guard strength < strengthMax else { continue }
      found.append((strength, row[0], row[3] as Int64? ?? 0, row[4] as Int64? ?? 0))
    }
    found.sort { $0.strength != $1.strength ? $0.strength < $1.strength : $0.id < $1.id }
    return try found.prefix(limit).compactMap { weak in
      try MemoryQueries.stored(weak.id, scope: scopeRow, in: db).map {
        V1.WeakMemory(
          memory: $0, strength: weak.strength, uses: UInt64(weak.uses), lastUsedAtUs: weak.last)
      }
    }
  }
}
