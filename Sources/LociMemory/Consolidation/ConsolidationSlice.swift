import Foundation
package import GRDB
import LociCore
package import LociProto
package import LociStore

/// What consolidations did, and how memories were used. The changes of memories themselves are events of their own,
/// which `MemorySlice` applies.
package struct ConsolidationSlice: Slice {
  package init() {}

  package let name = "consolidation"
  package let tables = [
    ProjectedTable("consolidations", orderedBy: "row"), ProjectedTable("memory_uses", orderedBy: "scope, id"),
    ProjectedTable("consolidation_progress", orderedBy: "scope")
  ]

  package var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE consolidations (
              row INTEGER PRIMARY KEY,
              scope INTEGER NOT NULL REFERENCES scopes (row),
              id TEXT NOT NULL,
              at_us INTEGER NOT NULL,
              undone_at_us INTEGER, -- NULL: in force
              body BLOB NOT NULL, -- loci.v1.Consolidation
              UNIQUE (scope, id)
            ) STRICT;
            CREATE TABLE memory_uses (
              scope INTEGER NOT NULL REFERENCES scopes (row),
              id TEXT NOT NULL,
              uses INTEGER NOT NULL,
              last_used_at_us INTEGER NOT NULL,
              stability_us REAL NOT NULL,
              PRIMARY KEY (scope, id)
            ) STRICT, WITHOUT ROWID;
            """)
      },
      { db in
        try db.execute(
          sql: """
            CREATE TABLE consolidation_progress (
              scope INTEGER PRIMARY KEY REFERENCES scopes (row),
              last_item INTEGER NOT NULL, -- of memories: what is above it is new
              at_us INTEGER NOT NULL
            ) STRICT;
            """)
      }
    ]
  }

  package func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .memoriesConsolidated(let done): try apply(done, try scopeRow(event, transaction), transaction)
    case .consolidationUndone(let undone):
      try transaction.db.cachedStatement(
        sql: "UPDATE consolidations SET undone_at_us = ? WHERE scope = ? AND id = ?"
      ).execute(arguments: [transaction.at.microseconds, try scopeRow(event, transaction), undone.id])
    case .memoriesReinforced(let used): try apply(used, try scopeRow(event, transaction), transaction)
    case .consolidationChecked(let checked):
      try transaction.db.cachedStatement(
        sql: "INSERT OR REPLACE INTO consolidation_progress (scope, last_item, at_us) VALUES (?, ?, ?)"
      ).execute(arguments: [
        try scopeRow(event, transaction), checked.lastItem, transaction.at.microseconds
      ])
    case .memoriesDeleted(let deleted):
      let scope = try scopeRow(event, transaction)
      let delete = try transaction.db.cachedStatement(
        sql: "DELETE FROM memory_uses WHERE scope = ? AND id = ?")
      for id in deleted.ids { try delete.execute(arguments: [scope, id]) }
    default: break
    }
  }

  private func scopeRow(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws -> Int64 {
    try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
  }

  private func apply(
    _ done: LogV1.MemoriesConsolidated, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let consolidation = try V1.Consolidation(decoding: done.consolidation)
    try transaction.db.cachedStatement(
      sql:
        "INSERT INTO consolidations (row, scope, id, at_us, undone_at_us, body) VALUES (?, ?, ?, ?, NULL, ?)"
    ).execute(arguments: [
      transaction.nextItem(), scope, consolidation.id, consolidation.atUs, Data(done.consolidation)
    ])
    // What was used under another name was used.
    for link in consolidation.links where link.relation == .duplicate {
      try transaction.db.cachedStatement(
        sql: """
          INSERT INTO memory_uses (scope, id, uses, last_used_at_us, stability_us)
          SELECT scope, ?3, uses, last_used_at_us, stability_us FROM memory_uses WHERE scope = ?1 AND id = ?2
          ON CONFLICT (scope, id) DO UPDATE SET uses = uses + excluded.uses,
            last_used_at_us = max(last_used_at_us, excluded.last_used_at_us),
            stability_us = max(stability_us, excluded.stability_us)
          """
      ).execute(arguments: [scope, link.fromID, link.toID])
    }
  }

  private func apply(
    _ used: LogV1.MemoriesReinforced, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let now = transaction.at.microseconds
    for id in used.ids {
      let memory = try Row.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT m.importance, m.created_at_us, u.uses, u.last_used_at_us, u.stability_us FROM memories m
            LEFT JOIN memory_uses u ON u.scope = m.scope AND u.id = m.id WHERE m.scope = ? AND m.id = ?
            """), arguments: [scope, id])
      guard let memory else { continue }
      let since = memory[3] as Int64? ?? memory[1]
      let before = memory[4] as Double? ?? ForgettingCurve.initialStability(importance: memory[0])
      let strength = ForgettingCurve.strength(age: now - since, stability: before)
      try db.cachedStatement(
        sql: """
          INSERT OR REPLACE INTO memory_uses (scope, id, uses, last_used_at_us, stability_us)
          VALUES (?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        scope, id, (memory[2] as Int64? ?? 0) + 1, now,
        ForgettingCurve.strengthened(before, strength: strength)
      ])
    }
  }
}
