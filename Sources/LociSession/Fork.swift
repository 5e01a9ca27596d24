import LociContext
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.ForkSessionResponse: PositionedAnswer {}

/// A new session that begins where a snapshot of another is, with copies of its messages and variables. They are
/// copies, not a branch of the context: what a snapshot holds may be deleted already, and a later rollback of the
/// one session must not take messages from the other.
package struct ForkSession: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 64 << 10
  private let sessionID: SessionID
  private let snapshotID: SnapshotID?
  private let id: SessionID
  private let request: V1.ForkSessionRequest
  private let ids: UUIDv7Generator

  package init(
    _ request: V1.ForkSessionRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    self.ids = ids
    sessionID = try SessionID(validating: request.sessionID)
    snapshotID = request.snapshotID.isEmpty ? nil : try SnapshotID(validating: request.snapshotID)
    id = request.id.isEmpty ? SessionID(unchecked: ids.next()) : try SessionID(validating: request.id)
    try Validate.text(request.title, field: "title", bytesMax: SessionLimits.titleBytesMax)
    try AttributeColumn.validate(request.attributes, field: "attributes")
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.ForkSessionResponse> {
    let db = transaction.db
    let source = try SessionQueries.get(sessionID, scope: scope, in: db)
    let view = try SnapshotView(snapshotID, orNowOf: source, in: db)
    guard try SessionQueries.find(id, scope: scope, in: db) == nil else {
      throw LociError.alreadyExists(.session, id: id.rawValue)
    }
    let contextID = ContextID(unchecked: id.rawValue)
    guard try ContextQueries.find(contextID, scope: scope, in: db) == nil else {
      throw LociError.alreadyExists(.context, id: contextID.rawValue)
    }
    let original = try ContextQueries.find(
      ContextID(unchecked: source.session.contextID), scope: scope, in: db)
    let messages = try copies(of: view, transaction)
    var created = LogV1.ContextCreated(
      id: contextID.rawValue, title: request.title, traceID: source.session.traceID, sessionID: id.rawValue)
    created.type = original?.context.type.rawValue ?? 0
    created.maxHistory = original?.context.maxHistory ?? 0
    created.parentID = original?.context.parentContextID ?? ""
    created.parentNumber = original?.context.parentNumber ?? 0
    var events: [LogV1.Event.Kind] = [.contextCreated(created)]
    if !messages.isEmpty {
      events.append(
        .messagesAppended(
          LogV1.MessagesAppended(
            contextID: contextID.rawValue, firstNumber: created.parentNumber + 1, messages: messages)))
    }
    let timeout = source.session.timeoutMs
    events.append(
      .sessionCreated(
        LogV1.SessionCreated(
          id: id.rawValue, title: request.title, contextID: contextID.rawValue,
          parentID: source.session.parentID, traceID: source.session.traceID,
          attributes: AttributeColumn.stored(request.attributes), timeoutMs: timeout,
          forkedFromSessionID: sessionID.rawValue, forkedFromSnapshotID: snapshotID?.rawValue ?? "")))
    let variables = try view.variables(in: db)
    if !variables.isEmpty {
      events.append(
        .variablesSet(
          LogV1.VariablesSet(
            sessionID: id.rawValue,
            set: variables.map { LogV1.StoredVariable(name: $0.name, value: $0.value) })))
    }
    let reason = "forked from \(sessionID)"
    events.append(
      .sessionTransitioned(
        LogV1.SessionTransitioned(id: id.rawValue, state: SessionState.active.rawValue, reason: reason)))
    let at = transaction.at.microseconds
    let session = V1.Session(
      id: id.rawValue, title: request.title, state: .active, reason: reason, contextID: contextID.rawValue,
      parentID: source.session.parentID, traceID: source.session.traceID,
      attributes: request.attributes.sorted { $0.key < $1.key }, createdAtUs: at, updatedAtUs: at,
      heartbeatAtUs: at, timeoutMs: timeout, expiresAtUs: SessionTime.expiry(from: at, timeoutMs: timeout),
      version: variables.isEmpty ? 2 : 3, forkedFromSessionID: sessionID.rawValue,
      forkedFromSnapshotID: snapshotID?.rawValue ?? "")
    return Decision(
      events: events,
      answer: V1.ForkSessionResponse(session: session, messagesCopied: UInt64(messages.count)))
  }

  private func copies(
    of view: SnapshotView, _ transaction: ProjectionTransaction
  ) throws -> [LogV1.AppendedMessage] {
    let cursor = try view.messages(in: transaction.db)
    var messages: [LogV1.AppendedMessage] = []
    var sizes: [Int] = []
    while let message = try cursor.next() {
      messages.append(message.appended(id: ids.next()))
      sizes.append(message.text.utf8.count + message.data.count)
    }
    try MovedBytes.check(sizes, what: "fork")
    return messages
  }
}
