import CLociFTS
import CSQLite3

/// An in-memory SQLite database with the tokenizer "loci".
@safe final class Database {
  struct Failure: Error { var code: Int32, message: String }

  private let handle: OpaquePointer

  init() throws {
    var opened: OpaquePointer?
    let status = unsafe sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nil)
    guard status == SQLITE_OK, let opened = unsafe opened else {
      throw Failure(code: status, message: "open")
    }
    unsafe handle = opened
    let registered = unsafe loci_fts_register(handle)
    guard registered == SQLITE_OK else { throw Failure(code: registered, message: "register") }
  }

  deinit { unsafe sqlite3_close_v2(handle) }

  enum Value: Equatable { case null, integer(Int64), real(Double), text([UInt8]) }

  /// Rows of the statement's result, with `arguments` bound in order. Text is bytes, valid UTF-8 or not.
  @discardableResult
  func run(_ sql: String, _ arguments: [Value] = []) throws -> [[Value]] {
    var prepared: OpaquePointer?
    try check(unsafe sqlite3_prepare_v2(handle, sql, -1, &prepared, nil))
    defer { unsafe sqlite3_finalize(prepared) }
    for (index, argument) in arguments.enumerated() {
      let position = Int32(index + 1)
      switch argument {
      case .null: try check(unsafe sqlite3_bind_null(prepared, position))
      case .integer(let value): try check(unsafe sqlite3_bind_int64(prepared, position, value))
      case .real(let value): try check(unsafe sqlite3_bind_double(prepared, position, value))
      case .text(let bytes):
        try check(
          unsafe bytes.withUnsafeBytes {
            unsafe sqlite3_bind_text64(
              prepared, position, $0.baseAddress.map { unsafe $0.assumingMemoryBound(to: CChar.self) },
              sqlite3_uint64($0.count), unsafeBitCast(-1, to: sqlite3_destructor_type.self),
              UInt8(SQLITE_UTF8))
          })
      }
    }
    var rows: [[Value]] = []
    while true {
      let status = unsafe sqlite3_step(prepared)
      if status == SQLITE_DONE { return rows }
      guard status == SQLITE_ROW else { throw failure(status) }
      rows.append(unsafe (0..<sqlite3_column_count(prepared)).map { unsafe column(prepared, $0) })
    }
  }

  private func column(_ statement: OpaquePointer?, _ index: Int32) -> Value {
    switch unsafe sqlite3_column_type(statement, index) {
    case SQLITE_INTEGER: return unsafe .integer(sqlite3_column_int64(statement, index))
    case SQLITE_FLOAT: return unsafe .real(sqlite3_column_double(statement, index))
    case SQLITE_NULL: return .null
    default:
      let count = unsafe Int(sqlite3_column_bytes(statement, index))
      return unsafe .text(
        [UInt8](UnsafeRawBufferPointer(start: sqlite3_column_blob(statement, index), count: count)))
    }
  }

  private func check(_ status: Int32) throws {
    guard status == SQLITE_OK else { throw failure(status) }
  }

  private func failure(_ status: Int32) -> Failure {
    unsafe Failure(code: status, message: String(cString: sqlite3_errmsg(handle)))
  }
}

extension Database.Value {
  static func text(_ string: String) -> Self { .text(Array(string.utf8)) }
}

/// A keyword index as the server uses it: contentless, each text under a scope.
struct KeywordIndex {
  let database: Database

  init() throws {
    database = try Database()
    try database.run("CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='loci')")
    try database.run("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row)")
  }

  static func withHeader(_ text: [UInt8], scope: String?) -> [UInt8] {
    guard let scope else { return text }
    return [1] + Array(scope.utf8) + [2] + text
  }

  func insert(_ id: Int64, _ text: [UInt8], scope: String? = nil) throws {
    let text = KeywordIndex.withHeader(text, scope: scope)
    try database.run("INSERT INTO words(rowid, text) VALUES (?, ?)", [.integer(id), .text(text)])
  }

  func insert(_ id: Int64, _ text: String, scope: String? = nil) throws {
    try insert(id, Array(text.utf8), scope: scope)
  }

  func delete(_ id: Int64, _ text: String, scope: String? = nil) throws {
    let text = KeywordIndex.withHeader(Array(text.utf8), scope: scope)
    try database.run(
      "INSERT INTO words(words, rowid, text) VALUES ('delete', ?, ?)", [.integer(id), .text(text)])
  }

  /// Ids that match, ascending.
  func search(_ text: String, scope: String? = nil) throws -> [Int64] {
    try search(Array(text.utf8), scope: scope)
  }

  func search(_ text: [UInt8], scope: String? = nil) throws -> [Int64] {
    guard let query = makeQuery(text, scope: scope) else { return [] }
    return try database.run("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid", [.text(query)])
      .compactMap { if case .integer(let id) = $0[0] { id } else { nil } }
  }

  func scores(_ text: String, scope: String? = nil, documents: Double, length: Double) throws -> [Int64:
    Double]
  {
    guard let query = makeQuery(Array(text.utf8), scope: scope) else { return [:] }
    let rows = try database.run(
      "SELECT rowid, loci_bm25(words, ?, ?) FROM words WHERE words MATCH ?",
      [.real(documents), .real(length), .text(query)])
    var scores: [Int64: Double] = [:]
    for row in rows {
      if case .integer(let id) = row[0], case .real(let score) = row[1] { scores[id] = score }
    }
    return scores
  }

  /// All terms with the number of documents they are in.
  func terms() throws -> [String: Int64] {
    var terms: [String: Int64] = [:]
    for row in try database.run("SELECT term, doc FROM vocabulary") {
      if case .text(let term) = row[0], case .integer(let count) = row[1] {
        terms[String(decoding: term, as: UTF8.self)] = count
      }
    }
    return terms
  }
}

/// The FTS5 expression for a text, nil when there is nothing to match.
func makeQuery(_ text: [UInt8], scope: String?, capacity: Int = Int(LOCI_FTS_QUERY_BYTES_MAX)) -> [UInt8]? {
  var out = [CChar](repeating: 0x55, count: capacity)
  let length = unsafe text.withUnsafeBytes { bytes in
    unsafe loci_fts_query(
      bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, scope, &out, capacity)
  }
  return length == 0 ? nil : out.prefix(length).map { UInt8(bitPattern: $0) }
}
