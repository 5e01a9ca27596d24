import GRDB
import LociCore

/// What each tenant has stored in a shard. A pure function of the counted tables.
enum UsageTable {
  static let tables = [ProjectedTable("tenant_usage", orderedBy: "tenant")]

  static func create(_ db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE IF NOT EXISTS tenant_usage (
          tenant TEXT PRIMARY KEY, items INTEGER NOT NULL, bytes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS usage_counted (
          one INTEGER PRIMARY KEY CHECK (one = 1), tables TEXT NOT NULL -- what tenant_usage was counted by
        ) STRICT;
        """)
  }

  /// From now on every change of a counted table reaches the tally. Counts everything anew when what is counted
  /// has changed since the last time, or `tablesChanged`.
  static func watch(
    _ counted: [CountedTable], tablesChanged: Bool, _ tally: UsageTally, _ db: Database
  ) throws {
    let triggers = counted.flatMap(\.triggers)
    for trigger in triggers { try db.execute(sql: trigger) }
    let definition = triggers.joined(separator: "\n")
    let before = try String.fetchOne(db, sql: "SELECT tables FROM usage_counted")
    guard tablesChanged || before != definition else { return }
    for table in counted { _ = try Row.fetchOne(db, sql: table.recount) }
    try db.execute(sql: "DELETE FROM tenant_usage")
    var rows = TenantRows()
    _ = try add(tally.take(), &rows, db)
    try db.execute(sql: "INSERT OR REPLACE INTO usage_counted VALUES (1, ?)", arguments: [definition])
  }

  /// Writes what a transaction changed, and returns it by tenant.
  static func add(
    _ amounts: [Int64: StoredAmount], _ rows: inout TenantRows, _ db: Database
  ) throws -> [TenantID: StoredAmount] {
    var byTenant: [TenantID: StoredAmount] = [:]
    for (scope, amount) in amounts where amount != .zero {
      byTenant[try rows.tenant(ofScope: scope, db), default: .zero] += amount
    }
    for (tenant, amount) in byTenant where amount != .zero {
      try HotStatement(
        """
        INSERT INTO tenant_usage (tenant, items, bytes) VALUES (?, ?, ?)
        ON CONFLICT (tenant) DO UPDATE SET items = items + excluded.items, bytes = bytes + excluded.bytes
        """, in: db
      ).run { row in
        row.bind(tenant.rawValue)
        row.bind(amount.items)
        row.bind(amount.bytes)
      }
      guard amount.items < 0 || amount.bytes < 0 else { continue }
      // A tenant that has nothing has no row, whenever it was counted.
      try db.cachedStatement(sql: "DELETE FROM tenant_usage WHERE tenant = ? AND items = 0 AND bytes = 0")
        .execute(arguments: [tenant.rawValue])
    }
    return byTenant
  }

  static func load(_ db: Database) throws -> [TenantID: StoredAmount] {
    var usage: [TenantID: StoredAmount] = [:]
    for row in try Row.fetchAll(db, sql: "SELECT tenant, items, bytes FROM tenant_usage") {
      usage[try TenantID(validating: row[0])] = StoredAmount(items: row[1], bytes: row[2])
    }
    return usage
  }
}

/// The tenants of scopes met lately.
struct TenantRows {
  private static let countMax = 65_536
  private var tenants: [Int64: TenantID] = [:]

  mutating func tenant(ofScope row: Int64, _ db: Database) throws -> TenantID {
    if let tenant = tenants[row] { return tenant }
    guard
      let name = try String.fetchOne(
        db.cachedStatement(sql: "SELECT tenant FROM scopes WHERE row = ?"), arguments: [row])
    else { throw LociError.internalError(detail: "a counted row has no scope") }
    let tenant = try TenantID(validating: name)
    if tenants.count >= Self.countMax { tenants.removeAll(keepingCapacity: true) }
    tenants[row] = tenant
    return tenant
  }
}
