import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.ForkContextResponse: PositionedAnswer {}
extension V1.MergeBranchResponse: PositionedAnswer {}

/// A context that shares the messages of another up to one of them. The branch is a row that names the other and the
/// place; its own messages are numbered on from there.
package struct ForkContext: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 2_048
  private let parentID: ContextID
  private let id: ContextID
  private let request: V1.ForkContextRequest

  package init(
    _ request: V1.ForkContextRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    parentID = try ContextID(validating: request.contextID)
    id = request.id.isEmpty ? ContextID(unchecked: ids.next()) : try ContextID(validating: request.id)
    try Validate.text(request.title, field: "title", bytesMax: ContextLimits.titleBytesMax)
    try AttributeColumn.validate(request.attributes, field: "attributes")
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.ForkContextResponse> {
    let db = transaction.db
    let path = try MessagePath(parentID, scope: scope, in: db)
    let parent = path.context.context
    guard try ContextQueries.find(id, scope: scope, in: db) == nil else {
      throw LociError.alreadyExists(.context, id: id.rawValue)
    }
    guard path.depth < ContextLimits.branchDepthMax else {
      throw LociError.failedPrecondition(
        "context \(parentID) is \(path.depth) forks deep, at most \(ContextLimits.branchDepthMax)")
    }
    let number = request.atNumber == 0 ? parent.nextNumber - 1 : request.atNumber
    guard number < parent.nextNumber else {
      throw LociError.invalid(
        field: "at_number", problem: "is \(number); the newest message is \(parent.nextNumber - 1)")
    }
    let created = LogV1.ContextCreated(
      id: id.rawValue, title: request.title, attributes: AttributeColumn.stored(request.attributes),
      type: parent.type.rawValue, traceID: parent.traceID, maxHistory: parent.maxHistory,
      parentID: parentID.rawValue, parentNumber: number)
    let at = transaction.at.microseconds
    let context = V1.Context(
      id: id.rawValue, title: request.title, attributes: request.attributes.sorted { $0.key < $1.key },
      createdAtUs: at, updatedAtUs: at, nextNumber: number + 1, type: parent.type, traceID: parent.traceID,
      maxHistory: parent.maxHistory, version: 1, parentContextID: parentID.rawValue, parentNumber: number)
    return Decision(events: [.contextCreated(created)], answer: V1.ForkContextResponse(context: context))
  }
}

/// Appends what a branch has of its own to the context it was forked from.
package struct MergeBranch: Command {
  /// One write; a longer branch is merged as a summary.
  static let messagesMax = 10_000
  static let bytesMax = 16 << 20

  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 64 << 10
  private let branchID: ContextID
  private let summary: LogV1.AppendedMessage?
  private let expectedVersion: UInt64?
  private let ids: UUIDv7Generator

  package init(
    _ request: V1.MergeBranchRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.ids = ids
    branchID = try ContextID(validating: request.contextID)
    expectedVersion = request.expectedVersion
    switch (request.mode, request.summary) {
    case (.unspecified, nil), (.messages, nil): summary = nil
    case (.summary, let draft?):
      guard !draft.text.isEmpty else { throw .invalid(field: "summary.text", problem: "must not be empty") }
      summary = try AppendMessages.validated(draft, ids: ids)
    case (.summary, nil): throw .invalid(field: "summary", problem: "is missing")
    case (.unspecified, _), (.messages, _):
      throw .invalid(field: "summary", problem: "goes with mode SUMMARY only")
    default: throw .invalid(field: "mode", problem: "is not a merge mode")
    }
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.MergeBranchResponse> {
    let db = transaction.db
    let branch = try ContextQueries.stored(branchID, scope: scope, in: db)
    guard branch.parentRow != nil else {
      throw LociError.failedPrecondition("context \(branchID) is not a branch")
    }
    let parentID = ContextID(unchecked: branch.context.parentContextID)
    let parent = try ContextQueries.stored(parentID, scope: scope, in: db).context
    try AppendMessages.require(expectedVersion, of: parentID, version: Int64(parent.version))
    if let summary, try isTaken(summary.id, branch, db) {
      throw LociError.alreadyExists(.message, id: summary.id)
    }
    let messages = try summary.map { [$0] } ?? copies(of: branch, in: db)
    guard !messages.isEmpty else {
      return Decision(
        events: [],
        answer: V1.MergeBranchResponse(firstNumber: parent.nextNumber, contextVersion: parent.version))
    }
    let appended = LogV1.MessagesAppended(
      contextID: parentID.rawValue, firstNumber: parent.nextNumber, messages: messages)
    return Decision(
      events: [.messagesAppended(appended)],
      answer: V1.MergeBranchResponse(
        messageIDs: messages.map(\.id), firstNumber: parent.nextNumber,
        contextVersion: parent.version + UInt64(messages.count)))
  }

  private func isTaken(_ id: String, _ branch: ContextQueries.Stored, _ db: Database) throws -> Bool {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return false }
    return try ContextQueries.messageExists(id, scope: scopeRow, in: db)
  }

  /// The branch's own messages under new ids, as they were said.
  private func copies(
    of branch: ContextQueries.Stored, in db: Database
  ) throws -> [LogV1.AppendedMessage] {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(ContextQueries.messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
          WHERE m.context = ? ORDER BY m.number LIMIT ?
          """), arguments: [branch.row, Self.messagesMax + 1])
    var copies: [LogV1.AppendedMessage] = []
    var bytes = 0
    while let row = try rows.next() {
      let message = try ContextQueries.message(row)
      bytes += message.text.utf8.count + message.data.count
      guard copies.count < Self.messagesMax, bytes <= Self.bytesMax else {
        throw LociError.failedPrecondition(
          "branch \(branchID) has more than \(Self.messagesMax) messages or \(Self.bytesMax) bytes: merge a summary"
        )
      }
      copies.append(
        LogV1.AppendedMessage(
          id: ids.next(), role: message.role.rawValue, text: message.text, name: message.name,
          createdAtUs: message.createdAtUs, traceID: message.traceID, toolCallID: message.toolCallID,
          attributes: AttributeColumn.stored(message.attributes), tokenCount: message.tokenCount,
          data: message.data, pinned: message.pinned))
    }
    return copies
  }
}
