import Foundation
package import GRDB
package import LociCore
package import LociProto
package import LociRecall
import LociStore

/// Reads of audit logs. Each takes the snapshot of the database it reads.
package enum AuditQueries {
  static func state(scope: Int64, in db: Database) throws -> (size: UInt64, chain: [UInt8]) {
    let row = try Row.fetchOne(
      db.cachedStatement(sql: "SELECT size, chain FROM audit_logs WHERE scope = ?"), arguments: [scope])
    guard let row else { return (0, AuditChain.start) }
    return (UInt64(row[0] as Int64), [UInt8](row[1] as Data))
  }

  /// Hash of a full subtree; level 0 holds the leaves.
  static func node(_ level: Int, _ place: UInt64, scope: Int64, in db: Database) throws -> [UInt8] {
    let sql =
      level == 0
      ? "SELECT leaf FROM audit_records WHERE scope = ? AND number = ?2 + 1"
      : "SELECT hash FROM audit_nodes WHERE scope = ? AND place = ? AND level = \(level)"
    let data = try Data.fetchOne(
      db.cachedStatement(sql: sql), arguments: [scope, Int64(bitPattern: place)])
    guard let data else {
      throw LociError.dataLoss(file: "audit", problem: "node \(place) of level \(level) is not there")
    }
    return [UInt8](data)
  }

  static func root(size: UInt64, scope: Int64, in db: Database) throws -> [UInt8] {
    try MerkleTree.root(size: size) { try node($0, $1, scope: scope, in: db) }
  }

  private static func scopeRow(_ scope: Scope, in db: Database) throws -> Int64? {
    try ScopeQueries.row(scope, in: db)
  }

  private static let columns = "number, entry, leaf, chain"

  private static func record(_ row: Row) throws -> V1.AuditRecord {
    let encoded = [UInt8](row[1] as Data)
    return V1.AuditRecord(
      number: UInt64(row[0] as Int64), entry: try V1.AuditEntry(decoding: encoded),
      chain: [UInt8](row[3] as Data), leaf: [UInt8](row[2] as Data), encoded: encoded)
  }

  package static func list(
    _ request: V1.ListAuditRequest, scope: Scope, in db: Database
  ) throws -> V1.ListAuditResponse {
    guard request.count <= 10_000 else {
      throw LociError.invalid(field: "count", problem: "is \(request.count), must be 1 to 10,000")
    }
    guard let row = try scopeRow(scope, in: db) else { return V1.ListAuditResponse() }
    let wanted = request.count == 0 ? 100 : Int(request.count)
    var answer = V1.ListAuditResponse()
    var bytes = 0
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: "SELECT \(columns) FROM audit_records WHERE scope = ? AND number >= ? ORDER BY number"),
      arguments: [row, Int64(clamping: max(1, request.firstNumber))])
    while let next = try rows.next() {
      let record = try record(next)
      guard let entry = record.entry,
        request.actor.isEmpty || entry.actor == request.actor,
        request.action.isEmpty || entry.action == request.action,
        request.tag.isEmpty || entry.tags.contains(request.tag)
      else { continue }
      bytes += 2 * record.encoded.count + 256
      guard answer.records.isEmpty || (answer.records.count < wanted && bytes <= AnswerSize.bytesMax) else {
        answer.nextNumber = record.number
        break
      }
      answer.records.append(record)
    }
    return answer
  }

  package static func record(_ number: UInt64, scope: Scope, in db: Database) throws -> V1.AuditRecord {
    let found = try scopeRow(scope, in: db).flatMap {
      try Row.fetchOne(
        db.cachedStatement(sql: "SELECT \(columns) FROM audit_records WHERE scope = ? AND number = ?"),
        arguments: [$0, Int64(clamping: number)])
    }
    guard let found else { throw LociError.notFound(.record, id: "\(number)") }
    return try record(found)
  }

  /// The newest signed head, if it covers the whole log.
  package static func currentHead(scope: Scope, in db: Database) throws -> V1.AuditHead? {
    guard let row = try scopeRow(scope, in: db) else { return nil }
    let size = try state(scope: row, in: db).size
    return try Data.fetchOne(
      db.cachedStatement(sql: "SELECT head FROM audit_heads WHERE scope = ? AND size = ?"),
      arguments: [row, Int64(bitPattern: size)]
    ).map { try V1.AuditHead(decoding: [UInt8]($0)) }
  }

  package static func heads(scope: Scope, in db: Database) throws -> [V1.AuditHead] {
    guard let row = try scopeRow(scope, in: db) else { return [] }
    return try Data.fetchAll(
      db.cachedStatement(sql: "SELECT head FROM audit_heads WHERE scope = ? ORDER BY size"), arguments: [row]
    ).map { try V1.AuditHead(decoding: [UInt8]($0)) }
  }

  // MARK: Proofs

  package static func inclusion(
    _ request: V1.ProveInclusionRequest, scope: Scope, in db: Database
  ) throws -> V1.ProveInclusionResponse {
    let record = try record(request.number, scope: scope, in: db)
    guard let row = try scopeRow(scope, in: db) else {
      throw LociError.notFound(.record, id: "\(request.number)")
    }
    let size = try size(request.size, field: "size", scope: row, in: db)
    guard request.number <= size else {
      throw LociError.invalid(field: "size", problem: "is below the record's number")
    }
    let nodes: MerkleTree.Nodes = { try node($0, $1, scope: row, in: db) }
    return V1.ProveInclusionResponse(
      record: record, size: size, root: try MerkleTree.root(size: size, nodes: nodes),
      path: try MerkleTree.inclusionPath(of: request.number - 1, size: size, nodes: nodes))
  }

  package static func consistency(
    _ request: V1.ProveConsistencyRequest, scope: Scope, in db: Database
  ) throws -> V1.ProveConsistencyResponse {
    guard let row = try scopeRow(scope, in: db) else {
      guard request.firstSize == 0, request.secondSize == 0 else {
        throw LociError.invalid(field: "second_size", problem: "is above the log's size, 0")
      }
      return V1.ProveConsistencyResponse(
        firstRoot: MerkleTree.emptyRoot, secondRoot: MerkleTree.emptyRoot)
    }
    let second = try size(request.secondSize, field: "second_size", scope: row, in: db)
    guard request.firstSize <= second else {
      throw LociError.invalid(field: "first_size", problem: "is above the second, \(second)")
    }
    let nodes: MerkleTree.Nodes = { try node($0, $1, scope: row, in: db) }
    return V1.ProveConsistencyResponse(
      secondSize: second, firstRoot: try MerkleTree.root(size: request.firstSize, nodes: nodes),
      secondRoot: try MerkleTree.root(size: second, nodes: nodes),
      path: try MerkleTree.consistencyPath(first: request.firstSize, second: second, nodes: nodes))
  }

  private static func size(
    _ asked: UInt64, field: String, scope: Int64, in db: Database
  ) throws -> UInt64 {
    let size = try state(scope: scope, in: db).size
    guard asked <= size else {
      throw LociError.invalid(field: field, problem: "is above the log's size, \(size)")
    }
    return asked == 0 ? size : asked
  }

  /// Computes the whole log again.
  package static func verify(
    known: V1.AuditHead?, scope: Scope, in db: Database
  ) throws -> V1.VerifyAuditResponse {
    let stored = try heads(scope: scope, in: db)
    var verifier = AuditVerifier(scope: scope, heads: stored + (known.map { [$0] } ?? []))
    if let row = try scopeRow(scope, in: db) {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: "SELECT \(columns) FROM audit_records WHERE scope = ? ORDER BY number"), arguments: [row])
      while let next = try rows.next() { verifier.check(try record(next)) }
    }
    verifier.finish()
    return V1.VerifyAuditResponse(
      sound: verifier.isSound, records: verifier.records, heads: verifier.headsChecked,
      problems: verifier.problems, root: verifier.root)
  }

  // MARK: Rules and violations

  package static func rules(scope: Scope, in db: Database) throws -> V1.GetAuditRulesResponse {
    guard let row = try scopeRow(scope, in: db) else { return V1.GetAuditRulesResponse() }
    let webhooks = try Data.fetchAll(
      db.cachedStatement(sql: "SELECT webhook FROM audit_webhooks WHERE scope = ? ORDER BY place"),
      arguments: [row]
    ).map { V1.AuditWebhook(url: try V1.AuditWebhook(decoding: [UInt8]($0)).url) }
    return V1.GetAuditRulesResponse(rules: try rulesText(scope: row, in: db), webhooks: webhooks)
  }

  static func rulesText(scope: Int64, in db: Database) throws -> String {
    try String.fetchOne(
      db.cachedStatement(sql: "SELECT rules FROM audit_rules WHERE scope = ?"), arguments: [scope]) ?? ""
  }

  /// Newest first.
  package static func violations(
    rule: String, page: PageRequest, scope: Scope, in db: Database
  ) throws -> (violations: [V1.AuditViolation], page: V1.PageInfo) {
    guard let scopeRow = try scopeRow(scope, in: db) else { return ([], V1.PageInfo()) }
    var sql = SQLConditions("scope = ?", scopeRow)
    if !rule.isEmpty { sql.and("rule = ?", rule) }
    if let after = try page.after(orders: 1) { sql.and("row < ?", after[0]) }
    let rows = try Row.fetchCursor(
      db,
      sql: "SELECT row, violation FROM audit_violations WHERE \(sql.text) ORDER BY row DESC LIMIT ?",
      arguments: sql.arguments + [page.size + 1])
    return try page.read(rows) {
      try V1.AuditViolation(decoding: [UInt8]($0[1] as Data))
    } cost: {
      $0.object.utf8.count + $0.message.utf8.count + 512
    } key: {
      [$0[0] as Int64]
    }
  }

  /// An alert that is due.
  package struct Alert: Sendable {
    package let row: Int64
    package let scope: Scope
    package let webhook: V1.AuditWebhook
    package let violation: V1.AuditViolation
    package let attempts: Int
  }

  /// Oldest first.
  package static func due(_ now: Timestamp, count: Int, in db: Database) throws -> [Alert] {
    try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT audit_outbox.row, tenant, agent, webhook, audit_violations.violation, attempts
          FROM audit_outbox JOIN audit_violations ON audit_violations.row = audit_outbox.violation
          JOIN scopes ON scopes.row = audit_outbox.scope
          WHERE next_at_us <= ? ORDER BY next_at_us, audit_outbox.row LIMIT ?
          """), arguments: [now.microseconds, count]
    ).map { row in
      Alert(
        row: row[0], scope: try Scope(tenant: row[1], agent: row[2]),
        webhook: try V1.AuditWebhook(decoding: [UInt8](row[3] as Data)),
        violation: try V1.AuditViolation(decoding: [UInt8](row[4] as Data)), attempts: row[5])
    }
  }
}
