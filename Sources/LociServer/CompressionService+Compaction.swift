import LociCompress
import LociContext
import LociCore
import LociMemory
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
    try await node.read(scope, nil) { db, _ in _ = try ContextQueries.stored(id, scope: scope, in: db) }
    let policy = try await node.compressionPolicy(id.rawValue, of: scope).policy
    let wanted = request.target ?? policy.target
    let target = try await node.learned(
      CompressionTargets.checked(wanted), asked: wanted, scope: scope, request.tuning)
    let keep = request.keepNewest > 0 ? request.keepNewest : policy.keepNewest
    return try await node.compact(
      id, scope: scope, keepNewest: Int(keep), target: target, question: wanted?.question ?? "",
      isAutomatic: false, key: request.requestKey(), pool: node.workers)
  }

  func undoCompaction(
    _ request: V1.UndoCompactionRequest, _ call: CallContext
  ) async throws -> V1.UndoCompactionResponse {
    let scope = try request.checkedScope()
    let undo = try UndoCompaction(request, scope: scope, key: request.requestKey())
    let isOfMemories = try await node.read(scope, nil) { db, _ in
      guard try CompactionQueries.find(request.compactionID, scope: scope, in: db) == nil else {
        return false
      }
      return try MemoryCompactionQueries.exists(request.compactionID, scope: scope, in: db)
    }
    guard isOfMemories else { return try await node.write(undo) }
    return try await node.write(try UndoMemoryCompaction(request, scope: scope, key: request.requestKey()))
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
    let found = try await node.compressionPolicy(request.contextID, of: scope, request.consistency)
    return V1.GetCompressionPolicyResponse(policy: found.policy, origin: found.origin)
  }

  func setTenantCompressionPolicy(
    _ request: V1.SetTenantCompressionPolicyRequest, _ call: CallContext
  ) async throws -> V1.SetTenantCompressionPolicyResponse {
    let tenant = try request.checkedTenant()
    let set = try SetCompressionPolicy(request, tenant: tenant, key: request.requestKey())
    return V1.SetTenantCompressionPolicyResponse(position: try await node.write(set).position)
  }

  func reportCompactions(
    _ request: V1.ReportCompactionsRequest, _ call: CallContext
  ) async throws -> V1.ReportCompactionsResponse {
    let scope = try request.checkedScope()
    try Validate.optionalName(request.contextID, field: "context_id")
    let page = try PageRequest(request.page)
    return try await node.read(scope, request.consistency) { db, _ in
      let found = try CompactionQueries.list(contextID: request.contextID, page: page, scope: scope, in: db)
      let isWhole = request.contextID.isEmpty && request.page?.token.isEmpty ?? true
      return V1.ReportCompactionsResponse(
        compactions: found.compactions, page: found.page,
        memoryCompactions: isWhole ? try MemoryCompactionQueries.list(limit: 100, scope: scope, in: db) : [])
    }
  }

  func getCompressionStats(
    _ request: V1.GetCompressionStatsRequest, _ call: CallContext
  ) async throws -> V1.GetCompressionStatsResponse {
    let scope = try request.checkedScope()
    return try await node.read(scope, request.consistency) { db, _ in
      var stats = try CompactionQueries.stats(scope: scope, in: db)
      let ofMemories = try MemoryCompactionQueries.stats(scope: scope, in: db)
      (stats.memoryCompactions, stats.memoryFigures) = (ofMemories.count, ofMemories.figures)
      return stats
    }
  }
}

extension NodeParts {
  /// Counts with the encoder's own tokenizer where it is on this machine.
  var compressionCounter: any TokenCounting {
    guard let local = encoder?.embedder as? LocalEmbedder else { return EstimatedTokenCounter() }
    return EncoderTokenCounter(local.encoder)
  }

  /// The policy that holds, and whose it is.
  func compressionPolicy(
    _ contextID: String, of scope: Scope, _ consistency: V1.Consistency? = nil
  ) async throws -> (policy: V1.CompressionPolicy, origin: String) {
    let own = try await read(scope, consistency) { db, _ in
      try CompactionQueries.policy(contextID: contextID, scope: scope, in: db)
    }
    guard own.origin == "default" else { return own }
    let shared = scope.tenant.compressionScope
    let tenants = try await read(shared, nil) { db, _ in
      try CompactionQueries.policy(contextID: "", scope: shared, in: db)
    }
    return tenants.origin == "default" ? own : (tenants.policy, "tenant")
  }

  /// Automatic policies of tenants.
  func tenantCompressionPolicies() async throws -> [TenantID: V1.CompressionPolicy] {
    var policies: [TenantID: V1.CompressionPolicy] = [:]
    for shard in store.shards {
      let found = try await shard.read { db in try CompactionQueries.tenantPolicies(in: db) }
      policies.merge(found) { first, _ in first }
    }
    return policies
  }

  /// Compacts what is old enough in a context. Reading and compressing hold up no writer; only the event does.
  /// Where nothing is new since the last compaction, answers with that one.
  func compact(
    _ id: ContextID, scope: Scope, keepNewest: Int, target: Compressor.Target, question: String = "",
    isAutomatic: Bool, key: RequestKey?, pool: any JobRunner
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
    var target = target
    target.relevance = try await relevance(
      of: plan.messages.map(SourceText.init), to: question, stored: scope)
    let events = try await pool.run { [target] in
      try plan.events(
        id: name, target: target, meter: TokenMeter(counter.count), isAutomatic: isAutomatic)
    }
    return try await write(RecordCompaction(events, scope: scope, key: key))
  }

  /// Compacts every context whose policy asks for it, one after the other.
  func compactDue() async throws {
    let tenants = try await tenantCompressionPolicies()
    for shard in store.shards {
      let due = try await shard.read { db in
        try CompactionQueries.due(limit: 16, tenants: tenants, in: db)
      }
      for one in due {
        try Task.checkCancellation()
        let keep = one.policy.keepNewest > 0 ? Int(one.policy.keepNewest) : CompactionLimits.keepNewestDefault
        do {
          let target = try await learned(
            CompressionTargets.checked(one.policy.target), asked: one.policy.target, scope: one.scope, nil)
          _ = try await compact(
            one.contextID, scope: one.scope, keepNewest: keep, target: target, isAutomatic: true, key: nil,
            pool: idle)
        } catch LociError.failedPrecondition {}  // changed meanwhile: next time
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
