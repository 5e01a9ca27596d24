package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.CreateContextResponse: PositionedAnswer {}
extension V1.DeleteContextResponse: PositionedAnswer {}
extension V1.AppendResponse: PositionedAnswer {}
extension V1.DeleteMessagesResponse: PositionedAnswer {}

/// Limits of contexts and messages, as the contract states them.
package enum ContextLimits {
  package static let textBytesMax = 1 << 20
  package static let dataBytesMax = 1 << 20
  package static let titleBytesMax = 1_024
  package static let pinsMax = 1_000
  /// How long a line of branches may be.
  package static let branchDepthMax = 64
  package static let messagesPerCall = 1_000
}

package struct CreateContext: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 2_048
  private let id: ContextID
  private let request: V1.CreateContextRequest

  package init(
    _ request: V1.CreateContextRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    try Validate.text(request.title, field: "title", bytesMax: ContextLimits.titleBytesMax)
    try AttributeColumn.validate(request.attributes, field: "attributes")
    try Validate.traceID(request.traceID, field: "trace_id")
    switch request.type {
    case .unspecified, .conversation, .task, .tool, .system, .shared: break
    default: throw .invalid(field: "type", problem: "is not a context type")
    }
    self.scope = scope
    self.requestKey = key
    self.request = request
    id = request.id.isEmpty ? ContextID(unchecked: ids.next()) : try ContextID(validating: request.id)
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.CreateContextResponse> {
    if let scopeRow = try transaction.scopeRow(scope),
      try ContextQueries.row(id.rawValue, scope: scopeRow, in: transaction.db) != nil
    {
      throw LociError.alreadyExists(.context, id: id.rawValue)
    }
    let type = request.type == .unspecified ? V1.ContextType.conversation : request.type
    let created = LogV1.ContextCreated(
      id: id.rawValue, title: request.title, attributes: AttributeColumn.stored(request.attributes),
      type: type.rawValue, traceID: request.traceID, maxHistory: request.maxHistory)
    let at = transaction.at.microseconds
    let context = V1.Context(
      id: id.rawValue, title: request.title, attributes: request.attributes.sorted { $0.key < $1.key },
      createdAtUs: at, updatedAtUs: at, messageCount: 0, nextNumber: 1, type: type,
      traceID: request.traceID, maxHistory: request.maxHistory, version: 1)
    return Decision(events: [.contextCreated(created)], answer: V1.CreateContextResponse(context: context))
  }
}

package struct DeleteContext: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 512
  private let id: ContextID

  package init(
    _ request: V1.DeleteContextRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    id = try ContextID(validating: request.contextID)
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.DeleteContextResponse> {
    guard let stored = try ContextQueries.find(id, scope: scope, in: transaction.db) else {
      throw LociError.notFound(.context, id: id.rawValue)
    }
    guard stored.sessionID.isEmpty else {
      throw LociError.failedPrecondition(
        "context \(id) belongs to session \(stored.sessionID): delete that instead")
    }
    try ContextQueries.requireNoBranches(stored, in: transaction.db)
    return Decision(
      events: [.contextDeleted(LogV1.ContextDeleted(id: id.rawValue))],
      answer: V1.DeleteContextResponse(messagesDeleted: UInt64(stored.messageCount)))
  }
}

/// Appends messages to a context, all or none.
package struct AppendMessages: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let contextID: ContextID
  private let createContext: Bool
  private let expectedVersion: UInt64?
  private let messages: [LogV1.AppendedMessage]
  /// Ids that the caller chose: only these can be taken already.
  private let chosenIDs: [String]

  package init(
    _ request: V1.AppendRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    contextID = try ContextID(validating: request.contextID)
    createContext = request.createContext
    expectedVersion = request.expectedVersion
    try Validate.count(request.messages.count, field: "messages", in: 1...ContextLimits.messagesPerCall)
    var messages: [LogV1.AppendedMessage] = []
    messages.reserveCapacity(request.messages.count)
    var bytes = 512
    for draft in request.messages {
      messages.append(try Self.validated(draft, ids: ids))
      bytes += draft.text.utf8.count + draft.data.count + 512
    }
    self.messages = messages
    costBytes = bytes
    chosenIDs = request.messages.lazy.map(\.id).filter { !$0.isEmpty }
    guard !chosenIDs.hasRepeats else {
      throw .invalid(field: "messages.id", problem: "occurs twice")
    }
  }

  static func validated(
    _ draft: V1.MessageDraft, ids: UUIDv7Generator
  ) throws(LociError) -> LogV1.AppendedMessage {
    switch draft.role {
    case .user, .assistant, .system, .tool: break
    default: throw .invalid(field: "messages.role", problem: "must be USER, ASSISTANT, SYSTEM or TOOL")
    }
    try Validate.text(draft.text, field: "messages.text", bytesMax: ContextLimits.textBytesMax)
    try Validate.optionalName(draft.id, field: "messages.id")
    try Validate.optionalName(draft.name, field: "messages.name")
    try Validate.optionalName(draft.toolCallID, field: "messages.tool_call_id")
    try Validate.time(draft.createdAtUs, field: "messages.created_at_us")
    try Validate.traceID(draft.traceID, field: "messages.trace_id")
    try AttributeColumn.validate(draft.attributes, field: "messages.attributes")
    guard draft.data.count <= ContextLimits.dataBytesMax else {
      throw .invalid(
        field: "messages.data",
        problem: "has \(draft.data.count) bytes, at most \(ContextLimits.dataBytesMax)")
    }
    return LogV1.AppendedMessage(
      id: draft.id.isEmpty ? ids.next() : draft.id, role: draft.role.rawValue, text: draft.text,
      name: draft.name, createdAtUs: draft.createdAtUs, traceID: draft.traceID,
      toolCallID: draft.toolCallID, attributes: AttributeColumn.stored(draft.attributes),
      tokenCount: draft.tokenCount, data: draft.data, pinned: draft.pinned)
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.AppendResponse> {
    let scopeRow = try transaction.scopeRow(scope)
    let context = try scopeRow.flatMap {
      try ContextRows.of(transaction).row(contextID.rawValue, scope: $0, in: transaction.db)
    }
    guard context != nil || createContext else {
      throw LociError.notFound(.context, id: contextID.rawValue)
    }
    try Self.require(expectedVersion, of: contextID, version: context?.version ?? 0)
    if let scopeRow {
      for id in chosenIDs where try ContextQueries.messageExists(id, scope: scopeRow, in: transaction.db) {
        throw LociError.alreadyExists(.message, id: id)
      }
    }
    let firstNumber = context?.nextNumber ?? 1
    let appended = LogV1.MessagesAppended(
      contextID: contextID.rawValue, firstNumber: UInt64(firstNumber), messages: messages)
    var events: [LogV1.Event.Kind] = [.messagesAppended(appended)]
    if context == nil {
      events.insert(.contextCreated(LogV1.ContextCreated(id: contextID.rawValue)), at: 0)
    }
    return Decision(
      events: events,
      answer: V1.AppendResponse(
        messageIDs: messages.map(\.id), firstNumber: UInt64(firstNumber),
        contextVersion: UInt64(context?.version ?? 1) + UInt64(messages.count)))
  }

  /// - Throws: `failedPrecondition` when the context has moved on since the caller looked.
  static func require(_ expected: UInt64?, of id: ContextID, version: Int64) throws(LociError) {
    guard let expected, expected != UInt64(version) else { return }
    throw .failedPrecondition("context \(id) has version \(version), not \(expected)")
  }
}

package struct DeleteMessages: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let ids: [String]

  package init(
    _ request: V1.DeleteMessagesRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try Validate.count(request.messageIDs.count, field: "message_ids", in: 1...ContextLimits.messagesPerCall)
    for id in request.messageIDs { try Validate.name(id, field: "message_ids") }
    ids = request.messageIDs.withoutRepeats()
    costBytes = 512 + ids.count * 64
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.DeleteMessagesResponse> {
    let scopeRow = try transaction.scopeRow(scope)
    let present = try ids.filter { id in
      guard let scopeRow else { return false }
      return try ContextQueries.messageExists(id, scope: scopeRow, in: transaction.db)
    }
    return Decision(
      events: present.isEmpty ? [] : [.messagesDeleted(LogV1.MessagesDeleted(ids: present))],
      answer: V1.DeleteMessagesResponse(messagesDeleted: UInt64(present.count)))
  }
}
