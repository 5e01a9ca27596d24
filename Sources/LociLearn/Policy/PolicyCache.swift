import Foundation
package import GRDB
package import LociCore
import LociStore

/// Policies in memory, each brought up to date from the table of rewards when it is asked for. A restart, or another
/// server, learns the same from the same log.
package final class PolicyCache: Sendable {
  package struct Key: Hashable, Sendable {
    let scope: Scope
    let taskKind: String
    let halfLife: Double
  }

  private struct Entry {
    var policy: StrategyPolicy
    var lastRow: Int64 = 0
    var deletions: Int64 = 0
    var lastUse: UInt64 = 0
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var uses: UInt64 = 0
  }

  private let state = Locked(State())
  private let policiesMax: Int

  package init(policiesMax: Int = 256) { self.policiesMax = policiesMax }

  /// The policy as of the snapshot `db`.
  package func policy(
    kind: String, halfLife: Double, scope: Scope, in db: Database
  ) throws -> StrategyPolicy {
    let key = Key(scope: scope, taskKind: kind, halfLife: halfLife)
    let deletions = try Self.deletions(scope, db)
    var entry =
      state.withLock { $0.entries[key] }
      ?? Entry(policy: StrategyPolicy(dimension: TaskContext.dimension, halfLife: halfLife))
    let last = try Self.lastRow(kind, scope, db)
    if entry.deletions != deletions || entry.lastRow > last {
      // Something was taken back, or the snapshot is older than the cache.
      entry = Entry(policy: StrategyPolicy(dimension: TaskContext.dimension, halfLife: halfLife))
      entry.deletions = deletions
    }
    try Self.read(kind, scope, after: entry.lastRow, db) { row, sample in
      entry.policy.learn(sample)
      entry.lastRow = row
    }
    let learned = entry
    state.withLock { state in
      state.uses += 1
      var kept = learned
      kept.lastUse = state.uses
      state.entries[key] = kept
      while state.entries.count > policiesMax,
        let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
      {
        state.entries[oldest.key] = nil
      }
    }
    return entry.policy
  }

  private static func deletions(_ scope: Scope, _ db: Database) throws -> Int64 {
    guard let row = try ScopeQueries.row(scope, in: db) else { return 0 }
    return try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT count FROM reward_deletions WHERE scope = ?"), arguments: [row]) ?? 0
  }

  private static func lastRow(_ kind: String, _ scope: Scope, _ db: Database) throws -> Int64 {
    guard let row = try ScopeQueries.row(scope, in: db) else { return 0 }
    return try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT max(row) FROM rewards WHERE scope = ? AND task_kind = ?"),
      arguments: [row, kind]) ?? 0
  }

  private static func read(
    _ kind: String, _ scope: Scope, after: Int64, _ db: Database,
    _ body: (Int64, StrategyPolicy.Sample) -> Void
  ) throws {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT row, strategy, context, reward, rater FROM rewards
          WHERE scope = ? AND task_kind = ? AND row > ? ORDER BY row
          """), arguments: [scopeRow, kind, after])
    while let row = try rows.next() {
      body(
        row[0],
        StrategyPolicy.Sample(
          strategy: row[1], context: FloatColumn.decode(row[2]), reward: row[3], rater: row[4]))
    }
  }
}
