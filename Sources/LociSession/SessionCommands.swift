import LociContext
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.CreateSessionResponse: PositionedAnswer {}
extension V1.TransitionSessionResponse: PositionedAnswer {}
extension V1.HeartbeatSessionResponse: PositionedAnswer {}
extension V1.DeleteSessionResponse: PositionedAnswer {}

/// Limits of sessions, as the contract states them.
package enum SessionLimits {
  package static let titleBytesMax = 1_024
  package static let reasonBytesMax = 1_024
  package static let variableBytesMax = 256 << 10
  package static let variablesPerCall = 1_000
  package static let variablesPerSession = 10_000
  package static let timeoutMsMax: Int64 = 366 * 24 * 3_600 * 1_000
  /// What one rollback or fork may bring back: it becomes one record of the log.
  package static let movedBytesMax = 64 << 20
  package static let movedMessagesMax = 100_000

  static func checkTimeout(_ milliseconds: Int64) throws(LociError) {
    guard (0...timeoutMsMax).contains(milliseconds) else {
      throw .invalid(field: "timeout_ms", problem: "is \(milliseconds), must be 0 to \(timeoutMsMax)")
    }
  }
}

package struct CreateSession: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let id: SessionID
  private let contextID: ContextID
  private let request: V1.CreateSessionRequest
  private let variables: VariableChanges?

  package init(
    _ request: V1.CreateSessionRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    id = request.id.isEmpty ? SessionID(unchecked: ids.next()) : try SessionID(validating: request.id)
    contextID =
      request.contextID.isEmpty
      ? ContextID(unchecked: id.rawValue) : try ContextID(validating: request.contextID)
    try Validate.text(request.title, field: "title", bytesMax: SessionLimits.titleBytesMax)
    try Validate.optionalName(request.parentID, field: "parent_id")
    try Validate.traceID(request.traceID, field: "trace_id")
    try AttributeColumn.validate(request.attributes, field: "attributes")
    try SessionLimits.checkTimeout(request.timeoutMs)
    variables = request.variables.isEmpty ? nil : try VariableChanges(request.variables)
    costBytes = 2_048 + (variables?.bytes ?? 0)
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.CreateSessionResponse> {
    let db = transaction.db
    guard try SessionQueries.find(id, scope: scope, in: db) == nil else {
      throw LociError.alreadyExists(.session, id: id.rawValue)
    }
    if !request.parentID.isEmpty {
      _ = try SessionQueries.get(SessionID(unchecked: request.parentID), scope: scope, in: db)
    }
    var events = [try contextEvent(transaction)]
    events.append(
      .sessionCreated(
        LogV1.SessionCreated(
          id: id.rawValue, title: request.title, contextID: contextID.rawValue, parentID: request.parentID,
          traceID: request.traceID, attributes: AttributeColumn.stored(request.attributes),
          timeoutMs: request.timeoutMs)))
    var version: UInt64 = 1
    if let variables {
      let (set, removed) = try variables.resolve(of: nil, in: db)
      events.append(
        .variablesSet(LogV1.VariablesSet(sessionID: id.rawValue, set: set, removed: removed)))
      version += 1
    }
    if request.activate {
      events.append(
        .sessionTransitioned(
          LogV1.SessionTransitioned(id: id.rawValue, state: SessionState.active.rawValue)))
      version += 1
    }
    let at = transaction.at.microseconds
    let session = V1.Session(
      id: id.rawValue, title: request.title, state: request.activate ? .active : .created,
      contextID: contextID.rawValue, parentID: request.parentID, traceID: request.traceID,
      attributes: request.attributes.sorted { $0.key < $1.key }, createdAtUs: at, updatedAtUs: at,
      heartbeatAtUs: at, timeoutMs: request.timeoutMs,
      expiresAtUs: SessionTime.expiry(from: at, timeoutMs: request.timeoutMs), version: version)
    return Decision(events: events, answer: V1.CreateSessionResponse(session: session))
  }

  /// The session's context is made, or bound when it exists.
  private func contextEvent(_ transaction: ProjectionTransaction) throws -> LogV1.Event.Kind {
    guard let context = try ContextQueries.find(contextID, scope: scope, in: transaction.db) else {
      return .contextCreated(
        LogV1.ContextCreated(
          id: contextID.rawValue, title: request.title, traceID: request.traceID, sessionID: id.rawValue))
    }
    guard context.sessionID.isEmpty else {
      throw LociError.failedPrecondition(
        "context \(contextID) belongs to session \(context.sessionID)")
    }
    return .contextUpdated(context.updated(sessionID: id.rawValue))
  }
}

package struct TransitionSession: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 2_048
  private let id: SessionID
  private let next: SessionState
  private let request: V1.TransitionSessionRequest

  package init(
    _ request: V1.TransitionSessionRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    id = try SessionID(validating: request.sessionID)
    guard let next = SessionState(request.state), next != .created, next != .expired else {
      throw .invalid(
        field: "state", problem: "must be ACTIVE, PAUSED, COMPLETED, FAILED or CANCELLED")
    }
    self.next = next
    let needsReason = next == .failed || next == .cancelled
    try Validate.text(
      request.reason, field: "reason", bytesMin: needsReason ? 1 : 0,
      bytesMax: SessionLimits.reasonBytesMax)
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.TransitionSessionResponse> {
    let stored = try SessionQueries.get(id, scope: scope, in: transaction.db)
    try stored.requireVersion(request.expectedVersion)
    try stored.requireLive(at: transaction.at)
    guard stored.state.canBecome(next) else {
      throw LociError.failedPrecondition("session \(id) is \(stored.state), which cannot become \(next)")
    }
    let at = transaction.at.microseconds
    var session = stored.session
    session.state = next.onWire
    session.reason = request.reason
    session.version += 1
    (session.updatedAtUs, session.heartbeatAtUs) = (at, at)
    session.expiresAtUs = next.isFinal ? 0 : SessionTime.expiry(from: at, timeoutMs: session.timeoutMs)
    let moved = LogV1.SessionTransitioned(id: id.rawValue, state: next.rawValue, reason: request.reason)
    return Decision(
      events: [.sessionTransitioned(moved)], answer: V1.TransitionSessionResponse(session: session))
  }
}

package struct HeartbeatSession: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 512
  private let id: SessionID
  private let timeoutMs: Int64?

  package init(
    _ request: V1.HeartbeatSessionRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    id = try SessionID(validating: request.sessionID)
    if let timeout = request.timeoutMs { try SessionLimits.checkTimeout(timeout) }
    timeoutMs = request.timeoutMs
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.HeartbeatSessionResponse> {
    let stored = try SessionQueries.get(id, scope: scope, in: transaction.db)
    try stored.requireLive(at: transaction.at)
    let timeout = timeoutMs ?? stored.session.timeoutMs
    return Decision(
      events: [.sessionHeartbeat(LogV1.SessionHeartbeat(id: id.rawValue, timeoutMs: timeout))],
      answer: V1.HeartbeatSessionResponse(
        expiresAtUs: SessionTime.expiry(from: transaction.at.microseconds, timeoutMs: timeout)))
  }
}

package struct DeleteSession: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 512
  private let id: SessionID
  private let deleteContext: Bool

  package init(
    _ request: V1.DeleteSessionRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    id = try SessionID(validating: request.sessionID)
    deleteContext = request.deleteContext
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.DeleteSessionResponse> {
    let stored = try SessionQueries.get(id, scope: scope, in: transaction.db)
    // First the session: what its snapshots need of the messages is not kept then.
    var events: [LogV1.Event.Kind] = [.sessionDeleted(LogV1.SessionDeleted(id: id.rawValue))]
    var answer = V1.DeleteSessionResponse()
    let contextID = ContextID(unchecked: stored.session.contextID)
    if let context = try ContextQueries.find(contextID, scope: scope, in: transaction.db) {
      if deleteContext {
        try ContextQueries.requireNoBranches(context, in: transaction.db)
        answer.messagesDeleted = UInt64(context.messageCount)
        events.append(.contextDeleted(LogV1.ContextDeleted(id: contextID.rawValue)))
      } else {
        events.append(.contextUpdated(context.updated(sessionID: "")))
      }
    }
    return Decision(events: events, answer: answer)
  }
}
