import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.PutCheckpointResponse: PositionedAnswer {}
extension V1.PutWritesResponse: PositionedAnswer {}
extension V1.DeleteThreadsResponse: PositionedAnswer {}
extension V1.DeleteRunsResponse: PositionedAnswer {}
extension V1.CopyThreadResponse: PositionedAnswer {}
extension V1.PruneThreadsResponse: PositionedAnswer {}

/// Limits of checkpoints, as the contract states them. The size of a value is limited by that of a frame.
enum CheckpointLimits {
  static let namespaceBytesMax = 512
  static let channelsMax = 1_024
  static let writesPerCall = 1_000
  static let idsPerCall = 1_000

  static func checkNamespace(_ namespace: String) throws(LociError) {
    try Validate.text(namespace, field: "namespace_path", bytesMax: namespaceBytesMax)
  }

  static func checkIDs(_ ids: [String], field: String) throws(LociError) {
    try Validate.count(ids.count, field: field, in: 1...idsPerCall)
    for id in ids { try Validate.name(id, field: field) }
  }

  static func stored(_ value: V1.TypedValue, field: String) throws(LociError) -> LogV1.CheckpointValue {
    try Validate.text(value.type, field: "\(field).type", bytesMax: 64)
    return LogV1.CheckpointValue(type: value.type, data: value.data)
  }
}

package struct PutCheckpoint: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let put: LogV1.CheckpointPut

  package init(
    _ request: V1.PutCheckpointRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    guard let checkpoint = request.checkpoint else {
      throw .invalid(field: "checkpoint", problem: "is missing")
    }
    try Validate.name(checkpoint.threadID, field: "checkpoint.thread_id")
    try CheckpointLimits.checkNamespace(checkpoint.namespacePath)
    try Validate.name(checkpoint.id, field: "checkpoint.id")
    try Validate.optionalName(checkpoint.parentID, field: "checkpoint.parent_id")
    try Validate.optionalName(checkpoint.runID, field: "checkpoint.run_id")
    try AttributeColumn.validate(checkpoint.attributes, field: "checkpoint.attributes")
    try Validate.count(
      checkpoint.channels.count, field: "checkpoint.channels", in: 0...CheckpointLimits.channelsMax)
    guard let state = checkpoint.state, let metadata = checkpoint.metadata else {
      throw .invalid(field: "checkpoint.state", problem: "and checkpoint.metadata must be given")
    }
    var bytes = state.data.count + metadata.data.count + 1_024
    var channels: [LogV1.CheckpointChannel] = []
    for channel in checkpoint.channels {
      try Validate.text(channel.name, field: "checkpoint.channels.name", bytesMin: 1, bytesMax: 512)
      try Validate.name(channel.version, field: "checkpoint.channels.version")
      var value: LogV1.CheckpointValue?
      if let given = channel.value {
        value = try CheckpointLimits.stored(given, field: "checkpoint.channels.value")
        bytes += given.data.count
      }
      channels.append(
        LogV1.CheckpointChannel(
          name: channel.name, version: channel.version, value: value, incremental: channel.incremental))
      bytes += 256
    }
    guard !channels.map(\.name).hasRepeats else {
      throw .invalid(field: "checkpoint.channels.name", problem: "occurs twice")
    }
    costBytes = bytes
    put = LogV1.CheckpointPut(
      threadID: checkpoint.threadID, namespacePath: checkpoint.namespacePath, id: checkpoint.id,
      parentID: checkpoint.parentID, state: try CheckpointLimits.stored(state, field: "checkpoint.state"),
      metadata: try CheckpointLimits.stored(metadata, field: "checkpoint.metadata"),
      attributes: AttributeColumn.stored(checkpoint.attributes), channels: channels,
      runID: checkpoint.runID)
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.PutCheckpointResponse> {
    Decision(events: [.checkpointPut(put)], answer: V1.PutCheckpointResponse())
  }
}

/// What a task wrote. The checkpoint may come later: frameworks store both at once.
package struct PutWrites: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let put: LogV1.CheckpointWritesPut

  package init(
    _ request: V1.PutWritesRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try Validate.name(request.threadID, field: "thread_id")
    try CheckpointLimits.checkNamespace(request.namespacePath)
    try Validate.name(request.checkpointID, field: "checkpoint_id")
    try Validate.count(request.writes.count, field: "writes", in: 1...CheckpointLimits.writesPerCall)
    var bytes = 512
    var writes: [LogV1.CheckpointWrite] = []
    for write in request.writes {
      try Validate.name(write.taskID, field: "writes.task_id")
      try Validate.text(write.channel, field: "writes.channel", bytesMin: 1, bytesMax: 512)
      try Validate.text(write.taskPath, field: "writes.task_path", bytesMax: 1_024)
      guard let value = write.value else { throw .invalid(field: "writes.value", problem: "is missing") }
      writes.append(
        LogV1.CheckpointWrite(
          taskID: write.taskID, index: write.index, channel: write.channel,
          value: try CheckpointLimits.stored(value, field: "writes.value"), taskPath: write.taskPath))
      bytes += value.data.count + 512
    }
    costBytes = bytes
    put = LogV1.CheckpointWritesPut(
      threadID: request.threadID, namespacePath: request.namespacePath, checkpointID: request.checkpointID,
      writes: writes)
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.PutWritesResponse> {
    Decision(events: [.checkpointWritesPut(put)], answer: V1.PutWritesResponse())
  }
}

/// Deletes the checkpoints of threads, or those that runs made.
package struct DeleteCheckpoints<Answer: CheckpointsDeletedAnswer>: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let ids: [String]

  package init(ids: [String], scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try CheckpointLimits.checkIDs(ids, field: Answer.idField)
    self.ids = ids.withoutRepeats()
    costBytes = 512 + ids.count * 128
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<Answer> {
    guard let scopeRow = try transaction.scopeRow(scope) else {
      return Decision(events: [], answer: Answer(deleted: 0))
    }
    // The empty run is no run.
    let find = try transaction.db.cachedStatement(
      sql: """
        SELECT row FROM checkpoints WHERE scope = ? AND \(Answer.idColumn) <> '' AND \(Answer.idColumn) = ?
        ORDER BY row
        """)
    let rows = try ids.flatMap { try Int64.fetchAll(find, arguments: [scopeRow, $0]) }
    var event = LogV1.CheckpointsDeleted(rows: rows)
    if Answer.areThreads { event.threadIDs = ids }
    return Decision(
      events: rows.isEmpty && event.threadIDs.isEmpty ? [] : [.checkpointsDeleted(event)],
      answer: Answer(deleted: UInt64(rows.count)))
  }
}

/// How the answers of `DeleteCheckpoints` differ.
package protocol CheckpointsDeletedAnswer: PositionedAnswer {
  static var idField: String { get }
  static var idColumn: String { get }
  /// Whether the ids are of threads, which go whole.
  static var areThreads: Bool { get }
  init(deleted: UInt64)
}

extension V1.DeleteThreadsResponse: CheckpointsDeletedAnswer {
  package static var idField: String { "thread_ids" }
  package static var idColumn: String { "thread_id" }
  package static var areThreads: Bool { true }
  package init(deleted: UInt64) { self.init(checkpointsDeleted: deleted) }
}

extension V1.DeleteRunsResponse: CheckpointsDeletedAnswer {
  package static var idField: String { "run_ids" }
  package static var idColumn: String { "run_id" }
  package static var areThreads: Bool { false }
  package init(deleted: UInt64) { self.init(checkpointsDeleted: deleted) }
}

package struct CopyThread: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 64 << 10
  private let copied: LogV1.CheckpointThreadCopied

  package init(
    _ request: V1.CopyThreadRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try Validate.name(request.sourceThreadID, field: "source_thread_id")
    try Validate.name(request.targetThreadID, field: "target_thread_id")
    copied = LogV1.CheckpointThreadCopied(
      sourceThreadID: request.sourceThreadID, targetThreadID: request.targetThreadID)
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.CopyThreadResponse> {
    let count = try count(of: copied.sourceThreadID, transaction)
    guard try self.count(of: copied.targetThreadID, transaction) == 0 else {
      throw LociError.alreadyExists(.checkpoint, id: copied.targetThreadID)
    }
    return Decision(
      events: count == 0 ? [] : [.checkpointThreadCopied(copied)],
      answer: V1.CopyThreadResponse(checkpointsCopied: UInt64(count)))
  }

  private func count(of thread: String, _ transaction: ProjectionTransaction) throws -> Int {
    guard let scopeRow = try transaction.scopeRow(scope) else { return 0 }
    return try Int.fetchOne(
      transaction.db.cachedStatement(
        sql: "SELECT count(*) FROM checkpoints WHERE scope = ? AND thread_id = ?"),
      arguments: [scopeRow, thread]) ?? 0
  }
}

/// Keeps the newest checkpoint of each namespace of a thread, and of its ancestors those up to where each of its
/// incremental channels has a value: without them such a channel would read as empty.
package struct PruneThreads: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let threads: [String]

  package init(
    _ request: V1.PruneThreadsRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try CheckpointLimits.checkIDs(request.threadIDs, field: "thread_ids")
    threads = request.threadIDs.withoutRepeats()
    costBytes = 512 + threads.count * 128
  }

  private struct Entry {
    let row: Int64
    let id: ExactText
    let parent: ExactText
    let incremental: [ChannelColumn.Entry]
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.PruneThreadsResponse> {
    guard let scopeRow = try transaction.scopeRow(scope) else {
      return Decision(events: [], answer: V1.PruneThreadsResponse())
    }
    var rows: [Int64] = []
    for thread in threads {
      let namespaces = try String.fetchAll(
        transaction.db.cachedStatement(
          sql: "SELECT DISTINCT namespace FROM checkpoints WHERE scope = ? AND thread_id = ? ORDER BY 1"),
        arguments: [scopeRow, thread])
      for namespace in namespaces {
        rows += try unneeded(CheckpointPlace(thread: thread, namespace: namespace), scopeRow, transaction.db)
      }
    }
    return Decision(
      events: rows.isEmpty ? [] : [.checkpointsDeleted(LogV1.CheckpointsDeleted(rows: rows))],
      answer: V1.PruneThreadsResponse(checkpointsDeleted: UInt64(rows.count)))
  }

  private func unneeded(_ place: CheckpointPlace, _ scope: Int64, _ db: Database) throws -> [Int64] {
    let entries = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT row, id, parent_id, channels FROM checkpoints
          WHERE scope = ? AND thread_id = ? AND namespace = ? ORDER BY id DESC
          """), arguments: [scope, place.thread, place.namespace]
    ).map { row in
      Entry(
        row: row[0], id: ExactText(row[1]), parent: ExactText(row[2]),
        incremental: try ChannelColumn.decode(row[3]).filter(\.incremental))
    }
    guard let newest = entries.first else { return [] }
    let byID = Dictionary(entries.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    var needed: Set<Int64> = [newest.row]
    var wanted = Set(newest.incremental.map { ExactText($0.name) })
    var entry: Entry? = newest
    while let here = entry {
      needed.insert(here.row)
      for channel in here.incremental where wanted.contains(ExactText(channel.name)) {
        if try hasValue(channel, place, scope, db) { wanted.remove(ExactText(channel.name)) }
      }
      guard !wanted.isEmpty else { break }
      entry = byID[here.parent].flatMap { needed.contains($0.row) ? nil : $0 }
    }
    return entries.map(\.row).filter { !needed.contains($0) }.sorted()
  }

  private func hasValue(
    _ channel: ChannelColumn.Entry, _ place: CheckpointPlace, _ scope: Int64, _ db: Database
  ) throws -> Bool {
    try Int64.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT 1 FROM checkpoint_values
          WHERE scope = ? AND thread_id = ? AND namespace = ? AND channel = ? AND version = ?
          """), arguments: [scope, place.thread, place.namespace, channel.name, channel.version]) != nil
  }
}
