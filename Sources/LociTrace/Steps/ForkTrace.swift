import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.ForkTraceResponse: PositionedAnswer {}

/// Makes a trace that begins as another did.
package struct ForkTrace: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 4_096
  private let request: V1.ForkTraceRequest
  private let target: TraceKey

  /// Most steps that a fork takes over: they become one record of the log.
  static let stepsMax = 100_000

  /// - Parameter newKey: for a fork that is given no id.
  package init(
    _ request: V1.ForkTraceRequest, scope: Scope, key: RequestKey?, newKey: TraceKey
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    guard request.newTraceID.isEmpty || TraceKey(request.newTraceID) != nil else {
      throw .invalid(field: "new_trace_id", problem: "must be empty, or 32 lower-case hex digits")
    }
    target = TraceKey(request.newTraceID) ?? newKey
    guard (1...UInt32(Self.stepsMax)).contains(request.afterPlace) else {
      throw .invalid(
        field: "after_place", problem: "is \(request.afterPlace), must be 1 to \(Self.stepsMax)")
    }
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.ForkTraceResponse> {
    let db = transaction.db
    let order = try TraceOrder(request.traceID, scope: scope, in: db)
    guard try TraceQueries.find(target.text, scope: scope, in: db) == nil else {
      throw LociError.alreadyExists(.trace, id: target.text)
    }
    let count = Int(request.afterPlace)
    guard count <= order.count else {
      throw LociError.invalid(field: "after_place", problem: "is \(count), the trace has \(order.count)")
    }
    let reader = order.reader(in: db)
    var group = StepGroup(key: target)
    var state = StateVariables()
    var blobs: [LogV1.StoredBlob] = []
    var snapshot = ""
    for place in 1...count {
      var step = try reader.step(place)
      step.traceID = target.text
      step.number = 0
      state.apply(step.state)
      snapshot = step.links.last { $0.kind == .snapshot }?.id ?? snapshot
      for blob in [step.inputBlob, step.outputBlob] where !blob.isEmpty {
        if let hash = Hex.bytes(blob) { blobs.append(LogV1.StoredBlob(hash: hash, traceID: target.bytes)) }
      }
      group.add(step, SpanKey.parse(step.spanID) ?? 0, SpanKey.parse(step.parentSpanID) ?? 0)
    }
    group.build(now: transaction.at, zstd: transaction.kept { SpanIndex() }.zstd)
    let forked = LogV1.TraceForked(
      traceID: target.bytes, sourceTraceID: order.stored.key.bytes, afterStep: request.afterPlace)
    return Decision(
      events: [
        .stepsWritten(LogV1.StepsWritten(blocks: group.blocks(after: 0), blobs: blobs)), .traceForked(forked)
      ],
      answer: V1.ForkTraceResponse(
        traceID: target.text, steps: UInt32(count), state: state.all, snapshotID: snapshot))
  }
}
