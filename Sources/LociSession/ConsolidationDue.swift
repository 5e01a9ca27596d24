import Foundation
package import GRDB
package import LociCore
import LociMemory
import LociProto

/// Agents whose policy asks for a consolidation now: enough memories are new, or a session ended and any is.
package enum ConsolidationDue {
  package static func find(limit: Int, in db: Database) throws -> [Scope] {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT s.tenant, s.agent, p.policy, p.scope, ifnull(c.last_item, 0), ifnull(c.at_us, 0)
          FROM memory_policies p JOIN scopes s ON s.row = p.scope
            LEFT JOIN consolidation_progress c ON c.scope = p.scope
          ORDER BY ifnull(c.at_us, 0)
          """))
    var due: [Scope] = []
    while due.count < limit, let row = try rows.next() {
      let policy = try V1.MemoryPolicy(decoding: [UInt8](row[2] as Data))
      let (scope, last): (Int64, Int64) = (row[3], row[4])
      let enough = Int(policy.consolidateAfterMemories)
      guard enough > 0 || policy.consolidateAtSessionEnd else { continue }
      let hasEnough =
        try enough > 0 && ConsolidationQueries.hasNew(enough, after: last, scopeRow: scope, in: db)
      guard try hasEnough || sessionEnded(policy, scope, last: last, since: row[5], db) else { continue }
      due.append(try Scope(tenant: row[0], agent: row[1]))
    }
    return due
  }

  private static func sessionEnded(
    _ policy: V1.MemoryPolicy, _ scope: Int64, last: Int64, since: Int64, _ db: Database
  ) throws -> Bool {
    guard policy.consolidateAtSessionEnd,
      try ConsolidationQueries.hasNew(1, after: last, scopeRow: scope, in: db)
    else { return false }
    let ended: [V1.SessionState] = [.completed, .failed, .cancelled, .expired]
    return try ended.contains { state in
      try Int64.fetchOne(
        db.cachedStatement(
          sql: "SELECT 1 FROM sessions WHERE scope = ? AND state = ? AND updated_at_us >= ? LIMIT 1"),
        arguments: [scope, state.rawValue, since]) != nil
    }
  }
}
