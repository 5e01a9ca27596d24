import Crypto
import LociCore
import LociProto
import LociRecall
import LociStore
import LociTrace
import LociWire

extension TraceService {
  // MARK: Analysis

  func analyzeTrace(
    _ request: V1.AnalyzeTraceRequest, _ call: CallContext
  ) async throws -> V1.AnalyzeTraceResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      try TraceAnalysis.run(request, scope: scope, in: db)
    }
  }

  func compareTraces(
    _ request: V1.CompareTracesRequest, _ call: CallContext
  ) async throws -> V1.CompareTracesResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      TraceComparison.compare(
        try TraceOrder(request.traceID, scope: scope, in: db).table,
        try TraceOrder(request.otherTraceID, scope: scope, in: db).table)
    }
  }

  func compareTraceGroups(
    _ request: V1.CompareTraceGroupsRequest, _ call: CallContext
  ) async throws -> V1.CompareTraceGroupsResponse {
    let scope = try request.checkedScope()
    let first = try TraceSelection(request.first)
    let other = try TraceSelection(request.other)
    return try await node.read(scope, request.consistency) { db, _ in
      try GroupComparison.compare(first, other, scope: scope, in: db)
    }
  }

  // MARK: Replay

  func replayTrace(
    _ request: V1.ReplayTraceRequest, _ call: CallContext,
    _ responses: ResponseStream<V1.ReplayTraceResponse>
  ) async throws {
    let scope = try request.checkedScope()
    guard (0...V1.ReplayMode.analysis.rawValue).contains(request.mode.rawValue) else {
      throw LociError.invalid(field: "mode", problem: "is not a mode")
    }
    guard request.speed.isFinite, request.speed >= 0 else {
      throw LociError.invalid(field: "speed", problem: "must be 0 or more")
    }
    let order = try await node.read(scope, request.consistency) { [orders] db, _ in
      try orders.order(request.traceID, scope: scope, in: db)
    }
    let from = max(1, Int(request.fromPlace))
    let to = request.toPlace == 0 ? order.count : Int(request.toPlace)
    guard to <= order.count, from <= to else {
      throw LociError.invalid(
        field: "to_place", problem: "must be from \(from) to the last place, \(order.count)")
    }
    var state = StateVariables()
    var pace = ReplayPace(speed: request.speed)
    // The state before `from` is made of all the steps before it.
    var place = request.mode == .analysis || request.mode == .audit ? from : 1
    while place <= to {
      let chunk = place...min(to, place + 255)
      let steps = try await node.read(scope, nil) { db, _ in
        // It may have been deleted since, and even written anew.
        guard try TraceQueries.find(request.traceID, scope: scope, in: db)?.row == order.stored.row else {
          throw LociError.notFound(.trace, id: request.traceID)
        }
        let reader = order.reader(in: db)
        return try chunk.map { try reader.step($0) }
      }
      for (at, step) in zip(chunk, steps) {
        state.apply(step.state)
        guard at >= from else { continue }
        try call.checkCancellation()
        try await pace.wait(until: step.startedAtUs)
        try await responses.send(Self.answer(at, step, state, request.mode))
      }
      place = chunk.upperBound + 1
    }
  }

  private static func answer(
    _ place: Int, _ step: V1.Step, _ state: StateVariables, _ mode: V1.ReplayMode
  ) -> V1.ReplayTraceResponse {
    var answer = V1.ReplayTraceResponse(place: UInt32(place), step: step)
    switch mode {
    case .audit: answer.sha256 = Hex.text(SHA256.hash(data: step.encoded()))
    case .analysis: answer.step = step.outlined
    default: answer.state = state.all
    }
    return answer
  }

  func nextRecorded(
    _ request: V1.NextRecordedRequest, _ call: CallContext
  ) async throws -> V1.NextRecordedResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { [orders] db, _ in
      let order = try orders.order(request.traceID, scope: scope, in: db)
      guard Int(request.afterPlace) <= order.count else {
        throw LociError.invalid(
          field: "after_place", problem: "is \(request.afterPlace), the trace has \(order.count)")
      }
      return try RecordedRun.next(request, in: order, reader: order.reader(in: db))
    }
  }

  func forkTrace(_ request: V1.ForkTraceRequest, _ call: CallContext) async throws -> V1.ForkTraceResponse {
    let scope = try request.checkedScope()
    let key = TraceKey(high: .random(in: 1 ... .max), low: .random(in: 0 ... .max))
    return try await node.write(
      try ForkTrace(request, scope: scope, key: request.requestKey(), newKey: key))
  }

  func debugTrace(_ request: V1.DebugTraceRequest, _ call: CallContext) async throws -> V1.DebugTraceResponse
  {
    let scope = try request.checkedScope()
    let debugger = try TraceDebugger(request)
    return try await node.read(scope, request.consistency) { [orders] db, _ in
      try debugger.run(in: orders.order(request.traceID, scope: scope, in: db), db: db)
    }
  }

  // MARK: Tail

  func tailSteps(
    _ request: V1.TailStepsRequest, _ call: CallContext, _ responses: ResponseStream<V1.TailStepsResponse>
  ) async throws {
    let scope = try request.checkedScope()
    try Validate.traceID(request.traceID, field: "trace_id")
    let filter = TailFilter(request)
    for try await batch in tail.watch(scope) {
      try call.checkCancellation()
      let steps = try filter.steps(of: batch)
      guard !steps.isEmpty else { continue }
      for start in stride(from: 0, to: steps.count, by: 100) {
        try await responses.send(
          V1.TailStepsResponse(steps: Array(steps[start..<min(steps.count, start + 100)])))
      }
    }
    try call.checkCancellation()
  }
}

/// Keeps the distance between steps that the record has, at a speed.
private struct ReplayPace {
  let speed: Double
  private var began: (wall: ContinuousClock.Instant, recorded: Int64)?

  init(speed: Double) { self.speed = speed }

  mutating func wait(until recorded: Int64) async throws {
    guard speed > 0 else { return }
    guard let began else {
      began = (.now, recorded)
      return
    }
    let after = Double(recorded - began.recorded) / speed
    try await Task.sleep(
      until: began.wall + .microseconds(Int64(min(max(after, 0), 1e15))), clock: .continuous)
  }
}

/// Which steps a watcher wants.
private struct TailFilter {
  private let request: V1.TailStepsRequest

  init(_ request: V1.TailStepsRequest) { self.request = request }

  func steps(of batch: StepTail.Batch) throws -> [V1.Step] {
    let zstd = Zstd()
    switch batch {
    case .written(let blocks):
      return try blocks.flatMap { block -> [V1.Step] in
        guard let trace = TraceKey(bytes: block.traceID)?.text, isWanted(trace) else { return [] }
        return try StepBlock(spans: block.spans, columns: block.columns, texts: block.texts)
          .decoded(first: block.first, zstd: zstd).steps(trace: trace).filter(isWanted)
      }
    case .completed(let steps):
      return try steps.compactMap { completed in
        guard let trace = TraceKey(bytes: completed.traceID)?.text, isWanted(trace) else { return nil }
        var step = try V1.Step(decoding: completed.step)
        (step.traceID, step.number) = (trace, completed.number)
        return isWanted(step) ? step : nil
      }
    }
  }

  private func isWanted(_ trace: String) -> Bool { request.traceID.isEmpty || request.traceID == trace }

  private func isWanted(_ step: V1.Step) -> Bool {
    (request.kind == .unspecified || request.kind == step.kind)
      && (request.name.isEmpty || request.name == step.name)
      && (!request.errorsOnly || step.status == .error)
  }
}
