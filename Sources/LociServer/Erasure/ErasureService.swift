import GRDB
import LociCore
import LociProto
import LociStore
import LociWire

/// Forgetting for good: first what is named leaves every table and index, as if deleted by hand, then the shard is
/// written anew from its log without it.
struct ErasureService: ErasureServiceProvider {
  let node: NodeParts
  let rewriter: ShardRewriter

  /// Someone may write between the deletes and the check that nothing is left.
  private static let attempts = 10

  func forget(_ request: V1.ForgetRequest, _ call: CallContext) async throws -> V1.ForgetResponse {
    let scope = try request.checkedScope()
    let wanted = try ForgetTargets(request)
    let shard = node.store.shard(of: scope)
    let id = node.ids.next()
    let erasure = Eraser(node: node, scope: scope, shard: shard)
    let targets = try await erasure.resolve(wanted)
    var counts = try await erasure.count(targets)
    var attempts = 0
    var isRecorded = false
    while !isRecorded {
      try call.checkCancellation()
      attempts += 1
      counts.undone += try await erasure.delete(targets)
      let record = RecordForgotten(id: id, targets, counts: counts.list, reason: request.reason, scope: scope)
      isRecorded = try await write(record, isLast: attempts == Self.attempts)
    }
    if !request.noWait { try await rewriter.rewrite(shard) } else { rewriter.wake() }
    return V1.ForgetResponse(erasure: try await find(id, scope))
  }

  /// Returns false when something was written meanwhile and there is another attempt.
  private func write(_ record: RecordForgotten, isLast: Bool) async throws -> Bool {
    do {
      _ = try await node.write(record)
      return true
    } catch {
      guard case .unavailable = error, !isLast else { throw error }
      return false
    }
  }

  func getErasure(_ request: V1.GetErasureRequest, _ call: CallContext) async throws -> V1.GetErasureResponse
  {
    let scope = try request.checkedScope()
    try Validate.name(request.erasureID, field: "erasure_id")
    return V1.GetErasureResponse(erasure: try await find(request.erasureID, scope))
  }

  func listErasures(
    _ request: V1.ListErasuresRequest, _ call: CallContext
  ) async throws -> V1.ListErasuresResponse {
    let scope = try request.checkedScope()
    try Validate.count(Int(request.limit), field: "limit", in: 0...1_000)
    let limit = request.limit == 0 ? 100 : Int(request.limit)
    let shard = node.store.shard(of: scope)
    return V1.ListErasuresResponse(
      erasures: try await shard.read { db in
        try ErasureQueries.list(scope, limit: limit, in: db, shard: shard.id)
      })
  }

  private func find(_ id: String, _ scope: Scope) async throws -> V1.Erasure {
    let shard = node.store.shard(of: scope)
    let found = try await shard.read { db in
      try ErasureQueries.list(scope, id: id, limit: 1, in: db, shard: shard.id).first
    }
    guard let found else { throw LociError.notFound(.erasure, id: id) }
    return found
  }
}

/// What a caller wants forgotten, checked.
struct ForgetTargets {
  static let idsMax = 10_000

  var messages: Set<String>
  var memories: Set<String>
  let contexts: Set<String>
  let subject: String
  let isWholeAgent: Bool

  init(_ request: V1.ForgetRequest) throws(LociError) {
    let lists = [
      ("memory_ids", request.memoryIDs), ("message_ids", request.messageIDs),
      ("context_ids", request.contextIDs)
    ]
    try Validate.count(lists.reduce(0) { $0 + $1.1.count }, field: "ids", in: 0...Self.idsMax)
    for (field, ids) in lists { for id in ids { try Validate.name(id, field: field) } }
    guard request.subject.isEmpty || (2...256).contains(request.subject.utf8.count) else {
      throw .invalid(field: "subject", problem: "has \(request.subject.utf8.count) bytes, must have 2 to 256")
    }
    guard request.reason.utf8.count <= 256 else {
      throw .invalid(field: "reason", problem: "has \(request.reason.utf8.count) bytes, at most 256")
    }
    messages = Set(request.messageIDs)
    memories = Set(request.memoryIDs)
    contexts = Set(request.contextIDs)
    subject = request.subject
    isWholeAgent = request.wholeAgent
    let isSelective = !subject.isEmpty || lists.contains { !$0.1.isEmpty }
    guard isSelective != isWholeAgent else {
      throw .invalid(
        field: "whole_agent", problem: isWholeAgent ? "names everything already" : "and all else name nothing"
      )
    }
  }
}
