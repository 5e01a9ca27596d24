package import GRDB
import GRDBSQLite

/// A prepared statement for hot paths: values go to SQLite, and come from it, without a list of boxed ones between.
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

    package mutating func bind(_ value: Double) {
      index += 1
      note(unsafe sqlite3_bind_double(handle, index, value))
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

    /// `type`, a constant, must be what the function that takes the pointer asks for. The pointer must outlive the run.
    @unsafe package mutating func bind(_ pointer: UnsafeMutableRawPointer, type: StaticString) {
      index += 1
      note(
        type.withUTF8Buffer {
          unsafe sqlite3_bind_pointer(
            handle, index, pointer, UnsafeRawPointer($0.baseAddress)?.assumingMemoryBound(to: CChar.self), nil
          )
        })
    }

    package mutating func bind(_ value: [UInt8]?) {
      index += 1
      guard let value else { return note(unsafe sqlite3_bind_null(handle, index)) }
      let result = unsafe value.withUnsafeBytes { bytes in
        // An empty array may have no address, which SQLite would take for NULL.
        guard let start = bytes.baseAddress, bytes.count > 0 else {
          return unsafe sqlite3_bind_zeroblob(handle, index, 0)
        }
        return unsafe sqlite3_bind_blob64(handle, index, start, sqlite3_uint64(bytes.count), Self.copied)
      }
      note(result)
    }

    private mutating func note(_ result: CInt) { if code == SQLITE_OK { code = result } }

    /// SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
    private static var copied: sqlite3_destructor_type {
      unsafe unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)
    }
  }

  /// One row of an answer, for the call only.
  @safe package struct Columns {
    fileprivate let handle: OpaquePointer

    package func int64(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }
    package func double(_ column: Int32) -> Double { unsafe sqlite3_column_double(handle, column) }
  }

  /// Binds in the order of the parameters, runs, and leaves the statement ready for the next time.
  package func run(_ bind: (inout Binder) -> Void) throws {
    try run(bind) { _ in true }
  }

  /// The same, and calls `body` with each row until it returns false.
  package func run(_ bind: (inout Binder) -> Void, _ body: (Columns) throws -> Bool) throws {
    var binder = unsafe Binder(statement.sqliteStatement)
    let handle = unsafe binder.handle
    defer {
      unsafe sqlite3_reset(handle)
      unsafe sqlite3_clear_bindings(handle)
    }
    bind(&binder)
    var code = binder.code
    while code == SQLITE_OK || code == SQLITE_ROW {
      code = unsafe sqlite3_step(handle)
      if code == SQLITE_ROW, try !body(unsafe Columns(handle: handle)) { return }
    }
    guard code == SQLITE_DONE else {
      let message = unsafe String(cString: sqlite3_errmsg(sqlite3_db_handle(handle)))
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql)
    }
  }
}
