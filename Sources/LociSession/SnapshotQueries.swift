import Foundation
package import GRDB
import LociCore
package import LociProto
package import LociRecall

/// Reads of snapshots.
package enum SnapshotQueries {
  struct Found {
    let row: Int64
    let sequence: Int64
    let snapshot: V1.Snapshot
  }

  private static let columns =
    """
    p.row, p.id, s.id, p.label, p.attributes, p.sequence, p.at_us, p.state, p.automatic, p.message_count, \
    p.memory_count, p.variable_count
    """

  private static func snapshot(_ row: Row, shard: UInt32 = 0) throws -> V1.Snapshot {
    V1.Snapshot(
      id: row[1], sessionID: row[2], label: row[3], attributes: try AttributeColumn.decode(row[4]),
      createdAtUs: row[6],
      position: V1.Position(shard: shard, sequence: LogSequence(bitPattern: row[5] as Int64)),
      state: V1.SessionState(rawValue: row[7]), automatic: row[8],
      messageCount: UInt64(row[9] as Int64), memoryCount: UInt64(row[10] as Int64),
      variableCount: UInt64(row[11] as Int64))
  }

  static func find(_ id: SnapshotID, of session: Int64, in db: Database) throws -> Found? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT \(columns) FROM session_snapshots p JOIN sessions s ON s.row = p.session
          WHERE p.session = ? AND p.id = ?
          """), arguments: [session, id.rawValue]
    ).map { Found(row: $0[0], sequence: $0[5], snapshot: try snapshot($0)) }
  }

  static func pins(of id: String, session: Int64, in db: Database) throws -> [Int64] {
    try Int64.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT value FROM session_snapshots p, json_each(p.pins) WHERE p.session = ? AND p.id = ?
          """), arguments: [session, id])
  }

  /// Newest first.
  package static func list(
    of session: SessionQueries.Stored, shard: UInt32, page: PageRequest, in db: Database
  ) throws -> (snapshots: [V1.Snapshot], page: V1.PageInfo) {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(columns) FROM session_snapshots p JOIN sessions s ON s.row = p.session
          WHERE p.session = ? AND p.sequence < ? ORDER BY p.sequence DESC LIMIT ?
          """),
      arguments: [session.row, try page.after(orders: 1)?[0] ?? .max, page.size + 1])
    return try page.read(rows) {
      try snapshot($0, shard: shard)
    } cost: {
      $0.label.utf8.count + AnswerSize.of($0.attributes) + 512
    } key: {
      [$0[5] as Int64]
    }
  }
}

/// What differs between two views of a session.
package struct SnapshotDiff {
  package static let listMax = 1_000

  package static func between(
    _ from: SnapshotView, _ to: SnapshotView, in db: Database
  ) throws -> V1.DiffSnapshotsResponse {
    var answer = V1.DiffSnapshotsResponse(fromState: from.state.onWire, toState: to.state.onWire)
    try addMessages(from, to, &answer, db)
    try addVariables(from, to, &answer, db)
    try addMemories(from, to, &answer, db)
    return answer
  }

  /// Both sides in order of number, side by side. A number is never used again, so the number is the message.
  private static func addMessages(
    _ from: SnapshotView, _ to: SnapshotView, _ answer: inout V1.DiffSnapshotsResponse, _ db: Database
  ) throws {
    let before = try from.numbers(in: db)
    let after = try to.numbers(in: db)
    var (left, right) = (0, 0)
    while left < before.count || right < after.count {
      if right == after.count || (left < before.count && before[left].number < after[right].number) {
        answer.messagesRemovedCount += 1
        if answer.messagesRemoved.count < listMax { answer.messagesRemoved.append(before[left]) }
        left += 1
      } else if left == before.count || after[right].number < before[left].number {
        answer.messagesAddedCount += 1
        if answer.messagesAdded.count < listMax { answer.messagesAdded.append(after[right]) }
        right += 1
      } else {
        (left, right) = (left + 1, right + 1)
      }
    }
  }

  private static func addVariables(
    _ from: SnapshotView, _ to: SnapshotView, _ answer: inout V1.DiffSnapshotsResponse, _ db: Database
  ) throws {
    var bytes = 0
    for change in try VariableDiff.between(from, to, in: db) {
      answer.variablesCount += 1
      // Values can be large: the list ends where an answer would outgrow a frame.
      bytes += change.before.utf8.count + change.after.utf8.count
      guard answer.variables.count < listMax, bytes <= 3 << 19 else { continue }
      answer.variables.append(change)
    }
  }

  private static func addMemories(
    _ from: SnapshotView, _ to: SnapshotView, _ answer: inout V1.DiffSnapshotsResponse, _ db: Database
  ) throws {
    let before = try from.memories(in: db)
    let after = try to.memories(in: db)
    let old = Dictionary(before.map { (ExactText($0.memory.id), $0.memory) }, uniquingKeysWith: { $1 })
    let new = Dictionary(after.map { (ExactText($0.memory.id), $0.memory) }, uniquingKeysWith: { $1 })
    for memory in after.map(\.memory) {
      guard let previous = old[ExactText(memory.id)] else {
        answer.memoriesAddedCount += 1
        if answer.memoriesAdded.count < listMax { answer.memoriesAdded.append(memory.id) }
        continue
      }
      guard !previous.hasContent(of: memory) else { continue }
      answer.memoriesChangedCount += 1
      if answer.memoriesChanged.count < listMax { answer.memoriesChanged.append(memory.id) }
    }
    for memory in before.map(\.memory) where new[ExactText(memory.id)] == nil {
      answer.memoriesRemovedCount += 1
      if answer.memoriesRemoved.count < listMax { answer.memoriesRemoved.append(memory.id) }
    }
  }
}

enum VariableDiff {
  /// By name.
  static func between(
    _ from: SnapshotView, _ to: SnapshotView, in db: Database
  ) throws -> [V1.VariableDifference] {
    let before = try from.variables(in: db)
    let after = try to.variables(in: db)
    let old = Dictionary(before.map { (ExactText($0.name), $0.value) }, uniquingKeysWith: { $1 })
    let new = Dictionary(after.map { (ExactText($0.name), $0.value) }, uniquingKeysWith: { $1 })
    var changes: [V1.VariableDifference] = []
    for variable in after {
      let previous = old[ExactText(variable.name)]
      if let previous, ExactText(previous) == ExactText(variable.value) { continue }
      changes.append(
        V1.VariableDifference(
          name: variable.name, had: previous != nil, before: previous ?? "", has: true,
          after: variable.value))
    }
    for variable in before where new[ExactText(variable.name)] == nil {
      changes.append(V1.VariableDifference(name: variable.name, had: true, before: variable.value))
    }
    return changes.sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
  }
}

extension V1.Memory {
  /// Whether all that a caller set is the same; times and versions aside.
  func hasContent(of other: V1.Memory) -> Bool {
    type == other.type && ExactText(text) == ExactText(other.text) && importance == other.importance
      && expiresAtUs == other.expiresAtUs && attributes == other.attributes
  }
}
