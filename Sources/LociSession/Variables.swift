import GRDB
package import LociCore
package import LociProto
package import LociStore

extension V1.SetVariablesResponse: PositionedAnswer {}

/// Changes of variables that a caller asked for, checked.
struct VariableChanges: Sendable {
  let changes: [V1.VariableChange]
  let bytes: Int

  init(_ changes: [V1.VariableChange]) throws(LociError) {
    try Validate.count(changes.count, field: "variables", in: 1...SessionLimits.variablesPerCall)
    var bytes = 0
    for change in changes {
      try Validate.name(change.name, field: "variables.name")
      try Validate.text(change.value, field: "variables.value", bytesMax: SessionLimits.variableBytesMax)
      guard !change.remove || change.value.isEmpty else {
        throw .invalid(field: "variables.value", problem: "must be empty where the variable is removed")
      }
      bytes += change.value.utf8.count + 256
    }
    guard !changes.map(\.name).hasRepeats else {
      throw .invalid(field: "variables.name", problem: "occurs twice")
    }
    self.changes = changes
    self.bytes = bytes
  }

  /// What the changes come to. `session` is `nil` for one that is being made.
  /// - Throws: `failedPrecondition` when a variable does not have the version that was expected, or there would be
  ///   too many.
  func resolve(
    of session: Int64?, in db: Database
  ) throws -> (set: [LogV1.StoredVariable], removed: [String]) {
    var set: [LogV1.StoredVariable] = []
    var removed: [String] = []
    var added = 0
    for change in changes {
      let present = try session.flatMap { try SessionQueries.variable(change.name, of: $0, in: db) }
      if let expected = change.expectedVersion, expected != present?.version ?? 0 {
        throw LociError.failedPrecondition(
          "variable \(change.name) has version \(present?.version ?? 0), not \(expected)")
      }
      if change.remove {
        if present != nil { removed.append(change.name) }
      } else {
        set.append(LogV1.StoredVariable(name: change.name, value: change.value))
        if present == nil { added += 1 }
      }
    }
    if added > removed.count {
      let count = try session.map { try SessionQueries.variableCount(of: $0, in: db) } ?? 0
      guard count + added - removed.count <= SessionLimits.variablesPerSession else {
        throw LociError.failedPrecondition(
          "a session holds at most \(SessionLimits.variablesPerSession) variables")
      }
    }
    return (set, removed)
  }
}

/// Sets and removes variables of a session, all or none.
package struct SetVariables: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let id: SessionID
  private let variables: VariableChanges

  package init(
    _ request: V1.SetVariablesRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    id = try SessionID(validating: request.sessionID)
    variables = try VariableChanges(request.variables)
    costBytes = 512 + variables.bytes
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.SetVariablesResponse> {
    let stored = try SessionQueries.get(id, scope: scope, in: transaction.db)
    try stored.requireLive(at: transaction.at)
    let (set, removed) = try variables.resolve(of: stored.row, in: transaction.db)
    guard !set.isEmpty || !removed.isEmpty else {
      return Decision(events: [], answer: V1.SetVariablesResponse(version: stored.session.version))
    }
    return Decision(
      events: [.variablesSet(LogV1.VariablesSet(sessionID: id.rawValue, set: set, removed: removed))],
      answer: V1.SetVariablesResponse(version: stored.session.version + 1))
  }
}
