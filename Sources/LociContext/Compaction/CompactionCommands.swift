import GRDB
package import LociCore
package import LociProto
package import LociStore

extension V1.CompactContextResponse: PositionedAnswer {}
extension V1.SetCompressionPolicyResponse: PositionedAnswer {}

extension TenantID {
  /// Where a tenant's policy is kept: a scope like any other, so that it is in one shard.
  package var compressionScope: Scope { Scope(tenant: self, agent: Self.compressionAgent) }
  static let compressionAgent = AgentID(unchecked: "loci.compression")
}

/// Records a compaction that was prepared. Refused when its messages are not as they were when it was.
package struct RecordCompaction: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let events: CompactionEvents

  package init(_ events: CompactionEvents, scope: Scope, key: RequestKey?) {
    self.events = events
    self.scope = scope
    requestKey = key
    costBytes =
      events.compacted.text.utf8.count
      + events.compacted.blocks.reduce(4_096) { $0 + $1.block.count + $1.messageIDs.count * 48 }
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.CompactContextResponse> {
    let compacted = events.compacted
    let db = transaction.db
    let context = try ContextQueries.stored(ContextID(unchecked: compacted.contextID), scope: scope, in: db)
    let there = try Int64.fetchOne(
      db.cachedStatement(
        sql: "SELECT count(*) FROM messages WHERE context = ? AND number BETWEEN ? AND ? AND cold IS NULL"),
      arguments: [context.row, Int64(compacted.fromNumber), Int64(compacted.untilNumber)])
    guard there == Int64(compacted.blocks.reduce(0) { $0 + $1.messageIDs.count }) else {
      throw LociError.failedPrecondition("messages were deleted or compacted meanwhile: try again")
    }
    var kinds: [LogV1.Event.Kind] = []
    if let dictionary = events.dictionary {
      let known = try Int64.fetchOne(
        db.cachedStatement(
          sql: """
            SELECT count(*) FROM cold_dictionaries d JOIN contexts c ON c.scope = d.scope
            WHERE c.row = ? AND d.number = ?
            """), arguments: [context.row, Int64(dictionary.number)])
      guard known == 0 else {
        throw LociError.failedPrecondition("another compaction of the agent came first: try again")
      }
      kinds.append(.coldDictionaryTrained(dictionary))
    }
    kinds.append(.contextCompacted(compacted))
    let compaction = V1.Compaction(
      id: compacted.id, contextID: compacted.contextID, fromNumber: compacted.fromNumber,
      untilNumber: compacted.untilNumber, createdAtUs: transaction.at.microseconds,
      strategy: V1.CompressionStrategy(rawValue: compacted.strategy),
      figures: try V1.CompressionFigures(decoding: compacted.figures),
      retention: try V1.Retention(decoding: compacted.retention), automatic: compacted.automatic)
    return Decision(
      events: kinds, answer: V1.CompactContextResponse(compaction: compaction, text: compacted.text))
  }
}

package struct UndoCompaction: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 512
  private let id: String

  package init(_ request: V1.UndoCompactionRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    try Validate.name(request.compactionID, field: "compaction_id")
    id = request.compactionID
    self.scope = scope
    requestKey = key
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.UndoCompactionResponse> {
    _ = try CompactionQueries.get(id, scope: scope, in: transaction.db)
    return Decision(
      events: [.compactionUndone(LogV1.CompactionUndone(id: id))], answer: V1.UndoCompactionResponse())
  }
}

package struct SetCompressionPolicy: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 1_024
  private let request: V1.SetCompressionPolicyRequest

  package init(_ request: V1.SetCompressionPolicyRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    try Validate.optionalName(request.contextID, field: "context_id")
    guard scope.agent != TenantID.compressionAgent else {
      throw .invalid(
        field: "scope.agent", problem: "is reserved: SetTenantCompressionPolicy sets the tenant's")
    }
    try self.init(checking: request, scope: scope, key: key)
  }

  /// Of a tenant: for all its agents that have none of their own.
  package init(
    _ request: V1.SetTenantCompressionPolicyRequest, tenant: TenantID, key: RequestKey?
  ) throws(LociError) {
    try self.init(
      checking: V1.SetCompressionPolicyRequest(policy: request.policy), scope: tenant.compressionScope,
      key: key)
  }

  private init(
    checking request: V1.SetCompressionPolicyRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    if let policy = request.policy {
      guard policy.threshold >= 0, policy.threshold <= 1 else {
        throw .invalid(field: "policy.threshold", problem: "is \(policy.threshold), must be 0 to 1")
      }
      guard policy.keepNewest <= UInt32(CompactionLimits.keepNewestMax) else {
        throw .invalid(
          field: "policy.keep_newest", problem: "is above \(CompactionLimits.keepNewestMax)")
      }
      try Self.check(policy, isOfContext: !request.contextID.isEmpty)
      _ = try CompressionTargets.checked(policy.target, field: "policy.target")
      guard policy.target?.question.isEmpty ?? true else {
        throw .invalid(
          field: "policy.target.question", problem: "must be empty: nobody asks in the background")
      }
    }
    self.request = request
    self.scope = scope
    requestKey = key
  }

  /// What is the agent's, no context can say.
  private static func check(_ policy: V1.CompressionPolicy, isOfContext: Bool) throws(LociError) {
    for (value, name) in [
      (policy.memoriesMax, "memories_max"), (policy.snapshotsMax, "snapshots_max")
    ] where isOfContext && value > 0 {
      throw .invalid(field: "policy.\(name)", problem: "must be 0 for a context: it is the agent's")
    }
    guard policy.memoriesMax == 0 || policy.memoriesMax >= CompactionLimits.memoriesMaxLeast else {
      throw .invalid(
        field: "policy.memories_max",
        problem: "is \(policy.memoriesMax), must be 0 or at least \(CompactionLimits.memoriesMaxLeast)")
    }
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.SetCompressionPolicyResponse> {
    if !request.contextID.isEmpty {
      _ = try ContextQueries.stored(
        ContextID(unchecked: request.contextID), scope: scope, in: transaction.db)
    }
    // A policy with only defaults is no empty message in the log: empty removes.
    var policy = request.policy
    if policy != nil, policy?.keepNewest == 0 {
      policy?.keepNewest = UInt32(CompactionLimits.keepNewestDefault)
    }
    let set = LogV1.CompressionPolicySet(contextID: request.contextID, policy: policy?.encoded() ?? [])
    return Decision(events: [.compressionPolicySet(set)], answer: V1.SetCompressionPolicyResponse())
  }
}
