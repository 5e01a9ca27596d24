import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.UpdateContextResponse: PositionedAnswer {}
extension V1.PinMessagesResponse: PositionedAnswer {}

/// Replaces the fields of a context that the request names.
package struct UpdateContext: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 2_048
  private let id: ContextID
  private let request: V1.UpdateContextRequest

  package init(
    _ request: V1.UpdateContextRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    id = try ContextID(validating: request.contextID)
    if let title = request.title {
      try Validate.text(title, field: "title", bytesMax: ContextLimits.titleBytesMax)
    }
    if let list = request.attributes { try AttributeColumn.validate(list.attributes, field: "attributes") }
    if let traceID = request.traceID { try Validate.traceID(traceID, field: "trace_id") }
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.UpdateContextResponse> {
    let stored = try ContextQueries.stored(id, scope: scope, in: transaction.db)
    var context = stored.context
    try AppendMessages.require(request.expectedVersion, of: id, version: Int64(context.version))
    if let title = request.title { context.title = title }
    if let list = request.attributes { context.attributes = list.attributes.sorted { $0.key < $1.key } }
    if let traceID = request.traceID { context.traceID = traceID }
    if let maxHistory = request.maxHistory { context.maxHistory = maxHistory }
    guard context != stored.context else {
      return Decision(events: [], answer: V1.UpdateContextResponse(context: context))
    }
    context.version += 1
    let updated = LogV1.ContextUpdated(
      id: id.rawValue, title: context.title, attributes: AttributeColumn.stored(context.attributes),
      traceID: context.traceID, maxHistory: context.maxHistory, sessionID: context.sessionID)
    return Decision(events: [.contextUpdated(updated)], answer: V1.UpdateContextResponse(context: context))
  }
}

/// Pins messages of a context, or unpins them.
package struct PinMessages: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let contextID: ContextID
  private let ids: [String]
  private let unpin: Bool

  package init(
    _ request: V1.PinMessagesRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    contextID = try ContextID(validating: request.contextID)
    try Validate.count(request.messageIDs.count, field: "message_ids", in: 1...ContextLimits.messagesPerCall)
    for id in request.messageIDs { try Validate.name(id, field: "message_ids") }
    ids = request.messageIDs.withoutRepeats()
    unpin = request.unpin
    costBytes = 512 + ids.count * 64
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.PinMessagesResponse> {
    let db = transaction.db
    let context = try ContextQueries.stored(contextID, scope: scope, in: db)
    let find = try db.cachedStatement(
      sql: """
        SELECT m.number, EXISTS (SELECT 1 FROM pins p WHERE p.context = m.context AND p.number = m.number)
        FROM messages m JOIN contexts c ON c.row = m.context AND c.scope = m.scope
        WHERE m.scope = (SELECT scope FROM contexts WHERE row = ?1) AND m.id = ?2 AND m.context = ?1
        """)
    var numbers: [UInt64] = []
    for id in ids {
      guard let row = try Row.fetchOne(find, arguments: [context.row, id]) else {
        throw LociError.notFound(.message, id: id)
      }
      if (row[1] as Bool) == unpin { numbers.append(UInt64(row[0] as Int64)) }
    }
    if !unpin {
      let pinned =
        try Int.fetchOne(db, sql: "SELECT count(*) FROM pins WHERE context = ?", arguments: [context.row])
        ?? 0
      guard pinned + numbers.count <= ContextLimits.pinsMax else {
        throw LociError.failedPrecondition("a context pins at most \(ContextLimits.pinsMax) messages")
      }
    }
    let event = LogV1.MessagesPinned(contextID: contextID.rawValue, numbers: numbers, unpinned: unpin)
    return Decision(
      events: numbers.isEmpty ? [] : [.messagesPinned(event)],
      answer: V1.PinMessagesResponse(changed: UInt64(numbers.count)))
  }
}
