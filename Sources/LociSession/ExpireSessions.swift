import GRDB
package import LociCore
import LociProto
package import LociStore

/// Ends sessions of a shard whose time-out passed, a bounded number at a time. The writer decides by its clock; the
/// event says which.
package struct ExpireSessions: Command {
  static let countMax = 1_000

  /// Sessions belong to many agents. The event is the shard's own; no table keeps this name.
  package let scope: Scope
  package let requestKey: RequestKey? = nil
  package let costBytes = 512

  package init() throws(LociError) { scope = try Scope(tenant: "loci", agent: "loci") }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    let rows = try Self.due(at: transaction.at, in: transaction.db)
    guard !rows.isEmpty else { return Decision(events: [], answer: Written()) }
    let expired = LogV1.SessionsExpired(rows: rows, reason: "no heartbeat within the time-out")
    return Decision(events: [.sessionsExpired(expired)], answer: Written())
  }

  static func due(at now: Timestamp, in db: Database) throws -> [Int64] {
    try Int64.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT row FROM sessions WHERE expires_at_us > 0 AND expires_at_us <= ?
          ORDER BY expires_at_us, row LIMIT ?
          """), arguments: [now.microseconds, countMax])
  }
}

extension Store {
  /// Ends the sessions whose time-out passed, in every shard. Call it now and then; where nothing is due it only
  /// reads. A shard that refuses writes is passed over.
  package func expireSessions(now: Timestamp) async {
    for shard in shards {
      let due = try? await shard.read { db in try ExpireSessions.due(at: now, in: db) }
      guard let due, !due.isEmpty, let command = try? ExpireSessions() else { continue }
      _ = try? await shard.submit(command)
    }
  }
}
