import LociCore
import LociProto
import LociSession
import LociStore
import LociWire

/// Frameworks' checkpoints on the wire: decode, call, encode.
struct CheckpointService: CheckpointServiceProvider {
  let node: NodeParts

  func putCheckpoint(
    _ request: V1.PutCheckpointRequest, _ call: CallContext
  ) async throws -> V1.PutCheckpointResponse {
    let scope = try request.checkedScope()
    return try await node.write(try PutCheckpoint(request, scope: scope, key: request.requestKey()))
  }

  func putWrites(_ request: V1.PutWritesRequest, _ call: CallContext) async throws -> V1.PutWritesResponse {
    let scope = try request.checkedScope()
    return try await node.write(try PutWrites(request, scope: scope, key: request.requestKey()))
  }

  func readCheckpoints(
    _ request: V1.ReadCheckpointsRequest, _ call: CallContext,
    _ responses: ResponseStream<V1.ReadCheckpointsResponse>
  ) async throws {
    let scope = try request.checkedScope()
    var reader = CheckpointReader(try CheckpointList(request))
    while true {
      try call.checkCancellation()
      let (piece, next) = try await node.read(scope, request.consistency) { [reader] db, _ in
        var reader = reader
        let piece = try reader.next(scope: scope, in: db)
        return (piece, reader)
      }
      guard let piece else { return }
      try await responses.send(piece)
      reader = next
    }
  }

  func deleteThreads(
    _ request: V1.DeleteThreadsRequest, _ call: CallContext
  ) async throws -> V1.DeleteThreadsResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try DeleteCheckpoints<V1.DeleteThreadsResponse>(
        ids: request.threadIDs, scope: scope, key: request.requestKey()))
  }

  func deleteRuns(
    _ request: V1.DeleteRunsRequest, _ call: CallContext
  ) async throws -> V1.DeleteRunsResponse {
    let scope = try request.checkedScope()
    return try await node.write(
      try DeleteCheckpoints<V1.DeleteRunsResponse>(
        ids: request.runIDs, scope: scope, key: request.requestKey()))
  }

  func copyThread(
    _ request: V1.CopyThreadRequest, _ call: CallContext
  ) async throws -> V1.CopyThreadResponse {
    let scope = try request.checkedScope()
    return try await node.write(try CopyThread(request, scope: scope, key: request.requestKey()))
  }

  func pruneThreads(
    _ request: V1.PruneThreadsRequest, _ call: CallContext
  ) async throws -> V1.PruneThreadsResponse {
    let scope = try request.checkedScope()
    return try await node.write(try PruneThreads(request, scope: scope, key: request.requestKey()))
  }
}
