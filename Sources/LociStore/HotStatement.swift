package import GRDB
import GRDBSQLite

/// A prepared statement for the write path: values go to SQLite without a list of boxed arguments between. Otherwise
/// the same as `Statement.execute(arguments:)`, for statements that return no rows.
package struct HotStatement {
  private let statement: Statement

  package init(_ sql: String, in db: Database) throws {
    statement = try db.cachedStatement(sql: sql)
  }

  @safe package struct Binder {
    fileprivate let handle: OpaquePointer
    private var index: CInt = 0
    fileprivate var code = SQLITE_OK

    fileprivate init(_ handle: OpaquePointer) { unsafe self.handle = unsafe handle }

    package mutating func bind(_ value: Int64) {
      index += 1
      note(unsafe sqlite3_bind_int64(handle, index, value))
    }

    package mutating func bind(_ value: String) {
      index += 1
      var value = value
      let result = value.withUTF8 { bytes in
        unsafe bytes.withMemoryRebound(to: CChar.self) { text in
          // An empty buffer has no address, which SQLite would take for NULL.
          guard let start = text.baseAddress else {
            return unsafe sqlite3_bind_text(handle, index, "", 0, nil)
          }
          return unsafe sqlite3_bind_text(handle, index, start, CInt(text.count), Self.copied)
        }
      }
      note(result)
    }

    package mutating func bind(_ value: String?) {
      if let value { return bind(value) }
      index += 1
      note(unsafe sqlite3_bind_null(handle, index))
    }

    private mutating func note(_ result: CInt) { if code == SQLITE_OK { code = result } }

    /// SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
    private static var copied: sqlite3_destructor_type {
      unsafe unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)
    }
  }

  /// Binds in the order of the parameters, runs, and leaves the statement ready for the next time.
  package func run(_ bind: (inout Binder) -> Void) throws {
    var binder = unsafe Binder(statement.sqliteStatement)
    bind(&binder)
    let code = unsafe binder.code == SQLITE_OK ? sqlite3_step(binder.handle) : binder.code
    let message =
      unsafe code == SQLITE_DONE ? nil : String(cString: sqlite3_errmsg(sqlite3_db_handle(binder.handle)))
    unsafe sqlite3_reset(binder.handle)
    unsafe sqlite3_clear_bindings(binder.handle)
    guard code == SQLITE_DONE else {
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql)
    }
  }
}
