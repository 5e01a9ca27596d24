import GRDB
import GRDBSQLite
import LociCore

/// Gathers what one transaction of a shard adds and removes, by the rows of its scopes.
final class UsageTally: @unchecked Sendable {  // only the writer's connection has it
  /// The SQL function that the triggers call: scope, sign, items, further bytes, and columns whose bytes count.
  static let function = "loci_count"

  private var amounts: [Int64: StoredAmount] = [:]

  /// Makes the function known to a writing connection, which keeps the tally as long as it is open.
  static func install(on db: Database) throws -> UsageTally {
    let tally = UsageTally()
    guard let connection = unsafe db.sqliteConnection else {
      throw LociError.internalError(detail: "no connection to count on")
    }
    let code = unsafe sqlite3_create_function_v2(
      connection, function, -1, SQLITE_UTF8, Unmanaged.passRetained(tally).toOpaque(),
      { context, count, values in
        guard count >= 4, let values = unsafe values, let owner = unsafe sqlite3_user_data(context) else {
          return
        }
        // A row whose owner is gone is nobody's.
        guard unsafe sqlite3_value_type(values[0]) != SQLITE_NULL else { return }
        let sign = unsafe sqlite3_value_int64(values[1])
        var bytes = unsafe sqlite3_value_int64(values[3])
        for index in 4..<Int(count) { bytes += unsafe Int64(sqlite3_value_bytes(values[index])) }
        let amount = unsafe StoredAmount(
          items: sign * sqlite3_value_int64(values[2]), bytes: sign * bytes)
        unsafe Unmanaged<UsageTally>.fromOpaque(owner).takeUnretainedValue()
          .amounts[sqlite3_value_int64(values[0]), default: .zero] += amount
      }, nil, nil,
      { owner in
        if let owner = unsafe owner { unsafe Unmanaged<UsageTally>.fromOpaque(owner).release() }
      })
    guard code == SQLITE_OK else { throw LociError.internalError(detail: "cannot count rows: \(code)") }
    // Temporary triggers stay in memory; a row that REPLACE removes counts as removed.
    try db.execute(sql: "PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON")
    return tally
  }

  /// What was gathered since the last call.
  func take() -> [Int64: StoredAmount] {
    if amounts.isEmpty { return [:] }
    defer { amounts.removeAll(keepingCapacity: true) }
    return amounts
  }
}
