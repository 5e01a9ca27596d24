import LociCompress
import LociContext
import LociCore
import LociMemory
import LociProto
import LociRecall
import LociStore
import LociWire

/// Compression on the wire: decode, call, encode.
struct CompressionService: CompressionServiceProvider {
  let node: NodeParts

  func score(_ request: V1.ScoreRequest, _ call: CallContext) async throws -> V1.ScoreResponse {
    let weights = try CompressionTargets.weights(request.weights)
    try Validate.time(request.nowUs, field: "now_us")
    let texts = try await texts(
      request.texts, request.scope, request.contextID, request.consistency)
    return try await node.workers.run {
      let scores = ImportanceEvaluator(weights: weights).scores(texts, nowUs: request.nowUs)
      return V1.ScoreResponse(
        scores: zip(texts, scores).map { text, score in
          V1.Importance(
            id: text.id, score: score.total, time: score.time, content: score.content,
            interaction: score.interaction, novelty: score.novelty, density: score.density, use: score.use)
        })
    }
  }

  func compress(_ request: V1.CompressRequest, _ call: CallContext) async throws -> V1.CompressResponse {
    var target = try await node.learned(
      CompressionTargets.checked(request.target), asked: request.target,
      scope: request.scope.map { try Scope(tenant: $0.tenant, agent: $0.agent) }, request.tuning)
    let texts = try await texts(request.texts, request.scope, request.contextID, request.consistency)
    target.relevance = try await node.relevance(
      of: texts, to: request.target?.question ?? "",
      stored: request.contextID.isEmpty ? nil : try request.checkedScope())
    return try await compressed(texts, target, omitArchive: request.omitArchive)
  }

  func compressed(
    _ texts: [SourceText], _ target: Compressor.Target, omitArchive: Bool
  ) async throws -> V1.CompressResponse {
    let counter = node.compressionCounter
    return try await node.workers.run {
      let result = try Compressor(meter: TokenMeter(counter.count)).compress(texts, target)
      let archive = omitArchive ? [] : try Archive.pack(texts)
      return V1.CompressResponse(
        text: result.text.text, units: result.text.units.map(V1.CompressedUnit.init),
        figures: V1.CompressionFigures(texts, result.text, archiveBytes: archive.count),
        retention: V1.Retention(result.retention),
        artifacts: ArtifactIndex(texts).artifacts.map { V1.Artifact($0, of: texts) }, archive: archive,
        floorRaised: result.isFloorRaised, counter: counter.name,
        strategy: V1.CompressionStrategy(rawValue: target.strategy.rawValue))
    }
  }

  func planCompression(
    _ request: V1.PlanCompressionRequest, _ call: CallContext
  ) async throws -> V1.PlanCompressionResponse {
    try Validate.count(request.ratios.count, field: "ratios", in: 0...8)
    for ratio in request.ratios {
      guard ratio > 0, ratio <= 1 else {
        throw LociError.invalid(field: "ratios", problem: "has \(ratio), must be more than 0 and at most 1")
      }
    }
    let strategy = try CompressionTargets.strategy(request.strategy, field: "strategy")
    let texts = try await texts(request.texts, request.scope, request.contextID, request.consistency)
    let counter = node.compressionCounter
    return try await node.workers.run {
      let ratios = request.ratios.isEmpty ? [0.2, 0.3, 0.4, 0.5] : request.ratios
      let plans = try ratios.map { ratio in
        try call.checkCancellation()
        var target = Compressor.Target()
        (target.ratio, target.strategy) = (Double(ratio), strategy)
        let result = try Compressor(meter: TokenMeter(counter.count)).compress(texts, target)
        return V1.PlannedCompression(
          ratio: ratio, figures: V1.CompressionFigures(texts, result.text, archiveBytes: 0),
          retention: V1.Retention(result.retention))
      }
      return V1.PlanCompressionResponse(plans: plans, counter: counter.name)
    }
  }

  func expand(_ request: V1.ExpandRequest, _ call: CallContext) async throws -> V1.ExpandResponse {
    try Validate.count(request.ids.count, field: "ids", in: 0...1_000)
    for id in request.ids { try Validate.name(id, field: "ids") }
    let page = try PageRequest(request.page)
    guard request.compactionID.isEmpty else {
      let scope = try request.checkedScope()
      return try await node.read(scope, request.consistency) { db, _ in
        guard let compaction = try CompactionQueries.find(request.compactionID, scope: scope, in: db) else {
          let folded = try MemoryCompactionQueries.get(request.compactionID, scope: scope, in: db)
          let found = try MemoryCompactionQueries.raw(
            folded, ids: request.ids, page: page, scope: scope, in: db)
          return V1.ExpandResponse(
            texts: found.memories.map {
              V1.CompressionText(id: $0.id, text: $0.text, createdAtUs: $0.createdAtUs)
            }, page: found.page)
        }
        let found = try CompactionQueries.raw(compaction, ids: request.ids, page: page, in: db)
        return V1.ExpandResponse(
          texts: found.messages.map { V1.CompressionText(SourceText($0)) }, page: found.page)
      }
    }
    guard !request.archive.isEmpty else {
      throw LociError.invalid(field: "archive", problem: "is missing, and so is compaction_id")
    }
    return try await node.workers.run {
      let wanted = Set(request.ids.map { ExactText($0) })
      let texts: [SourceText]
      do throws(CompressionError) {
        texts = try Archive.expand(request.archive)
      } catch {
        throw error.asLociError
      }
      let chosen = texts.filter { wanted.isEmpty || wanted.contains(ExactText($0.id)) }
      return V1.ExpandResponse(texts: chosen.map { V1.CompressionText($0) })
    }
  }

  // MARK: Texts

  private static let textsMax = 10_000
  /// Of a stored context; a request is bounded by the wire.
  private static let storedBytesMax = 8 << 20

  func texts(
    _ inline: [V1.CompressionText], _ scope: V1.Scope?, _ contextID: String, _ consistency: V1.Consistency?
  ) async throws -> [SourceText] {
    guard contextID.isEmpty else {
      guard inline.isEmpty else {
        throw LociError.invalid(field: "texts", problem: "and context_id cannot both be given")
      }
      guard let scope else { throw LociError.invalid(field: "scope", problem: "is missing") }
      return try await stored(
        try ContextID(validating: contextID), try Scope(tenant: scope.tenant, agent: scope.agent), consistency
      )
    }
    try Validate.count(inline.count, field: "texts", in: 1...Self.textsMax)
    return try inline.enumerated().map { place, text throws(LociError) in
      try Validate.optionalName(text.id, field: "texts[\(place)].id")
      try Validate.optionalName(text.name, field: "texts[\(place)].name")
      try Validate.text(text.text, field: "texts[\(place)].text", bytesMax: ContextLimits.textBytesMax)
      try Validate.time(text.createdAtUs, field: "texts[\(place)].created_at_us")
      guard let role = SourceText.Role(rawValue: text.role.rawValue) else {
        throw .invalid(field: "texts[\(place)].role", problem: "is not a role")
      }
      return SourceText(
        id: text.id.isEmpty ? "\(place)" : text.id, role: role, name: text.name, text: text.text,
        createdAtUs: text.createdAtUs, isPinned: text.pinned)
    }
  }

  private func stored(
    _ id: ContextID, _ scope: Scope, _ consistency: V1.Consistency?
  ) async throws -> [SourceText] {
    try await node.read(scope, consistency) { db, _ in
      let found = try ContextQueries.export(
        after: 0, contextID: id, scope: scope, countMax: Self.textsMax + 1, bytesMax: Self.storedBytesMax,
        in: db)
      let messages = found?.messages ?? []
      let count = try ContextQueries.get(id, scope: scope, in: db).messageCount
      guard UInt64(messages.count) >= min(count, UInt64(Self.textsMax) + 1), messages.count <= Self.textsMax
      else {
        throw LociError.failedPrecondition(
          "the context is more than \(Self.textsMax) messages or 8 MiB: compact it, or send parts of it")
      }
      return messages.map(SourceText.init)
    }
  }
}
