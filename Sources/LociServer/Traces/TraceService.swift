import LociCore
import LociProto
import LociRecall
import LociStore
import LociText
import LociTrace
import LociWire

/// Traces on the wire: decode, call, encode.
struct TraceService: TraceServiceProvider {
  let node: NodeParts
  let tail: StepTail
  let orders = TraceOrderCache()
  let intake: TraceIntake

  init(node: NodeParts, tail: StepTail, intake: TraceIntake) {
    self.node = node
    self.tail = tail
    self.intake = intake
  }

  // MARK: Writing

  func writeSteps(
    _ request: V1.WriteStepsRequest, _ call: CallContext
  ) async throws -> V1.WriteStepsResponse {
    try await intake.write(request.steps, try request.checkedScope(), try request.requestKey())
  }

  func streamSteps(
    _ requests: RequestStream<V1.StreamStepsRequest>, _ call: CallContext
  ) async throws -> V1.StreamStepsResponse {
    var total = V1.StreamStepsResponse()
    for try await request in requests {
      let answer = try await intake.write(request.steps, try request.checkedScope(), nil)
      total.position = answer.position
      total.added += UInt64(answer.added)
      total.completed += UInt64(answer.completed)
      total.unchanged += UInt64(answer.unchanged)
      total.sampledOut += UInt64(answer.sampledOut)
      total.violations += UInt64(answer.violations)
    }
    return total
  }

  func deleteTraces(
    _ request: V1.DeleteTracesRequest, _ call: CallContext
  ) async throws -> V1.DeleteTracesResponse {
    let scope = try request.checkedScope()
    return try await node.write(try DeleteTraces(request, scope: scope, key: request.requestKey()))
  }

  func importOtlp(
    _ request: V1.ImportOtlpRequest, _ call: CallContext
  ) async throws -> V1.ImportOtlpResponse {
    let scope = try request.checkedScope()
    guard request.request.count <= StepLimits.bytesPerCall else {
      throw LociError.tooLarge(
        what: "request", bytes: request.request.count, limit: StepLimits.bytesPerCall)
    }
    let key = try request.requestKey()
    let (steps, rejected) = try await node.workers.run { try OTLPImport.steps(from: request.request) }
    guard !steps.isEmpty else { return V1.ImportOtlpResponse(rejected: UInt32(rejected)) }
    let answer = try await intake.write(all: steps, scope, key)
    return V1.ImportOtlpResponse(
      position: answer.position, added: answer.added, completed: answer.completed,
      unchanged: answer.unchanged, rejected: UInt32(rejected), sampledOut: answer.sampledOut,
      violations: answer.violations)
  }

  // MARK: Reading

  func getTrace(_ request: V1.GetTraceRequest, _ call: CallContext) async throws -> V1.GetTraceResponse {
    let scope = try request.checkedScope()
    guard request.count <= 10_000 else {
      throw LociError.invalid(field: "count", problem: "is \(request.count), must be 1 to 10,000")
    }
    let first = max(1, request.firstStep)
    let count = request.count == 0 ? 1_000 : Int(request.count)
    return try await node.read(scope, request.consistency) { db, _ in
      let stored = try TraceQueries.get(request.traceID, scope: scope, in: db)
      let steps = try TraceQueries.steps(
        of: stored, from: first, count: count, outline: request.outline, in: db)
      let next = first + UInt32(steps.count)
      return V1.GetTraceResponse(
        trace: stored.trace, steps: steps, nextStep: UInt64(next) > stored.trace.steps ? 0 : next)
    }
  }

  func listTraces(_ request: V1.ListTracesRequest, _ call: CallContext) async throws -> V1.ListTracesResponse
  {
    let scope = try request.checkedScope()
    let selection = try TraceSelection(request.filter)
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try TraceQueries.list(selection, page: page, scope: scope, in: db)
      return V1.ListTracesResponse(traces: found.traces, page: found.page)
    }
  }

  func getStepBlob(
    _ request: V1.GetStepBlobRequest, _ call: CallContext
  ) async throws -> V1.GetStepBlobResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      V1.GetStepBlobResponse(text: try TraceQueries.blob(request.sha256, scope: scope, in: db))
    }
  }

  func searchSteps(
    _ request: V1.SearchStepsRequest, _ call: CallContext
  ) async throws -> V1.SearchStepsResponse {
    let scope = try request.checkedScope()
    let search = try StepSearch(request)
    let encoder = request.keywordOnly ? nil : node.encoder
    var answer = try await node.read(scope, request.consistency) { db, _ in
      try search.run(
        scope: scope, count: encoder == nil ? nil : max(search.limit, StepSearch.rerankedMax), in: db)
    }
    guard let encoder, !answer.hits.isEmpty else {
      answer.hits = Array(answer.hits.prefix(search.limit))
      return answer
    }
    let query = try await encoder.encode([search.query], kind: .query, priority: .query).batch.vectors
    let texts = answer.hits.map { StepSearch.text($0.step ?? V1.Step()) }
    let vectors = try await encoder.encode(texts, kind: .document, priority: .query).batch.vectors
    let cosines = texts.indices.map { place in
      zip(query, vectors[place * query.count..<(place + 1) * query.count]).reduce(0) { $0 + $1.0 * $1.1 }
    }
    answer.hits = search.reranked(answer.hits, cosines: cosines)
    return answer
  }

  func exportOtlp(_ request: V1.ExportOtlpRequest, _ call: CallContext) async throws -> V1.ExportOtlpResponse
  {
    let scope = try request.checkedScope()
    let first = max(1, request.firstStep)
    return try await node.read(scope, request.consistency) { db, _ in
      let stored = try TraceQueries.get(request.traceID, scope: scope, in: db)
      let steps = try TraceQueries.steps(of: stored, from: first, count: 1_000, bytesMax: 1 << 20, in: db)
      var bytes = 0
      var whole: [V1.Step] = []
      for step in steps {
        let filled = try TraceQueries.filled(step, scope: scope, in: db)
        bytes += 512 + filled.input.utf8.count + filled.output.utf8.count
        guard whole.isEmpty || bytes <= AnswerSize.bytesMax else { break }
        whole.append(filled)
      }
      let next = first + UInt32(whole.count)
      return V1.ExportOtlpResponse(
        request: OTLPExport.request(whole), nextStep: UInt64(next) > stored.trace.steps ? 0 : next)
    }
  }
}
