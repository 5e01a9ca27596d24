import LociContext
package import LociCore
import GRDB
package import LociProto
import LociRecall
package import LociStore

extension V1.RollbackSessionResponse: PositionedAnswer {}

/// Returns a session to one of its snapshots. The events are the plain ones of messages, variables and memories, so
/// every table changes as it would by hand, and what they undo is kept under a snapshot of the state before.
package struct RollbackSession: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 64 << 10
  private let sessionID: SessionID
  private let snapshotID: SnapshotID
  private let undoID: String
  private let reason: String
  private let expectedVersion: UInt64?

  package init(
    _ request: V1.RollbackSessionRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    sessionID = try SessionID(validating: request.sessionID)
    snapshotID = try SnapshotID(validating: request.snapshotID)
    try Validate.text(request.reason, field: "reason", bytesMax: SessionLimits.reasonBytesMax)
    reason = request.reason
    expectedVersion = request.expectedVersion
    undoID = ids.next()
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.RollbackSessionResponse> {
    let db = transaction.db
    let stored = try SessionQueries.get(sessionID, scope: scope, in: db)
    try stored.requireVersion(expectedVersion)
    let target = try SnapshotView(snapshotID, of: stored, in: db)
    let now = try SnapshotView(now: stored, in: db)
    let text = reason.isEmpty ? "rolled back to \(snapshotID)" : reason
    var answer = V1.RollbackSessionResponse(undoSnapshotID: undoID)
    var events: [LogV1.Event.Kind] = [
      .snapshotTaken(
        LogV1.SnapshotTaken(
          sessionID: sessionID.rawValue, id: undoID, label: "before: \(text)".prefixOfBytes(1_024),
          automatic: true))
    ]
    events += try messageEvents(target, stored, &answer, db)
    events += try pinEvents(target, now, db)
    events += try variableEvents(target, now, &answer, db)
    events += try memoryEvents(target, &answer, db)
    events.append(
      .sessionRolledBack(
        LogV1.SessionRolledBack(
          sessionID: sessionID.rawValue, snapshotID: snapshotID.rawValue, undoSnapshotID: undoID,
          reason: text)))
    answer.session = session(after: stored, target, text, answer, at: transaction.at)
    return Decision(events: events, answer: answer)
  }

  private func session(
    after stored: SessionQueries.Stored, _ target: SnapshotView, _ reason: String,
    _ answer: V1.RollbackSessionResponse, at time: Timestamp
  ) -> V1.Session {
    var session = stored.session
    let at = time.microseconds
    session.state = target.state.onWire
    session.reason = reason
    session.version += answer.variablesChanged > 0 ? 2 : 1
    session.snapshotCount += 1
    (session.updatedAtUs, session.heartbeatAtUs) = (at, at)
    session.expiresAtUs =
      target.state.isFinal ? 0 : SessionTime.expiry(from: at, timeoutMs: session.timeoutMs)
    return session
  }

  // MARK: Messages

  private func messageEvents(
    _ target: SnapshotView, _ stored: SessionQueries.Stored, _ answer: inout V1.RollbackSessionResponse,
    _ db: Database
  ) throws -> [LogV1.Event.Kind] {
    let contextID = ContextID(unchecked: stored.session.contextID)
    let added = try target.messagesSince(in: db)
    let gone = try target.messagesGone(in: db)
    guard !added.isEmpty || !gone.isEmpty else { return [] }
    guard let context = try ContextQueries.find(contextID, scope: scope, in: db) else {
      throw LociError.failedPrecondition("context \(contextID) of session \(sessionID) is gone")
    }
    if let first = added.first {
      try ContextQueries.requireNoBranches(context, from: first.number, in: db)
    }
    try MovedBytes.check(gone.map { $0.text.utf8.count + $0.data.count }, what: "rollback")
    let leaving = Set(added.map { ExactText($0.id) })
    for message in gone where !leaving.contains(ExactText(message.id)) {
      guard try !ContextQueries.messageExists(message.id, scope: stored.scopeRow, in: db) else {
        throw LociError.failedPrecondition(
          "message \(message.id) cannot come back: another has its id now")
      }
    }
    answer.messagesRemoved = UInt64(added.count)
    answer.messagesRestored = UInt64(gone.count)
    var events: [LogV1.Event.Kind] = []
    if !added.isEmpty { events.append(.messagesDeleted(LogV1.MessagesDeleted(ids: added.map(\.id)))) }
    if !gone.isEmpty {
      events.append(
        .messagesRestored(
          LogV1.MessagesRestored(
            contextID: contextID.rawValue,
            messages: gone.map { LogV1.RestoredMessage(number: $0.number, message: $0.appended()) })))
    }
    return events
  }

  private func pinEvents(
    _ target: SnapshotView, _ now: SnapshotView, _ db: Database
  ) throws -> [LogV1.Event.Kind] {
    // Pins of messages that go or come back go and come with them.
    let live = try Set(now.numbers(in: db).map(\.number)).subtracting(
      target.messagesSince(in: db).map(\.number))
    let (wanted, present) = try (Set(target.pins(in: db)), Set(now.pins(in: db)))
    let contextID = target.session.session.contextID
    return [(wanted.subtracting(present), false), (present.subtracting(wanted), true)].compactMap {
      numbers, unpinned in
      let numbers = numbers.map { UInt64($0) }.filter(live.contains).sorted()
      guard !numbers.isEmpty else { return nil }
      return .messagesPinned(
        LogV1.MessagesPinned(contextID: contextID, numbers: numbers, unpinned: unpinned))
    }
  }

  // MARK: Variables and memories

  private func variableEvents(
    _ target: SnapshotView, _ now: SnapshotView, _ answer: inout V1.RollbackSessionResponse, _ db: Database
  ) throws -> [LogV1.Event.Kind] {
    let changes = try VariableDiff.between(now, target, in: db)
    guard !changes.isEmpty else { return [] }
    answer.variablesChanged = UInt64(changes.count)
    return [
      .variablesSet(
        LogV1.VariablesSet(
          sessionID: sessionID.rawValue,
          set: changes.filter(\.has).map { LogV1.StoredVariable(name: $0.name, value: $0.after) },
          removed: changes.filter { !$0.has }.map(\.name)))
    ]
  }

  private func memoryEvents(
    _ target: SnapshotView, _ answer: inout V1.RollbackSessionResponse, _ db: Database
  ) throws -> [LogV1.Event.Kind] {
    let added = try target.memoriesSince(in: db)
    let changed = try target.memories(in: db).filter { !$0.isLive }
    try MovedBytes.check(changed.map { $0.memory.text.utf8.count }, what: "rollback")
    var events: [LogV1.Event.Kind] = []
    if !added.isEmpty {
      let replaced = try target.superseded(by: added, in: db)
      events.append(.memoriesDeleted(LogV1.MemoriesDeleted(ids: added)))
      // What they replaced holds again.
      if !replaced.isEmpty {
        events.append(.memoriesRestored(LogV1.MemoriesRestored(ids: replaced, superseded: true)))
      }
    }
    let leaving = Set(added.map { ExactText($0) })
    let scopeRow = target.session.scopeRow
    var missing: [LogV1.AddedMemory] = []
    for held in changed {
      let live = try LiveMemory.find(held.memory.id, scope: scopeRow, in: db)
      if let live, live.item == held.item {
        events.append(
          .memoryUpdated(
            LogV1.MemoryUpdated(
              memory: held.added(), version: live.version + 1,
              textChanged: ExactText(live.text) != ExactText(held.memory.text))))
      } else if live == nil || leaving.contains(ExactText(held.memory.id)) {
        missing.append(held.added())
      } else {
        throw LociError.failedPrecondition(
          "memory \(held.memory.id) cannot come back: another has its id now")
      }
    }
    if !missing.isEmpty { events.append(.memoriesAdded(LogV1.MemoriesAdded(memories: missing))) }
    answer.memoriesRemoved = UInt64(added.count)
    answer.memoriesRestored = UInt64(changed.count)
    return events
  }
}

/// A memory as it stands, as far as a rollback needs it.
private struct LiveMemory {
  let item: Int64
  let version: UInt64
  let text: String

  static func find(_ id: String, scope: Int64, in db: Database) throws -> LiveMemory? {
    try Row.fetchOne(
      db.cachedStatement(sql: "SELECT item, version, text FROM memories WHERE scope = ? AND id = ?"),
      arguments: [scope, id]
    ).map { LiveMemory(item: $0[0], version: UInt64($0[1] as Int64), text: $0[2]) }
  }
}

enum MovedBytes {
  /// - Throws: `tooLarge` when the items together are more than one write may move.
  static func check(_ sizes: [Int], what: String) throws(LociError) {
    let bytes = sizes.reduce(0, +)
    guard bytes <= SessionLimits.movedBytesMax else {
      throw .tooLarge(what: "the \(what)", bytes: bytes, limit: SessionLimits.movedBytesMax)
    }
    guard sizes.count <= SessionLimits.movedMessagesMax else {
      throw .failedPrecondition(
        "the \(what) moves \(sizes.count) items, at most \(SessionLimits.movedMessagesMax)")
    }
  }
}

extension SnapshotView.HeldMemory {
  /// As an event adds it. It replaces nothing a second time.
  func added() -> LogV1.AddedMemory {
    var details = details
    details?.supersedesID = ""
    return LogV1.AddedMemory(
      id: memory.id, type: memory.type.rawValue, text: memory.text, contextID: memory.contextID,
      traceID: memory.traceID, importance: memory.importance, createdAtUs: memory.createdAtUs,
      expiresAtUs: memory.expiresAtUs, attributes: AttributeColumn.stored(memory.attributes), details: details
    )
  }
}

extension V1.Message {
  /// As an event appends it.
  func appended(id: String? = nil) -> LogV1.AppendedMessage {
    LogV1.AppendedMessage(
      id: id ?? self.id, role: role.rawValue, text: text, name: name, createdAtUs: createdAtUs,
      traceID: traceID, toolCallID: toolCallID, attributes: AttributeColumn.stored(attributes),
      tokenCount: tokenCount, data: data, pinned: pinned)
  }
}

extension String {
  /// The longest start of whole characters that has at most `count` bytes.
  func prefixOfBytes(_ count: Int) -> String {
    guard utf8.count > count else { return self }
    var end = utf8.index(startIndex, offsetBy: count)
    while end.samePosition(in: self) == nil { end = utf8.index(before: end) }
    return String(self[..<end])
  }
}
