package import LociCore
package import LociProto
import LociRecall
package import LociStore
import LociContext
import GRDB

extension V1.TakeSnapshotResponse: PositionedAnswer {}
extension V1.PruneSnapshotsResponse: PositionedAnswer {}

package struct TakeSnapshot: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 1_024
  private let sessionID: SessionID
  private let id: SnapshotID
  private let request: V1.TakeSnapshotRequest

  package init(
    _ request: V1.TakeSnapshotRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    sessionID = try SessionID(validating: request.sessionID)
    id = request.id.isEmpty ? SnapshotID(unchecked: ids.next()) : try SnapshotID(validating: request.id)
    try Validate.text(request.label, field: "label", bytesMax: SessionLimits.titleBytesMax)
    try AttributeColumn.validate(request.attributes, field: "attributes")
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.TakeSnapshotResponse> {
    let db = transaction.db
    let stored = try SessionQueries.get(sessionID, scope: scope, in: db)
    guard try SnapshotQueries.find(id, of: stored.row, in: db) == nil else {
      throw LociError.alreadyExists(.snapshot, id: id.rawValue)
    }
    let now = try SnapshotView(now: stored, in: db)
    let context = try ContextQueries.row(stored.session.contextID, scope: stored.scopeRow, in: db)
    let snapshot = V1.Snapshot(
      id: id.rawValue, sessionID: sessionID.rawValue, label: request.label,
      attributes: request.attributes.sorted { $0.key < $1.key }, createdAtUs: transaction.at.microseconds,
      position: V1.Position(
        shard: transaction.shard.rawValue, sequence: transaction.upcomingSequence),
      state: stored.session.state, messageCount: UInt64(context?.messageCount ?? 0),
      memoryCount: UInt64(try now.memoryCount(in: db)),
      variableCount: UInt64(try SessionQueries.variableCount(of: stored.row, in: db)))
    let taken = LogV1.SnapshotTaken(
      sessionID: sessionID.rawValue, id: id.rawValue, label: request.label,
      attributes: AttributeColumn.stored(request.attributes))
    return Decision(events: [.snapshotTaken(taken)], answer: V1.TakeSnapshotResponse(snapshot: snapshot))
  }
}

package struct PruneSnapshots: Command {
  private enum Choice { case these([String]), allButNewest(Int64), before(Int64) }

  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let sessionID: SessionID
  private let choice: Choice

  package init(
    _ request: V1.PruneSnapshotsRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    sessionID = try SessionID(validating: request.sessionID)
    costBytes = 512 + request.snapshotIDs.count * 64
    try Validate.count(request.snapshotIDs.count, field: "snapshot_ids", in: 0...1_000)
    for id in request.snapshotIDs { try Validate.name(id, field: "snapshot_ids") }
    try Validate.time(request.beforeUs, field: "before_us")
    switch (request.snapshotIDs.isEmpty, request.keepNewest, request.beforeUs) {
    case (false, 0, 0): choice = .these(request.snapshotIDs.withoutRepeats())
    case (true, 1..., 0): choice = .allButNewest(Int64(request.keepNewest))
    case (true, 0, 1...): choice = .before(request.beforeUs)
    default:
      throw .invalid(
        field: "snapshot_ids", problem: "exactly one of snapshot_ids, keep_newest and before_us must be given"
      )
    }
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.PruneSnapshotsResponse> {
    let db = transaction.db
    let session = try SessionQueries.get(sessionID, scope: scope, in: db).row
    let ids: [String]
    switch choice {
    case .these(let chosen):
      ids = try chosen.filter {
        try SnapshotQueries.find(SnapshotID(unchecked: $0), of: session, in: db) != nil
      }
    case .allButNewest(let count):
      ids = try String.fetchAll(
        db,
        sql: "SELECT id FROM session_snapshots WHERE session = ? ORDER BY sequence DESC LIMIT -1 OFFSET ?",
        arguments: [session, count])
    case .before(let time):
      ids = try String.fetchAll(
        db, sql: "SELECT id FROM session_snapshots WHERE session = ? AND at_us < ? ORDER BY sequence",
        arguments: [session, time])
    }
    return Decision(
      events: ids.isEmpty
        ? [] : [.snapshotsPruned(LogV1.SnapshotsPruned(sessionID: sessionID.rawValue, ids: ids))],
      answer: V1.PruneSnapshotsResponse(snapshotsRemoved: UInt64(ids.count)))
  }
}
