import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of keys, grants and refusals.
package enum AccessQueries {
  private static let keyColumns =
    "row, tenant, id, name, role, agent, hash, created_at_us, expires_at_us, revoked_at_us"

  private static func key(_ row: Row) -> StoredKey {
    StoredKey(
      about: V1.ApiKey(
        id: row[2], name: row[3], role: V1.AccessRole(rawValue: row[4]), tenant: row[1], agent: row[5],
        createdAtUs: row[7], expiresAtUs: row[8], revokedAtUs: row[9]),
      hash: Array(row[6] as Data))
  }

  /// What a shard knows, for the directory.
  package static func load(_ db: Database, into directory: AccessDirectory) throws {
    for row in try Row.fetchAll(db, sql: "SELECT \(keyColumns) FROM access_keys") { directory.add(key(row)) }
    let grants = try Row.fetchAll(
      db,
      sql: """
        SELECT tenant, scopes.agent, access_grants.agent, permission, expires_at_us
        FROM access_grants JOIN scopes ON scopes.row = scope
        """)
    for row in grants { directory.set(grant(row, from: 2), of: try Scope(tenant: row[0], agent: row[1])) }
  }

  private static func grant(_ row: Row, from column: Int) -> V1.Grant {
    V1.Grant(
      agent: row[column], permission: V1.AccessPermission(rawValue: row[column + 1]),
      expiresAtUs: row[column + 2])
  }

  /// A tenant's key.
  package static func key(_ id: String, tenant: TenantID, in db: Database) throws -> StoredKey? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(keyColumns) FROM access_keys WHERE id = ? AND tenant = ?"),
      arguments: [id, tenant.rawValue]
    ).map(key)
  }

  /// - Parameter agent: empty for those of every agent.
  package static func keys(
    tenant: TenantID, agent: String, page: PageRequest, in db: Database
  ) throws -> (keys: [V1.ApiKey], page: V1.PageInfo) {
    let after = try page.after(orders: 1)?[0] ?? 0
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(keyColumns) FROM access_keys
          WHERE tenant = ? AND row > ? AND (? = '' OR agent = ?) ORDER BY row LIMIT ?
          """),
      arguments: [tenant.rawValue, after, agent, agent, page.size + 1])
    let (keys, info) = try page.read(
      rows, { key($0).about }, cost: { _ in 400 }, key: { [$0[0] as Int64] })
    return (keys, info)
  }

  package static func grants(of owner: Scope, in db: Database) throws -> [V1.Grant] {
    guard let scope = try ScopeQueries.row(owner, in: db) else { return [] }
    return try Row.fetchAll(
      db.cachedStatement(
        sql: "SELECT agent, permission, expires_at_us FROM access_grants WHERE scope = ? ORDER BY agent"),
      arguments: [scope]
    ).map { grant($0, from: 0) }
  }

  /// Newest first.
  package static func refusals(tenant: TenantID, limit: Int, in db: Database) throws -> [V1.Refusal] {
    try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT principal, role, principal_agent, method, wanted_tenant, wanted_agent, at_us, count
          FROM access_refusals WHERE tenant = ? ORDER BY row DESC LIMIT ?
          """),
      arguments: [tenant.rawValue, limit]
    ).map { row in
      V1.Refusal(
        atUs: row[6],
        principal: V1.Principal(
          id: row[0], role: V1.AccessRole(rawValue: row[1]), tenant: tenant.rawValue, agent: row[2]),
        method: row[3], scope: V1.Scope(tenant: row[4], agent: row[5]), count: UInt32(row[7] as Int64))
    }
  }
}
