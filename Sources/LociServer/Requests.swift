import Crypto
import LociCore
import LociProto
import LociStore
import LociWire

/// What every handler asks of a request before it acts.
extension ScopedRequest {
  /// - Throws: `LociError.invalid` when the scope is missing or malformed.
  func checkedScope() throws(LociError) -> Scope {
    guard let scope else { throw .invalid(field: "scope", problem: "is missing") }
    return try Scope(tenant: scope.tenant, agent: scope.agent)
  }
}

/// Requests that change something.
protocol MutatingRequest: ScopedRequest, WireMessage {
  var options: V1.WriteOptions? { get set }
}

extension V1.CreateContextRequest: MutatingRequest {}
extension V1.DeleteContextRequest: MutatingRequest {}
extension V1.AppendRequest: MutatingRequest {}
extension V1.DeleteMessagesRequest: MutatingRequest {}
extension V1.AddMemoriesRequest: MutatingRequest {}
extension V1.UpdateMemoryRequest: MutatingRequest {}
extension V1.DeleteMemoriesRequest: MutatingRequest {}
extension V1.RestoreMemoriesRequest: MutatingRequest {}
extension V1.SetMemoryPolicyRequest: MutatingRequest {}
extension V1.UpdateContextRequest: MutatingRequest {}
extension V1.PinMessagesRequest: MutatingRequest {}
extension V1.ForkContextRequest: MutatingRequest {}
extension V1.MergeBranchRequest: MutatingRequest {}
extension V1.CreateSessionRequest: MutatingRequest {}
extension V1.TransitionSessionRequest: MutatingRequest {}
extension V1.HeartbeatSessionRequest: MutatingRequest {}
extension V1.DeleteSessionRequest: MutatingRequest {}
extension V1.SetVariablesRequest: MutatingRequest {}
extension V1.TakeSnapshotRequest: MutatingRequest {}
extension V1.PruneSnapshotsRequest: MutatingRequest {}
extension V1.RollbackSessionRequest: MutatingRequest {}
extension V1.ForkSessionRequest: MutatingRequest {}
extension V1.PutCheckpointRequest: MutatingRequest {}
extension V1.PutWritesRequest: MutatingRequest {}
extension V1.DeleteThreadsRequest: MutatingRequest {}
extension V1.DeleteRunsRequest: MutatingRequest {}
extension V1.CopyThreadRequest: MutatingRequest {}
extension V1.PruneThreadsRequest: MutatingRequest {}
extension V1.CompactContextRequest: MutatingRequest {}
extension V1.UndoCompactionRequest: MutatingRequest {}
extension V1.SetCompressionPolicyRequest: MutatingRequest {}
extension V1.SetTenantCompressionPolicyRequest: MutatingRequest {}
extension V1.CompactMemoriesRequest: MutatingRequest {}
extension V1.WriteStepsRequest: MutatingRequest {}
extension V1.DeleteTracesRequest: MutatingRequest {}
extension V1.ForkTraceRequest: MutatingRequest {}
extension V1.ImportOtlpRequest: MutatingRequest {}
extension V1.SetTracePolicyRequest: MutatingRequest {}
extension V1.RecordAuditRequest: MutatingRequest {}
extension V1.SetAuditRulesRequest: MutatingRequest {}
extension V1.GiveFeedbackRequest: MutatingRequest {}
extension V1.ReportMetricsRequest: MutatingRequest {}
extension V1.RecordExperiencesRequest: MutatingRequest {}
extension V1.DeleteExperiencesRequest: MutatingRequest {}
extension V1.RecommendStrategyRequest: MutatingRequest {}
extension V1.ReportOutcomeRequest: MutatingRequest {}
extension V1.RunLearningCycleRequest: MutatingRequest {}
extension V1.ProposeAdjustmentRequest: MutatingRequest {}
extension V1.DecideAdjustmentRequest: MutatingRequest {}
extension V1.ConsolidateMemoriesRequest: MutatingRequest {}
extension V1.UndoConsolidationRequest: MutatingRequest {}
extension V1.ReinforceMemoriesRequest: MutatingRequest {}

extension MutatingRequest {
  /// The caller's request id with a hash of everything else, or `nil` when there is none. The method is part of
  /// the hash: the same id for another method is another request.
  func requestKey() throws(LociError) -> RequestKey? {
    guard let id = options?.requestID, !id.isEmpty else { return nil }
    try Validate.name(id, field: "options.request_id")
    var bare = self
    bare.options = nil
    var hash = SHA256()
    hash.update(data: Array(Self.protoName.utf8) + [0])
    hash.update(data: bare.encoded())
    return RequestKey(id: id, hash: Array(hash.finalize()))
  }
}

extension Consistency {
  static let positionsMax = 64

  /// - Throws: `LociError.invalid` for a level that is none, or too many positions.
  init(_ consistency: V1.Consistency?) throws(LociError) {
    guard let consistency else {
      self = .eventual
      return
    }
    try Validate.count(consistency.after.count, field: "consistency.after", in: 0...Self.positionsMax)
    let positions = consistency.after.map {
      Position(shard: ShardID(rawValue: $0.shard), sequence: $0.sequence)
    }
    switch consistency.level {
    case .unspecified: self = positions.isEmpty ? .eventual : .atLeast(positions)
    case .eventual: self = .eventual
    case .session: self = .atLeast(positions)
    case .strong: self = .strong
    default: throw .invalid(field: "consistency.level", problem: "is not a level")
    }
  }
}

extension V1.Position {
  init(_ position: Position) { self.init(shard: position.shard.rawValue, sequence: position.sequence) }
}
