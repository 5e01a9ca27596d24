import LociCompress
import LociContext
import LociCore
import LociProto
import LociRecall
import LociStore
import LociText
import LociWire

extension CompressionService {
  func compactContext(
    _ request: V1.CompactContextRequest, _ call: CallContext
  ) async throws -> V1.CompactContextResponse {
    let scope = try request.checkedScope()
    let id = try ContextID(validating: request.contextID)
    guard request.keepNewest <= UInt32(CompactionLimits.keepNewestMax) else {
      throw LociError.invalid(
        field: "keep_newest", problem: "is above \(CompactionLimits.keepNewestMax)")
    }
    let policy = try await node.read(scope, nil) { db, _ in
      _ = try ContextQueries.stored(id, scope: scope, in: db)
      return try CompactionQueries.policy(contextID: id.rawValue, scope: scope, in: db).policy
    }
    let asked = request.target ?? policy.target
    let target = try await node.learned(
      CompressionTargets.checked(asked), asked: asked, scope: scope, request.tuning)
    let keep = request.keepNewest > 0 ? request.keepNewest : policy.keepNewest
    return try await node.compact(
      id, scope: scope, keepNewest: Int(keep), target: target, isAutomatic: false, key: request.requestKey(),
      pool: node.workers)
  }

  func undoCompaction(
    _ request: V1.UndoCompactionRequest, _ call: CallContext
  ) async throws -> V1.UndoCompactionResponse {
    let scope = try request.checkedScope()
    return try await node.write(try UndoCompaction(request, scope: scope, key: request.requestKey()))
  }

  func setCompressionPolicy(
    _ request: V1.SetCompressionPolicyRequest, _ call: CallContext
  ) async throws -> V1.SetCompressionPolicyResponse {
    let scope = try request.checkedScope()
    return try await node.write(try SetCompressionPolicy(request, scope: scope, key: request.requestKey()))
  }

  func getCompressionPolicy(
    _ request: V1.GetCompressionPolicyRequest, _ call: CallContext
  ) async throws -> V1.GetCompressionPolicyResponse {
    let scope = try request.checkedScope()
    try Validate.optionalName(request.contextID, field: "context_id")
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try CompactionQueries.policy(contextID: request.contextID, scope: scope, in: db)
      return V1.GetCompressionPolicyResponse(policy: found.policy, origin: found.origin)
    }
  }

  func reportCompactions(
    _ request: V1.ReportCompactionsRequest, _ call: CallContext
  ) async throws -> V1.ReportCompactionsResponse {
    let scope = try request.checkedScope()
    try Validate.optionalName(request.contextID, field: "context_id")
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try CompactionQueries.list(contextID: request.contextID, page: page, scope: scope, in: db)
      return V1.ReportCompactionsResponse(compactions: found.compactions, page: found.page)
    }
  }

  func getCompressionStats(
    _ request: V1.GetCompressionStatsRequest, _ call: CallContext
  ) async throws -> V1.GetCompressionStatsResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      try CompactionQueries.stats(scope: scope, in: db)
    }
  }
}

extension NodeParts {
  /// Counts with the encoder's own tokenizer where it is on this machine.
  var compressionCounter: any TokenCounting {
    guard let local = encoder?.embedder as? LocalEmbedder else { return EstimatedTokenCounter() }
    return EncoderTokenCounter(local.encoder)
  }

  /// Compacts what is old enough in a context. Reading and compressing hold up no writer; only the event does.
  /// Where nothing is new since the last compaction, answers with that one.
  func compact(
    _ id: ContextID, scope: Scope, keepNewest: Int, target: Compressor.Target, isAutomatic: Bool,
    key: RequestKey?, pool: WorkerPool
  ) async throws -> V1.CompactContextResponse {
    let plan = try await read(scope, nil) { db, _ in
      try CompactionPlan(id, keepNewest: keepNewest, scope: scope, in: db)
    }
    guard let plan else {
      let last = try await read(scope, nil) { db, position in
        try CompactionQueries.latest(id, scope: scope, in: db).map {
          V1.CompactContextResponse(compaction: $0.compaction, text: $0.text, position: position)
        }
      }
      guard let last else {
        throw LociError.failedPrecondition(
          "no message is old enough: \(keepNewest) of the newest stay as they are")
      }
      return last
    }
    let counter = compressionCounter
    let name = ids.next()
    let events = try await pool.run {
      try plan.events(
        id: name, target: target, meter: TokenMeter(counter.count), isAutomatic: isAutomatic)
    }
    return try await write(RecordCompaction(events, scope: scope, key: key))
  }

  /// Compacts every context whose policy asks for it, one after the other.
  func compactDue() async throws {
    for shard in store.shards {
      let due = try await shard.read { db in try CompactionQueries.due(limit: 16, in: db) }
      for one in due {
        try Task.checkCancellation()
        let keep = one.policy.keepNewest > 0 ? Int(one.policy.keepNewest) : CompactionLimits.keepNewestDefault
        let target = try await learned(
          CompressionTargets.checked(one.policy.target), asked: one.policy.target, scope: one.scope, nil)
        _ = try await compact(
          one.contextID, scope: one.scope, keepNewest: keep, target: target, isAutomatic: true, key: nil,
          pool: upkeep)
      }
    }
  }
}

extension V1.CompressedUnit {
  init(_ unit: CompressedUnit) {
    self.init(
      id: unit.id, text: unit.text,
      kept: unit.kept.map { V1.KeptRange(from: UInt32($0.lowerBound), until: UInt32($0.upperBound)) },
      verbatim: unit.isVerbatim, tokensBefore: UInt32(unit.tokensBefore),
      tokensAfter: UInt32(unit.tokensAfter))
  }
}

extension V1.CompressionFigures {
  init(_ texts: [SourceText], _ compressed: CompressedText, archiveBytes: Int) {
    self.init(
      items: UInt64(texts.count), itemsEmpty: UInt64(compressed.units.count { $0.text.isEmpty }),
      tokensBefore: UInt64(compressed.tokensBefore), tokensAfter: UInt64(compressed.tokensAfter),
      bytesBefore: UInt64(texts.reduce(0) { $0 + $1.text.utf8.count }),
      bytesAfter: UInt64(compressed.text.utf8.count), archiveBytes: UInt64(archiveBytes))
  }
}

extension V1.Artifact {
  private static let idsMax = 64

  init(_ artifact: ArtifactIndex.Artifact, of texts: [SourceText]) {
    self.init(
      kind: V1.ArtifactKind(rawValue: artifact.kind.rawValue), value: artifact.value,
      ids: artifact.texts.prefix(Self.idsMax).map { texts[$0].id })
  }
}

extension V1.CompressionText {
  init(_ text: SourceText) {
    self.init(
      id: text.id, role: V1.Role(rawValue: text.role.rawValue), name: text.name, text: text.text,
      createdAtUs: text.createdAtUs, pinned: text.isPinned)
  }
}
