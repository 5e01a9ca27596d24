import GRDB
import LociCore
import LociProto

/// The quotas that were set, each in the shard of its tenant.
struct QuotaSlice: Slice {
  let quotas: TenantQuotas

  let name = "quotas"
  let tables = [ProjectedTable("tenant_quotas", orderedBy: "tenant")]

  var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE tenant_quotas (
              tenant TEXT PRIMARY KEY,
              items_max INTEGER NOT NULL, -- 0: no limit
              bytes_max INTEGER NOT NULL -- 0: no limit
            ) STRICT, WITHOUT ROWID;
            """)
      }
    ]
  }

  func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    guard case .tenantQuotaSet(let set) = event.kind else { return }
    let tenant = try TenantID(validating: event.tenant)
    try transaction.db.cachedStatement(
      sql: "INSERT OR REPLACE INTO tenant_quotas (tenant, items_max, bytes_max) VALUES (?, ?, ?)"
    ).execute(arguments: [event.tenant, set.itemsMax, set.bytesMax])
    let limit = StoredAmount(items: set.itemsMax, bytes: set.bytesMax)
    transaction.afterCommit { [quotas] in quotas.set(limit, of: tenant) }
  }

  static func load(_ db: Database, into quotas: TenantQuotas) throws {
    for row in try Row.fetchAll(db, sql: "SELECT tenant, items_max, bytes_max FROM tenant_quotas") {
      quotas.set(StoredAmount(items: row[1], bytes: row[2]), of: try TenantID(validating: row[0]))
    }
  }
}
