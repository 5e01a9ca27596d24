import Foundation
package import GRDB
package import LociCore
package import LociProto

/// What was forgotten for good, and whether the log is free of it yet.
struct ErasureSlice: Slice {
  let name = "erasures"
  let tables = [ProjectedTable("erasures", orderedBy: "sequence")]

  var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE erasures (
              sequence INTEGER PRIMARY KEY, -- of the event
              scope INTEGER NOT NULL REFERENCES scopes (row),
              id TEXT NOT NULL,
              at_us INTEGER NOT NULL,
              body BLOB NOT NULL, -- the event
              rewritten_at_us INTEGER NOT NULL DEFAULT 0, -- 0: not yet
              rewritten_sequence INTEGER NOT NULL DEFAULT 0,
              records INTEGER NOT NULL DEFAULT 0,
              UNIQUE (scope, id)
            ) STRICT;
            """)
      }
    ]
  }

  func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .dataForgotten(let forgotten):
      let scope = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
      try transaction.db.cachedStatement(
        sql: "INSERT INTO erasures (sequence, scope, id, at_us, body) VALUES (?, ?, ?, ?, ?)"
      ).execute(arguments: [
        Int64(transaction.sequence), scope, forgotten.id, transaction.at.microseconds,
        Data(forgotten.encoded())
      ])
    case .logRewritten(let rewritten):
      let update = try transaction.db.cachedStatement(
        sql: """
          UPDATE erasures SET rewritten_at_us = ?, rewritten_sequence = ?, records = ?
          WHERE id = ? AND rewritten_at_us = 0
          """)
      for id in rewritten.forgottenIDs {
        try update.execute(arguments: [
          transaction.at.microseconds, Int64(transaction.sequence), rewritten.records.count, id
        ])
      }
    case .erased(let erased):
      if erased.makesScope {
        _ = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
      }
      transaction.counters.lastItem = max(transaction.counters.lastItem, erased.lastItem)
    default: break
    }
  }

  /// What the log is not free of yet.
  static func targets(in db: Database) throws -> (ids: [String], targets: [Redactor.Target]) {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT e.id, e.sequence, e.body, s.tenant, s.agent FROM erasures e JOIN scopes s ON s.row = e.scope
        WHERE e.rewritten_at_us = 0 ORDER BY e.sequence
        """)
    let targets = try rows.map { row in
      let body: Data = row[2]
      return Redactor.Target(
        try LogV1.DataForgotten(decoding: [UInt8](body)), scope: try Scope(tenant: row[3], agent: row[4]),
        sequence: LogSequence(bitPattern: row[1] as Int64))
    }
    return (rows.map { $0[0] }, targets)
  }
}

package enum ErasureQueries {
  /// One erasure by id, or the newest of the agent.
  package static func list(
    _ scope: Scope, id: String? = nil, limit: Int, in db: Database, shard: ShardID
  ) throws -> [V1.Erasure] {
    guard let row = try ScopeQueries.row(scope, in: db) else { return [] }
    return try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT id, sequence, at_us, body, rewritten_at_us, rewritten_sequence, records FROM erasures
          WHERE scope = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY sequence DESC LIMIT ?3
          """), arguments: [row, id, limit]
    ).map { row in
      let body: Data = row[3]
      let forgotten = try LogV1.DataForgotten(decoding: [UInt8](body))
      let rewrittenAt: Int64 = row[4]
      return V1.Erasure(
        id: row[0], position: V1.Position(shard: shard.rawValue, sequence: UInt64(row[1] as Int64)),
        forgottenAtUs: row[2], counts: try forgotten.counts.map { try V1.ErasedCount(decoding: $0) },
        reason: forgotten.reason, wholeAgent: forgotten.wholeAgent, rewrittenAtUs: rewrittenAt,
        rewrittenPosition: rewrittenAt == 0
          ? nil : V1.Position(shard: shard.rawValue, sequence: UInt64(row[5] as Int64)),
        recordsRedacted: UInt64(row[6] as Int64))
    }
  }
}
