import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of compactions and policies. Each takes the snapshot it reads.
package enum CompactionQueries {
  static let columns =
    "id, context_id, from_number, until_number, created_at_us, strategy, figures, retention, automatic, row, text"

  package struct Stored {
    package let row: Int64
    package let compaction: V1.Compaction
    package let text: String
  }

  static func stored(_ row: Row) throws -> Stored {
    let compaction = V1.Compaction(
      id: row[0], contextID: row[1], fromNumber: UInt64(row[2] as Int64),
      untilNumber: UInt64(row[3] as Int64),
      createdAtUs: row[4], strategy: V1.CompressionStrategy(rawValue: row[5]),
      figures: try V1.CompressionFigures(decoding: ContextQueries.bytes(row[6])),
      retention: try V1.Retention(decoding: ContextQueries.bytes(row[7])), automatic: row[8])
    return Stored(row: row[9], compaction: compaction, text: row[10])
  }

  /// - Throws: `notFound` when there is no such compaction.
  package static func get(_ id: String, scope: Scope, in db: Database) throws -> Stored {
    guard let found = try find(id, scope: scope, in: db) else {
      throw LociError.notFound(.compaction, id: id)
    }
    return found
  }

  package static func find(_ id: String, scope: Scope, in db: Database) throws -> Stored? {
    try ScopeQueries.row(scope, in: db).flatMap { scopeRow in
      try Row.fetchOne(
        db.cachedStatement(sql: "SELECT \(columns) FROM compactions WHERE scope = ? AND id = ?"),
        arguments: [scopeRow, id]
      ).map(stored)
    }
  }

  /// The newest compaction of a context.
  package static func latest(_ contextID: ContextID, scope: Scope, in db: Database) throws -> Stored? {
    let context = try ContextQueries.stored(contextID, scope: scope, in: db)
    return try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT \(columns) FROM compactions WHERE context = ? ORDER BY row DESC LIMIT 1"),
      arguments: [context.row]
    ).map(stored)
  }

  /// Newest first.
  package static func list(
    contextID: String, page: PageRequest, scope: Scope, in db: Database
  ) throws -> (compactions: [V1.Compaction], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    let below = try page.after(orders: 1)?[0] ?? .max
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(columns) FROM compactions WHERE scope = ?1 AND (?2 = '' OR context_id = ?2) AND row < ?3
          ORDER BY row DESC LIMIT ?4
          """), arguments: [scopeRow, contextID, below, page.size + 1])
    return try page.read(rows, { try stored($0).compaction }, cost: { _ in 512 }) { [$0[9] as Int64] }
  }

  package static func stats(scope: Scope, in db: Database) throws -> V1.GetCompressionStatsResponse {
    var stats = V1.GetCompressionStatsResponse()
    var sum = V1.CompressionFigures()
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else {
      stats.figures = sum
      return stats
    }
    var contexts: Set<ExactText> = []
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT context_id, figures FROM compactions WHERE scope = ?"),
      arguments: [scopeRow])
    while let row = try rows.next() {
      sum.add(try V1.CompressionFigures(decoding: ContextQueries.bytes(row[1])))
      stats.compactions += 1
      contexts.insert(ExactText(row[0]))
    }
    stats.contexts = UInt64(contexts.count)
    stats.figures = sum
    return stats
  }

  /// The messages of a compaction by number, with their raw texts.
  package static func raw(
    _ compaction: Stored, ids: [String], page: PageRequest, in db: Database
  ) throws -> (messages: [V1.Message], page: V1.PageInfo) {
    let after = try page.after(orders: 1)?[0] ?? 0
    let wanted = ids.isEmpty ? "" : "AND m.id IN (\(ids.map { _ in "?" }.joined(separator: ",")))"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT \(ContextQueries.messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
          JOIN cold_blocks b ON b.row = m.cold
        WHERE b.compaction = ? AND m.number > ? \(wanted) ORDER BY m.number LIMIT ?
        """,
      arguments: StatementArguments([compaction.row, after]) + StatementArguments(ids) + [page.size + 1])
    return try page.read(rows, ContextQueries.message, cost: ContextQueries.cost) { [$0[3] as Int64] }
  }

  // MARK: Policies

  /// The context's policy, else the agent's, else the default.
  package static func policy(
    contextID: String, scope: Scope, in db: Database
  ) throws -> (policy: V1.CompressionPolicy, origin: String) {
    if let scopeRow = try ScopeQueries.row(scope, in: db) {
      for (id, origin) in [(contextID, "context"), ("", "agent")] where origin == "agent" || !id.isEmpty {
        let bytes = try Data.fetchOne(
          db.cachedStatement(
            sql: "SELECT policy FROM compression_policies WHERE scope = ? AND context_id = ?"),
          arguments: [scopeRow, id])
        if let bytes { return (try V1.CompressionPolicy(decoding: [UInt8](bytes)), origin) }
      }
    }
    return (
      V1.CompressionPolicy(
        threshold: thresholdDefault, keepNewest: UInt32(CompactionLimits.keepNewestDefault)), "default"
    )
  }

  package static let thresholdDefault: Float = 0.9
  /// Messages that are not compacted, in a context without a `max_history`.
  static let messagesDefault = 1_000

  package struct Due: Sendable {
    package let scope: Scope
    package let contextID: ContextID
    package let policy: V1.CompressionPolicy
  }

  /// Automatic policies of tenants, as far as they are kept in this shard.
  package static func tenantPolicies(in db: Database) throws -> [TenantID: V1.CompressionPolicy] {
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT s.tenant, p.policy FROM compression_policies p JOIN scopes s ON s.row = p.scope
          WHERE p.context_id = '' AND s.agent = ?
          """), arguments: [TenantID.compressionAgent.rawValue])
    var policies: [TenantID: V1.CompressionPolicy] = [:]
    for row in rows {
      let policy = try V1.CompressionPolicy(decoding: ContextQueries.bytes(row[1]))
      if policy.automatic { policies[try TenantID(validating: row[0])] = policy }
    }
    return policies
  }

  /// Contexts whose policy is automatic and that have reached its threshold, at most `limit`. Two places of indexes are
  /// looked at for each context; messages are counted only where there can be enough of them.
  /// - Parameter tenants: automatic policies of tenants, for contexts that neither they nor their agents have one for.
  package static func due(
    limit: Int, tenants: [TenantID: V1.CompressionPolicy] = [:], in db: Database
  ) throws -> [Due] {
    var due: [Due] = []
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(dueColumns), p.policy
          FROM compression_policies p JOIN scopes s ON s.row = p.scope JOIN contexts c ON c.scope = p.scope
            AND (c.id = p.context_id OR (p.context_id = '' AND NOT EXISTS (SELECT 1 FROM compression_policies o
              WHERE o.scope = p.scope AND o.context_id = c.id)))
          ORDER BY c.row
          """))
    while due.count < limit, let row = try rows.next() {
      let policy = try V1.CompressionPolicy(decoding: ContextQueries.bytes(row[6]))
      if policy.automatic, let one = try Self.due(row, policy, in: db) { due.append(one) }
    }
    for (tenant, policy) in tenants.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT \(dueColumns) FROM scopes s JOIN contexts c ON c.scope = s.row
            WHERE s.tenant = ? AND NOT EXISTS (SELECT 1 FROM compression_policies p
              WHERE p.scope = s.row AND p.context_id IN ('', c.id)) ORDER BY c.row
            """), arguments: [tenant.rawValue])
      while due.count < limit, let row = try rows.next() {
        if let one = try Self.due(row, policy, in: db) { due.append(one) }
      }
    }
    return due
  }

  private static let dueColumns =
    """
    s.tenant, s.agent, c.id, c.max_history, c.row, c.next_number - 1 - max(c.parent_number, \
    ifnull((SELECT max(k.until_number) FROM compactions k WHERE k.context = c.row), 0))
    """

  private static func due(_ row: Row, _ policy: V1.CompressionPolicy, in db: Database) throws -> Due? {
    let needed = hotMessages(policy, maxHistory: row[3])
    let (context, most): (Int64, Int64) = (row[4], row[5])
    guard most >= needed else { return nil }
    let hot = try Int64.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT count(*) FROM messages WHERE context = ?1 AND cold IS NULL
            AND number > ifnull((SELECT max(until_number) FROM compactions WHERE context = ?1), 0)
          """), arguments: [context])
    guard let hot, hot >= needed else { return nil }
    return Due(
      scope: try Scope(tenant: row[0], agent: row[1]), contextID: ContextID(unchecked: row[2]), policy: policy
    )
  }

  /// Agents whose own policy is automatic, or their tenant's where they have none.
  package static func automaticAgents(
    tenants: [TenantID: V1.CompressionPolicy], in db: Database
  ) throws -> [(scope: Scope, policy: V1.CompressionPolicy)] {
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT s.tenant, s.agent, p.policy FROM scopes s
          LEFT JOIN compression_policies p ON p.scope = s.row AND p.context_id = '' ORDER BY s.row
          """))
    var agents: [(scope: Scope, policy: V1.CompressionPolicy)] = []
    for row in rows {
      let scope = try Scope(tenant: row[0], agent: row[1])
      let own = try (row[2] as Data?).map { try V1.CompressionPolicy(decoding: [UInt8]($0)) }
      guard let policy = own ?? tenants[scope.tenant], policy.automatic,
        scope.agent != TenantID.compressionAgent
      else { continue }
      agents.append((scope, policy))
    }
    return agents
  }

  /// Messages after its last compaction with which a context is compacted.
  private static func hotMessages(_ policy: V1.CompressionPolicy, maxHistory: Int64) -> Int64 {
    let most = maxHistory > 0 ? Double(maxHistory) : Double(messagesDefault)
    let threshold = Double(policy.threshold > 0 ? policy.threshold : thresholdDefault)
    let keep = Int64(policy.keepNewest > 0 ? policy.keepNewest : UInt32(CompactionLimits.keepNewestDefault))
    return max(Int64((most * threshold).rounded(.up)), keep + Int64(CompactionLimits.messagesMin))
  }
}
