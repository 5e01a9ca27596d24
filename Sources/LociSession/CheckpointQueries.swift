import Foundation
package import GRDB
package import LociCore
package import LociProto
import LociRecall
import LociStore

/// Reads of checkpoints.
package enum CheckpointQueries {
  static func row(
    thread: String, namespace: String, id: String, scope: Int64, in db: Database
  ) throws -> Int64? {
    try Int64.fetchOne(
      db.cachedStatement(
        sql: "SELECT row FROM checkpoints WHERE scope = ? AND thread_id = ? AND namespace = ? AND id = ?"),
      arguments: [scope, thread, namespace, id])
  }

  static func place(of row: Int64, in db: Database) throws -> CheckpointPlace? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT thread_id, namespace FROM checkpoints WHERE row = ?"), arguments: [row]
    ).map { CheckpointPlace(thread: $0[0], namespace: $0[1]) }
  }

  /// A checkpoint with its place in the list.
  package struct Found {
    package let row: Int64
    package let checkpoint: V1.Checkpoint
    private let scopeRow: Int64

    fileprivate init(_ row: Row) throws {
      self.row = row[0]
      scopeRow = row[1]
      checkpoint = V1.Checkpoint(
        threadID: row[2], namespacePath: row[3], id: row[4], parentID: row[5],
        state: V1.TypedValue(type: row[7], data: [UInt8](row[8] as Data)),
        metadata: V1.TypedValue(type: row[9], data: [UInt8](row[10] as Data)),
        attributes: try AttributeColumn.decode(row[11]),
        channels: try ChannelColumn.decode(row[12]).map {
          V1.Channel(name: $0.name, version: $0.version, incremental: $0.incremental)
        },
        runID: row[6])
    }

    /// The stored values of its channels, in the order of its channels. Each is read when it is asked for.
    package func value(of channel: V1.Channel, in db: Database) throws -> V1.Channel? {
      let value = try Row.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT type, value FROM checkpoint_values
            WHERE scope = ? AND thread_id = ? AND namespace = ? AND channel = ? AND version = ?
            """),
        arguments: [
          scopeRow, checkpoint.threadID, checkpoint.namespacePath, channel.name, channel.version
        ])
      guard let value else { return nil }
      var found = channel
      found.value = V1.TypedValue(type: value[0], data: [UInt8](value[1] as Data))
      return found
    }

    /// By task path, task and index.
    package func writes(from offset: Int, in db: Database) throws -> [V1.TaskWrite] {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT task_id, place, channel, type, value, task_path FROM checkpoint_writes
            WHERE scope = ? AND thread_id = ? AND namespace = ? AND checkpoint_id = ?
            ORDER BY task_path, task_id, place LIMIT -1 OFFSET ?
            """),
        arguments: [scopeRow, checkpoint.threadID, checkpoint.namespacePath, checkpoint.id, offset])
      var (writes, bytes): ([V1.TaskWrite], Int) = ([], 0)
      while let row = try rows.next() {
        let value: Data = row[4]
        bytes += value.count + 512
        if !writes.isEmpty, bytes > CheckpointReader.bytesMax { break }
        writes.append(
          V1.TaskWrite(
            taskID: row[0], index: row[1], channel: row[2],
            value: V1.TypedValue(type: row[3], data: [UInt8](value)), taskPath: row[5]))
      }
      return writes
    }
  }

  private static let columns =
    """
    row, scope, thread_id, namespace, id, parent_id, run_id, state_type, state, metadata_type, metadata, \
    attributes, channels
    """

  /// The next checkpoint of a list, largest id first.
  static func next(
    _ request: CheckpointList, after last: CheckpointReader.Place?, scope: Int64, in db: Database
  ) throws -> Found? {
    var sql = SQLConditions("scope = ?", scope)
    if let thread = request.threadID { sql.and("thread_id = ?", thread) }
    if let namespace = request.namespace { sql.and("namespace = ?", namespace) }
    if let id = request.id { sql.and("id = ?", id) }
    if let before = request.beforeID { sql.and("id < ?", before) }
    for attribute in request.attributes {
      sql.and(
        "EXISTS (SELECT 1 FROM json_each(attributes) WHERE key = ? AND value = ?)", attribute.key,
        attribute.value)
    }
    if let last { sql.and("(id, row) < (?, ?)", last.id, last.row) }
    return try Row.fetchOne(
      db, sql: "SELECT \(columns) FROM checkpoints WHERE \(sql.text) ORDER BY id DESC, row DESC LIMIT 1",
      arguments: sql.arguments
    ).map(Found.init)
  }
}

/// Which checkpoints to read, checked.
package struct CheckpointList: Sendable {
  let threadID, namespace, id, beforeID: String?
  let attributes: [V1.Attribute]
  /// `nil`: all.
  package let limit: UInt64?

  package init(_ request: V1.ReadCheckpointsRequest) throws(LociError) {
    try Validate.optionalName(request.threadID, field: "thread_id")
    try Validate.optionalName(request.checkpointID, field: "checkpoint_id")
    try Validate.optionalName(request.beforeID, field: "before_id")
    if let namespace = request.namespacePath { try CheckpointLimits.checkNamespace(namespace) }
    try Validate.count(request.attributes.count, field: "attributes", in: 0...16)
    try AttributeColumn.validate(request.attributes, field: "attributes")
    threadID = request.threadID.isEmpty ? nil : request.threadID
    namespace = request.namespacePath
    id = request.checkpointID.isEmpty ? nil : request.checkpointID
    beforeID = request.beforeID.isEmpty ? nil : request.beforeID
    attributes = request.attributes
    limit = request.limit == 0 ? nil : request.limit
  }
}

/// Reads checkpoints in pieces, none of which outgrows a frame unless a single value does. A checkpoint that is
/// changed between two of its pieces is read as it is then.
package struct CheckpointReader: Sendable {
  static let bytesMax = 2 << 20

  package struct Place: Sendable {
    let id: String
    let row: Int64
  }

  /// Where the next piece begins: within a checkpoint, or after one.
  private enum Cursor: Sendable {
    case after(Place?)
    case channels(of: Place, before: Place?, from: Int)
    case writes(of: Place, before: Place?, from: Int)
  }

  private let list: CheckpointList
  private var cursor = Cursor.after(nil)
  private var left: UInt64?

  package init(_ list: CheckpointList) {
    self.list = list
    left = list.limit
  }

  /// The next piece; `nil` at the end.
  package mutating func next(scope: Scope, in db: Database) throws -> V1.ReadCheckpointsResponse? {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    var piece = V1.ReadCheckpointsResponse()
    let (found, before, channel, write): (CheckpointQueries.Found?, Place?, Int, Int)
    switch cursor {
    case .after(let last):
      guard left != 0 else { return nil }
      (found, before, channel, write) = (
        try CheckpointQueries.next(list, after: last, scope: scopeRow, in: db), last, 0, 0
      )
      piece.checkpoint = found?.checkpoint
    case .channels(let place, let last, let from):
      (found, before, channel, write) = (
        try CheckpointQueries.next(list, after: last, scope: scopeRow, in: db).flatMap {
          $0.row == place.row ? $0 : nil
        }, last, from, 0
      )
    case .writes(let place, let last, let from):
      (found, before, channel, write) = (
        try CheckpointQueries.next(list, after: last, scope: scopeRow, in: db).flatMap {
          $0.row == place.row ? $0 : nil
        }, last, .max, from
      )
    }
    guard let found else {
      if case .after = cursor { return nil }
      throw LociError.failedPrecondition("a checkpoint was deleted while it was read")
    }
    let place = Place(id: found.checkpoint.id, row: found.row)
    var bytes = (piece.checkpoint?.state?.data.count ?? 0) + (piece.checkpoint?.metadata?.data.count ?? 0)
    let channels = found.checkpoint.channels
    for index in min(channel, channels.count)..<channels.count {
      guard let value = try found.value(of: channels[index], in: db) else { continue }
      bytes += value.value?.data.count ?? 0
      if bytes > Self.bytesMax, piece.checkpoint != nil || !piece.values.isEmpty {
        cursor = .channels(of: place, before: before, from: index)
        return piece
      }
      piece.values.append(value)
    }
    let writes = try found.writes(from: write, in: db)
    let size = writes.reduce(0) { $0 + ($1.value?.data.count ?? 0) + 512 }
    if !writes.isEmpty, bytes + size > Self.bytesMax, piece.checkpoint != nil || !piece.values.isEmpty {
      cursor = .writes(of: place, before: before, from: write)
      return piece
    }
    piece.writes = writes
    if try !writes.isEmpty && !found.writes(from: write + writes.count, in: db).isEmpty {
      cursor = .writes(of: place, before: before, from: write + writes.count)
      return piece
    }
    cursor = .after(place)
    left = left.map { $0 - 1 }
    return piece
  }
}
