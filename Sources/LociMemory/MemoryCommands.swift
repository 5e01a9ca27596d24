package import LociCore
package import LociProto
package import LociRecall
package import LociStore

extension V1.AddMemoriesResponse: PositionedAnswer {}
extension V1.UpdateMemoryResponse: PositionedAnswer {}
extension V1.DeleteMemoriesResponse: PositionedAnswer {}

/// Limits of memories, as the contract states them.
package enum MemoryLimits {
  package static let textBytesMax = 256 << 10
  package static let memoriesPerCall = 1_000
  package static let importanceDefault: Float = 0.5
}

/// Adds memories, all or none.
package struct AddMemories: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let memories: [LogV1.AddedMemory]
  private let ttlsMs: [Int64]
  private let tenantPolicy: V1.MemoryPolicy
  private let duplicates: Duplicates
  private let chosenIDs: [String]
  /// Which of them came with a vector, and the vectors in the form that the log keeps.
  private let embedded: EncodedVectors?

  /// - Parameters:
  ///   - nearest: by place in the request, the item whose meaning is so near that it may say the same.
  ///   - tenantPolicy: what holds where the agent's policy says nothing.
  /// - Throws: `LociError.invalid` naming the field; `failedPrecondition` for an embedding without an encoder.
  package init(
    _ request: V1.AddMemoriesRequest, scope: Scope, key: RequestKey?, ids: UUIDv7Generator,
    encoder: EncoderIdentity?, nearest: [Int: Int64] = [:], tenantPolicy: V1.MemoryPolicy = V1.MemoryPolicy()
  ) throws(LociError) {
    self.scope = scope
    self.tenantPolicy = tenantPolicy
    self.requestKey = key
    duplicates = try Duplicates(request, nearest: nearest)
    try Validate.count(request.memories.count, field: "memories", in: 1...MemoryLimits.memoriesPerCall)
    var memories: [LogV1.AddedMemory] = []
    memories.reserveCapacity(request.memories.count)
    var bytes = 512
    for draft in request.memories {
      memories.append(try Self.validated(draft, ids: ids))
      bytes += draft.text.utf8.count + draft.embedding.count * 4 + 512
    }
    self.memories = memories
    ttlsMs = request.memories.map(\.ttlMs)
    embedded = try EncodedVectors(
      request.memories.map(\.embedding), encoder: encoder, field: "memories.embedding")
    costBytes = bytes
    chosenIDs = request.memories.lazy.map(\.id).filter { !$0.isEmpty }
    guard !chosenIDs.hasRepeats else {
      throw .invalid(field: "memories.id", problem: "occurs twice")
    }
  }

  private static func validated(
    _ draft: V1.MemoryDraft, ids: UUIDv7Generator
  ) throws(LociError) -> LogV1.AddedMemory {
    let type = draft.type == .unspecified ? V1.MemoryType.semantic : draft.type
    try MemoryChecks.type(type, field: "memories.type")
    try Validate.optionalName(draft.id, field: "memories.id")
    try Validate.text(
      draft.text, field: "memories.text", bytesMin: 1, bytesMax: MemoryLimits.textBytesMax)
    try Validate.optionalName(draft.contextID, field: "memories.context_id")
    try Validate.traceID(draft.traceID, field: "memories.trace_id")
    let importance = draft.importance ?? MemoryLimits.importanceDefault
    try Validate.unitInterval(importance, field: "memories.importance")
    try Validate.time(draft.createdAtUs, field: "memories.created_at_us")
    try Validate.time(draft.expiresAtUs, field: "memories.expires_at_us")
    try AttributeColumn.validate(draft.attributes, field: "memories.attributes")
    return LogV1.AddedMemory(
      id: draft.id.isEmpty ? ids.next() : draft.id, type: type.rawValue, text: draft.text,
      contextID: draft.contextID, traceID: draft.traceID, importance: importance,
      createdAtUs: draft.createdAtUs, expiresAtUs: draft.expiresAtUs,
      attributes: AttributeColumn.stored(draft.attributes), details: try MemoryDetails.validated(draft))
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.AddMemoriesResponse> {
    let found = try duplicates.find(memories, scope, transaction)
    try checkSuperseded(transaction)
    if let scopeRow = try transaction.scopeRow(scope) {
      for id in chosenIDs where try MemoryQueries.stored(id, scope: scopeRow, in: transaction.db) != nil {
        throw LociError.alreadyExists(.memory, id: id)
      }
    }
    let kept = memories.indices.filter { found.original[$0] == nil }
    let policy = MemoryPolicy.effective(
      try MemoryPolicy.of(try transaction.scopeRow(scope), in: transaction.db), tenant: tenantPolicy)
    var events: [LogV1.Event.Kind] = []
    if !kept.isEmpty {
      events.append(
        .memoriesAdded(
          LogV1.MemoriesAdded(
            memories: kept.map { dated(memories[$0], ttlMs: ttlsMs[$0], policy, at: transaction.at) })))
    }
    if let embedded {
      var items = [Int64?](repeating: nil, count: memories.count)
      for (place, item) in zip(kept, transaction.upcomingItems(kept.count)) { items[place] = item }
      if let event = embedded.event(items: items, kind: .memories) { events.append(.itemsEmbedded(event)) }
    }
    if let said = found.event { events.append(.memoriesSaidAgain(said)) }
    let answer = V1.AddMemoriesResponse(
      memoryIDs: memories.indices.map { found.original[$0] ?? memories[$0].id },
      duplicatePlaces: found.original.keys.sorted().map(UInt32.init))
    return Decision(events: events, answer: answer)
  }

  /// What a memory replaces has to be there, and nothing else may have replaced it.
  private func checkSuperseded(_ transaction: ProjectionTransaction) throws {
    var seen: Set<String> = []
    for memory in memories {
      guard let id = memory.details?.supersedesID, !id.isEmpty else { continue }
      guard let row = try transaction.scopeRow(scope),
        let older = try MemoryQueries.stored(id, scope: row, in: transaction.db),
        try !MemoryQueries.isExpiredForNow(id, scope: row, in: transaction.db)
      else { throw LociError.notFound(.memory, id: id) }
      guard older.supersededAtUs == 0, seen.insert(id).inserted else {
        throw LociError.failedPrecondition("memory \(id) is superseded already")
      }
    }
  }

  /// With the end that the draft or the policy gives it.
  private func dated(
    _ memory: LogV1.AddedMemory, ttlMs: Int64, _ policy: V1.MemoryPolicy, at time: Timestamp
  ) -> LogV1.AddedMemory {
    let byPolicy =
      memory.expiresAtUs == 0 ? MemoryPolicy.ttlMs(of: V1.MemoryType(rawValue: memory.type), in: policy) : 0
    let ttl = ttlMs > 0 ? ttlMs : byPolicy
    guard ttl > 0 else { return memory }
    var memory = memory
    memory.expiresAtUs = time.microseconds + ttl * 1_000
    return memory
  }
}

/// Replaces the fields that the request names.
package struct UpdateMemory: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let id: MemoryID
  private let request: V1.UpdateMemoryRequest

  package init(
    _ request: V1.UpdateMemoryRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    self.request = request
    id = try MemoryID(validating: request.memoryID)
    if let text = request.text {
      try Validate.text(text, field: "text", bytesMin: 1, bytesMax: MemoryLimits.textBytesMax)
    }
    if let type = request.type { try MemoryChecks.type(type, field: "type") }
    if let importance = request.importance { try Validate.unitInterval(importance, field: "importance") }
    if let expires = request.expiresAtUs { try Validate.time(expires, field: "expires_at_us") }
    if let list = request.attributes { try AttributeColumn.validate(list.attributes, field: "attributes") }
    costBytes = 1_024 + (request.text?.utf8.count ?? 0)
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.UpdateMemoryResponse> {
    guard let scopeRow = try transaction.scopeRow(scope),
      var memory = try MemoryQueries.stored(id.rawValue, scope: scopeRow, in: transaction.db),
      !MemoryQueries.isExpired(memory, at: transaction.at),
      try !MemoryQueries.isExpiredForNow(id.rawValue, scope: scopeRow, in: transaction.db)
    else { throw LociError.notFound(.memory, id: id.rawValue) }
    guard request.expectedVersion == 0 || request.expectedVersion == memory.version else {
      throw LociError.failedPrecondition(
        "memory \(id) has version \(memory.version), not \(request.expectedVersion)")
    }
    guard memory.supersededAtUs == 0 else {
      throw LociError.failedPrecondition("memory \(id) is superseded by \(memory.supersededByID)")
    }
    let textChanged = request.text.map { ExactText($0) != ExactText(memory.text) } ?? false
    if let text = request.text { memory.text = text }
    if let type = request.type { memory.type = type }
    if let importance = request.importance { memory.importance = importance }
    if let expires = request.expiresAtUs { memory.expiresAtUs = expires }
    if let list = request.attributes { memory.attributes = list.attributes.sorted { $0.key < $1.key } }
    memory.version += 1
    memory.updatedAtUs = transaction.at.microseconds
    var details = try MemoryQueries.details(id.rawValue, scope: scopeRow, in: transaction.db)
    if textChanged { details = details ?? MemoryDetails.none }
    if textChanged { details?.fingerprint = Fingerprint.of(memory.text) }
    let stored = LogV1.AddedMemory(
      id: memory.id, type: memory.type.rawValue, text: memory.text, contextID: memory.contextID,
      traceID: memory.traceID, importance: memory.importance, createdAtUs: memory.createdAtUs,
      expiresAtUs: memory.expiresAtUs, attributes: AttributeColumn.stored(memory.attributes),
      details: details)
    let event = LogV1.MemoryUpdated(memory: stored, version: memory.version, textChanged: textChanged)
    return Decision(events: [.memoryUpdated(event)], answer: V1.UpdateMemoryResponse(memory: memory))
  }
}

package struct DeleteMemories: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let ids: [String]

  package init(
    _ request: V1.DeleteMemoriesRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    self.requestKey = key
    try Validate.count(request.memoryIDs.count, field: "memory_ids", in: 1...MemoryLimits.memoriesPerCall)
    for id in request.memoryIDs { try Validate.name(id, field: "memory_ids") }
    ids = request.memoryIDs.withoutRepeats()
    costBytes = 512 + ids.count * 64
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.DeleteMemoriesResponse> {
    let scopeRow = try transaction.scopeRow(scope)
    let present = try ids.filter { id in
      guard let scopeRow else { return false }
      return try MemoryQueries.stored(id, scope: scopeRow, in: transaction.db) != nil
    }
    return Decision(
      events: present.isEmpty ? [] : [.memoriesDeleted(LogV1.MemoriesDeleted(ids: present))],
      answer: V1.DeleteMemoriesResponse(memoriesDeleted: UInt64(present.count)))
  }
}

enum MemoryChecks {
  static func type(_ type: V1.MemoryType, field: String) throws(LociError) {
    switch type {
    case .working, .episodic, .semantic, .procedural, .longTerm: return
    default: throw .invalid(field: field, problem: "is not a memory type")
    }
  }
}
