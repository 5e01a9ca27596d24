import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of traces and their steps. Each takes the snapshot of the database it reads.
package enum TraceQueries {
  package struct Stored: Sendable {
    package let row: Int64
    package let key: TraceKey
    /// Counts changes of the trace.
    package let version: Int64
    package let trace: V1.Trace
  }

  private static let columns =
    """
    row, trace_id, name, root_status, started_at_us, ended_at_us, steps, errors, running, input_tokens, \
    output_tokens, cost_nano_usd, session_id, context_id, error, forked_from, forked_after, created_at_us, \
    version
    """

  /// Status as the contract has it, as SQL over a row of `traces`.
  static let statusSQL =
    "CASE WHEN running > 0 THEN 1 WHEN root_status = 3 OR (root_status = -1 AND errors > 0) THEN 3 ELSE 2 END"

  private static func stored(_ row: Row) throws -> Stored {
    let id: Data = row[1]
    guard let key = TraceKey(bytes: id) else {
      throw LociError.dataLoss(file: "traces", problem: "a trace id is damaged")
    }
    var trace = V1.Trace()
    trace.traceID = key.text
    trace.name = row[2]
    let root: Int64 = row[3]
    (trace.startedAtUs, trace.endedAtUs) = (row[4], row[5])
    trace.steps = UInt64(row[6] as Int64)
    trace.errors = UInt64(clamping: row[7] as Int64)
    trace.running = UInt64(clamping: row[8] as Int64)
    trace.inputTokens = UInt64(clamping: row[9] as Int64)
    trace.outputTokens = UInt64(clamping: row[10] as Int64)
    trace.costNanoUsd = row[11]
    (trace.sessionID, trace.contextID, trace.error) = (row[12], row[13], row[14])
    if let source: Data = row[15] { trace.forkedFromTraceID = TraceKey(bytes: source)?.text ?? "" }
    trace.forkedAfterStep = UInt32(row[16] as Int64)
    trace.createdAtUs = row[17]
    trace.status =
      trace.running > 0 ? .running : root == 3 || (root == -1 && trace.errors > 0) ? .error : .ok
    return Stored(row: row[0], key: key, version: row[18], trace: trace)
  }

  static func row(_ key: TraceKey, scope: Int64, in db: Database) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT row FROM traces WHERE scope = ? AND trace_id = ?"),
      arguments: [scope, Data(key.bytes)])
  }

  /// - Throws: `invalid` when `id` is no trace id.
  package static func find(_ id: String, scope: Scope, in db: Database) throws -> Stored? {
    guard let key = TraceKey(id) else {
      throw LociError.invalid(field: "trace_id", problem: "must be 32 lower-case hex digits, not all zero")
    }
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    return try Row.fetchOne(
      db.cachedStatement(sql: "SELECT \(columns) FROM traces WHERE scope = ? AND trace_id = ?"),
      arguments: [scopeRow, Data(key.bytes)]
    ).map(stored)
  }

  /// Those of the traces that are stored.
  package static func stored(
    _ keys: Set<TraceKey>, scope: Scope, in db: Database
  ) throws -> [TraceKey] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    return try keys.filter { try row($0, scope: scopeRow, in: db) != nil }
  }

  package static func get(_ id: String, scope: Scope, in db: Database) throws -> Stored {
    guard let found = try find(id, scope: scope, in: db) else { throw LociError.notFound(.trace, id: id) }
    return found
  }

  // MARK: Lists

  /// Newest first.
  package static func list(
    _ filter: TraceSelection, page: PageRequest, scope: Scope, in db: Database
  ) throws -> (traces: [V1.Trace], page: V1.PageInfo) {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return ([], V1.PageInfo()) }
    var sql = filter.conditions(scope: scopeRow)
    if let after = try page.after(orders: 1) { sql.and("row < ?", after[0]) }
    let rows = try Row.fetchCursor(
      db, sql: "SELECT \(columns) FROM traces WHERE \(sql.text) ORDER BY row DESC LIMIT ?",
      arguments: sql.arguments + [page.size + 1])
    return try page.read(rows) {
      try stored($0).trace
    } cost: {
      $0.name.utf8.count + $0.error.utf8.count + 512
    } key: {
      [$0[0] as Int64]
    }
  }

  /// The newest that pass, with their rows.
  /// - Parameter withErrors: only those with a failed step, whatever became of the whole.
  package static func newest(
    _ filter: TraceSelection, count: Int, withErrors: Bool = false, scope: Scope, in db: Database
  ) throws -> [Stored] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    var sql = filter.conditions(scope: scopeRow)
    if withErrors { sql.and("errors > ?", 0) }
    return try Row.fetchAll(
      db, sql: "SELECT \(columns) FROM traces WHERE \(sql.text) ORDER BY row DESC LIMIT ?",
      arguments: sql.arguments + [count]
    ).map(stored)
  }

  /// The first that pass and came after one, oldest first.
  static func next(
    after row: Int64, _ filter: TraceSelection, count: Int, scope: Scope, in db: Database
  ) throws -> [Stored] {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return [] }
    var sql = filter.conditions(scope: scopeRow)
    sql.and("row > ?", row)
    return try Row.fetchAll(
      db, sql: "SELECT \(columns) FROM traces WHERE \(sql.text) ORDER BY row LIMIT ?",
      arguments: sql.arguments + [count]
    ).map(stored)
  }

  // MARK: Steps

  static func spans(_ bytes: [UInt8]) throws -> [UInt64] {
    var reader = ByteColumnReader(bytes)
    return try reader.next(bytes.count / 8)
  }

  static func spans(_ data: Data) throws -> [UInt64] { try spans([UInt8](data)) }

  private static func block(_ row: Row, withTexts: Bool, zstd: Zstd) throws -> StepColumns {
    let parts: (Data, Data, Data) = (row[1], row[2], withTexts ? row[3] : Data())
    return try StepBlock(spans: [UInt8](parts.0), columns: [UInt8](parts.1), texts: [UInt8](parts.2))
      .decoded(first: UInt32(row[0] as Int64), withTexts: withTexts, zstd: zstd)
  }

  static func block(
    holding number: UInt32, trace: Int64, zstd: Zstd, in db: Database
  ) throws -> StepColumns {
    let row = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT first, spans, columns, texts FROM trace_blocks WHERE trace = ? AND first <= ?
          ORDER BY first DESC LIMIT 1
          """), arguments: [trace, number])
    guard let row else { throw ByteColumnReader.damaged }
    return try block(row, withTexts: true, zstd: zstd)
  }

  /// A step that was completed after it was written, as it is now.
  static func completed(_ number: UInt32, trace: Int64, in db: Database) throws -> V1.Step? {
    try Data.fetchOne(
      db.cachedStatement(sql: "SELECT step FROM trace_completed WHERE trace = ? AND number = ?"),
      arguments: [trace, number]
    ).map {
      var step = try V1.Step(decoding: [UInt8]($0))
      step.number = number
      return step
    }
  }

  /// Calls `body` with each block from the one that holds `number` on, until it returns false. Steps that were
  /// completed later are as they were written.
  static func forEachBlock(
    of trace: Int64, from number: UInt32 = 1, withTexts: Bool = true, zstd: Zstd = Zstd(), in db: Database,
    _ body: (StepColumns) throws -> Bool
  ) throws {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT first, spans, columns, texts FROM trace_blocks WHERE trace = ?1 AND first >= coalesce(
            (SELECT max(first) FROM trace_blocks WHERE trace = ?1 AND first <= ?2), 0) ORDER BY first
          """), arguments: [trace, number])
    while let row = try rows.next() {
      guard try body(try block(row, withTexts: withTexts, zstd: zstd)) else { return }
    }
  }

  /// Steps by number, as they are now.
  /// - Parameters:
  ///   - bytesMax: ends early where the steps would outgrow it; there is always one.
  package static func steps(
    of stored: Stored, from number: UInt32, count: Int, outline: Bool = false,
    bytesMax: Int = AnswerSize.bytesMax, in db: Database
  ) throws -> [V1.Step] {
    var steps: [V1.Step] = []
    var bytes = 0
    let completed = try completedSteps(of: stored.row, from: number, count: count, in: db)
    try forEachBlock(of: stored.row, from: number, in: db) { block in
      let offsets = block.offsets()
      let skipped = Int(number > block.first ? number - block.first : 0)
      for place in skipped..<max(skipped, block.count) {
        var step =
          try completed[block.first + UInt32(place)].map { outline ? $0.outlined : $0 }
          ?? block.step(place, start: offsets[place], trace: stored.key.text, outline: outline)
        step.traceID = stored.key.text
        bytes += step.costBytes
        guard steps.isEmpty || bytes <= bytesMax else { return false }
        steps.append(step)
        if steps.count == count { return false }
      }
      return true
    }
    return steps
  }

  private static func completedSteps(
    of trace: Int64, from number: UInt32, count: Int, in db: Database
  ) throws -> [UInt32: V1.Step] {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: "SELECT number, step FROM trace_completed WHERE trace = ? AND number >= ? AND number < ?"),
      arguments: [trace, number, Int64(number) + Int64(min(count, 1 << 32))])
    var found: [UInt32: V1.Step] = [:]
    while let row = try rows.next() {
      let number = UInt32(row[0] as Int64)
      var step = try V1.Step(decoding: [UInt8](row[1] as Data))
      step.number = number
      found[number] = step
    }
    return found
  }

  // MARK: Blobs and baselines

  static func hasBlob(_ hash: [UInt8], scope: Int64, in db: Database) throws -> Bool {
    try Bool.fetchOne(
      db.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM step_blobs WHERE scope = ? AND hash = ?)"),
      arguments: [scope, Data(hash)]) ?? false
  }

  package static func blob(_ sha256: String, scope: Scope, in db: Database) throws -> String {
    guard sha256.utf8.count == 64, let hash = Hex.bytes(sha256) else {
      throw LociError.invalid(field: "sha256", problem: "must be 64 lower-case hex digits")
    }
    let content = try ScopeQueries.row(scope, in: db).flatMap {
      try Data.fetchOne(
        db.cachedStatement(sql: "SELECT content FROM step_blobs WHERE scope = ? AND hash = ?"),
        arguments: [$0, Data(hash)])
    }
    guard let content else { throw LociError.notFound(.blob, id: sha256) }
    return String(
      decoding: try Zstd().expand([UInt8](content), limit: StepLimits.textBytesMax), as: UTF8.self)
  }

  /// The step with its blobs put back.
  package static func filled(_ step: V1.Step, scope: Scope, in db: Database) throws -> V1.Step {
    var step = step
    if !step.inputBlob.isEmpty { step.input = try blob(step.inputBlob, scope: scope, in: db) }
    if !step.outputBlob.isEmpty { step.output = try blob(step.outputBlob, scope: scope, in: db) }
    return step
  }

  /// What is known of an agent's steps of one kind and name.
  package struct Baseline: Sendable {
    package var count: Int64 = 0
    package var errors: Int64 = 0
    package var durations = DurationHistogram()
  }

  static func baseline(kind: Int32, name: String, scope: Int64, in db: Database) throws -> Baseline {
    let row = try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT count, errors, durations FROM step_baselines WHERE scope = ? AND kind = ? AND name = ?"),
      arguments: [scope, kind, name])
    guard let row else { return Baseline() }
    return Baseline(
      count: row[0], errors: row[1], durations: try DurationHistogram(stored: [UInt8](row[2] as Data)))
  }
}

extension V1.Step {
  /// Without texts and attributes, except the error.
  package var outlined: V1.Step {
    var step = self
    (step.input, step.output, step.attributes, step.links, step.state) = ("", "", [], [], [])
    return step
  }
}
