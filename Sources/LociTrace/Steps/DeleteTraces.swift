package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.DeleteTracesResponse: PositionedAnswer {}

/// Deletes traces with all they hold.
package struct DeleteTraces: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let keys: [TraceKey]

  package init(_ request: V1.DeleteTracesRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try Validate.count(request.traceIDs.count, field: "trace_ids", in: 1...1_000)
    var keys: [TraceKey] = []
    for id in request.traceIDs {
      guard let key = TraceKey(id) else {
        throw .invalid(field: "trace_ids", problem: "holds what is no trace id")
      }
      if !keys.contains(key) { keys.append(key) }
    }
    self.keys = keys
    costBytes = 256 + 64 * keys.count
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.DeleteTracesResponse> {
    guard let scopeRow = try transaction.scopeRow(scope) else {
      return Decision(events: [], answer: V1.DeleteTracesResponse())
    }
    let known = try keys.filter {
      try TraceQueries.row($0, scope: scopeRow, in: transaction.db) != nil
    }
    guard !known.isEmpty else { return Decision(events: [], answer: V1.DeleteTracesResponse()) }
    return Decision(
      events: [.tracesDeleted(LogV1.TracesDeleted(traceIDs: known.map(\.bytes)))],
      answer: V1.DeleteTracesResponse(deleted: UInt32(known.count)))
  }
}
