import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import LociText
import LociWire

extension ContextService {
  func assembleContext(
    _ request: V1.AssembleContextRequest, _ call: CallContext
  ) async throws -> V1.AssembleContextResponse {
    let scope = try request.checkedScope()
    let checked = try AssemblyRequest(request)
    let shard = node.store.shard(of: scope).id
    let assembly = Assembly(
      checked, counter: try counter(checked.counter), cache: node.tokenCounts, shard: shard)
    guard !checked.query.isEmpty else {
      return try await node.read(scope, request.consistency) { db, position in
        var assembly = assembly
        var answer = try assembly.run(scope: scope, memories: [], in: db)
        answer.position = position
        return answer
      }
    }
    let search = try SearchRequest(
      text: checked.query, embedding: [], limit: Int32(checked.memoryLimit), mode: .hybrid, weights: nil,
      filter: nil, waitForIndex: request.waitForIndex, encoder: node.encoderIdentity)
    let now = node.clock.now()
    // Messages are read where the search reads: one snapshot, one position. Only the order of the memories is known
    // after it, so all of them are fetched there.
    let outcome = try await node.search(
      search, scope: scope, source: MemorySource(), consistency: request.consistency, call: call
    ) { scopeRow, db in
      try MemoryQueries.allowed(by: search.filter, scopeRow: scopeRow, now: now, in: db)
    } fetch: { items, db in
      let found = try MemoryQueries.memories(items, now: now, in: db)
      // `items` come best first.
      let ranked = items.enumerated().compactMap { place, item in
        found.byItem[item].map { RankedMemory(memory: $0, score: -Float(place)) }
      }
      var assembly = assembly
      var answer = try assembly.run(scope: scope, memories: ranked, in: db)
      answer.position = V1.Position(try ScopeQueries.position(shard: shard, in: db))
      return (answer, found)
    }
    var (answer, found) = outcome.items
    let scores = Dictionary(
      outcome.ranked.compactMap { ranked in found.byItem[ranked.item].map { (ExactText($0.id), ranked.score) }
      },
      uniquingKeysWith: { first, _ in first })
    for index in answer.parts.indices where answer.parts[index].kind == .memory {
      answer.parts[index].score = scores[ExactText(answer.parts[index].id)] ?? 0
    }
    return answer
  }

  private func counter(_ counter: V1.TokenCounter) throws(LociError) -> any TokenCounting {
    switch (counter, node.encoder) {
    case (.encoder, nil): throw .failedPrecondition("no encoder is loaded: count by ESTIMATE")
    case (.estimate, _), (_, nil): return EstimatedTokenCounter()
    case (_, let encoder?):
      guard let local = encoder.embedder as? LocalEmbedder else { return EstimatedTokenCounter() }
      return EncoderTokenCounter(local.encoder)
    }
  }
}
