import Foundation
import GRDB
import LociCore
import LociProto

/// Answers given to request ids, so that a retry after a lost answer changes nothing and gets the first answer.
struct RequestSlice: Slice {
  /// How long an answer is kept, in microseconds.
  static let retentionMicroseconds: Int64 = 24 * 3_600 * 1_000_000

  let name = "requests"
  let tables = [ProjectedTable("requests", orderedBy: "scope, request_id")]

  var migrations: [@Sendable (Database) throws -> Void] {
    [
      { db in
        try db.execute(
          sql: """
            CREATE TABLE requests (
              scope INTEGER NOT NULL REFERENCES scopes (row),
              request_id TEXT NOT NULL,
              request_hash BLOB NOT NULL,
              answer BLOB NOT NULL,
              sequence INTEGER NOT NULL,
              at_us INTEGER NOT NULL,
              PRIMARY KEY (scope, request_id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX requests_by_time ON requests (at_us);
            """)
      }
    ]
  }

  func apply(_ event: LogV1.Event, _ transaction: ProjectionTransaction) throws {
    switch event.kind {
    case .requestAnswered(let request):
      let scope = try transaction.ensureScopeRow(try Scope(tenant: event.tenant, agent: event.agent))
      // The position answered is that of the command's own last event, just before this one.
      try transaction.db.cachedStatement(
        sql: """
          INSERT INTO requests (scope, request_id, request_hash, answer, sequence, at_us)
          VALUES (?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        scope, request.requestID, Data(request.requestHash), Data(request.answer),
        Int64(transaction.sequence - 1), transaction.at.microseconds
      ])
    case .requestsForgotten(let forgotten):
      try transaction.db.cachedStatement(sql: "DELETE FROM requests WHERE at_us < ?")
        .execute(arguments: [forgotten.beforeUs])
    default: break
    }
  }

  /// The first answer to `key`, or `nil` when it is new.
  /// - Throws: `LociError.requestReused` when the id came with another request before.
  static func remembered<Answer: PositionedAnswer>(
    _ key: RequestKey, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> Answer? {
    guard let scopeRow = try transaction.scopeRow(scope) else { return nil }
    guard
      let row = try Row.fetchOne(
        transaction.db.cachedStatement(
          sql: "SELECT request_hash, answer, sequence FROM requests WHERE scope = ? AND request_id = ?"),
        arguments: [scopeRow, key.id])
    else { return nil }
    let hash: Data = row[0]
    guard hash.elementsEqual(key.hash) else { throw LociError.requestReused(id: key.id) }
    let encoded: Data = row[1]
    var answer = try Answer(decoding: [UInt8](encoded))
    answer.position = V1.Position(
      shard: transaction.shard.rawValue, sequence: LogSequence(bitPattern: row[2] as Int64))
    return answer
  }
}

/// Forgets answers that are older than anyone was promised, a bounded number at a time.
struct ForgetRequests: Command {
  static let countMax = 10_000

  /// Answers belong to many agents. The event is the shard's own; no table keeps this name.
  let scope: Scope
  let requestKey: RequestKey? = nil
  let costBytes = 512

  init() throws(LociError) { scope = try Scope(tenant: "loci", agent: "loci") }

  func decide(_ transaction: ProjectionTransaction) throws -> Decision<Written> {
    let end = transaction.at.microseconds - RequestSlice.retentionMicroseconds
    guard let oldest = try time(ofAnswer: 0, transaction.db), oldest < end else {
      return Decision(events: [], answer: Written())
    }
    let before = min(end, try time(ofAnswer: Self.countMax, transaction.db) ?? end)
    // Answers of one commit have one time: past all of it, or none would go.
    let forgotten = LogV1.RequestsForgotten(beforeUs: max(before, oldest + 1))
    return Decision(events: [.requestsForgotten(forgotten)], answer: Written())
  }

  private func time(ofAnswer number: Int, _ db: Database) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT at_us FROM requests ORDER BY at_us LIMIT 1 OFFSET ?"),
      arguments: [number])
  }
}

extension Store {
  /// Forgets a bounded number of answers to requests that are older than 24 hours, in every shard. Call it now and
  /// then. A shard that refuses writes is passed over.
  package func forgetOldRequests() async {
    for shard in shards {
      guard let command = try? ForgetRequests() else { return }
      _ = try? await shard.submit(command)
    }
  }
}
