import LociCollection
import LociCore
import LociProto
import LociRecall
import LociStore
import LociText
import LociVector
import LociWire

/// Text to vectors on the wire.
struct EmbeddingService: EmbeddingServiceProvider {
  let node: NodeParts
  let collections: CollectionCatalog

  private static let textsMax = 1_000
  private static let textBytesMax = 1 << 20
  /// Windows of a long text that count.
  private static let windowsMax = 64
  private static let cosinesMax = 1_000_000
  /// Room that an answer has for its vectors, bytes.
  private static let vectorBytesMax = 4_000_000

  private func engine() throws(LociError) -> EmbeddingEngine {
    guard let encoder = node.encoder else {
      throw .failedPrecondition("no encoder is loaded; start the server with a model")
    }
    return encoder
  }

  func encode(_ request: V1.EncodeRequest, _ call: CallContext) async throws -> V1.EncodeResponse {
    let engine = try engine()
    try Validate.count(request.texts.count, field: "texts", in: 1...Self.textsMax)
    try Self.validate(request.texts, field: "texts")
    let kind = try Self.kind(request.inputType, field: "input_type")
    let longTexts = try Self.longTexts(request.longTexts)
    let format = try VectorEncoding(request.format)
    let answerBytes = request.texts.count * engine.about.dimension * format.bytesPerNumber
    guard answerBytes <= Self.vectorBytesMax else {
      throw LociError.tooLarge(what: "the answer", bytes: answerBytes, limit: Self.vectorBytesMax)
    }
    let encoded = try await engine.encode(
      request.texts, kind: kind, longTexts: longTexts, priority: kind == .query ? .query : .document)
    var response = V1.EncodeResponse(
      dimension: UInt32(engine.about.dimension), tokenCounts: encoded.batch.tokenCounts.map { UInt32($0) },
      truncated: encoded.batch.truncated, fingerprint: engine.about.fingerprint.description,
      cached: UInt32(encoded.cachedCount))
    format.write(encoded.batch.vectors, dimension: engine.about.dimension, to: &response)
    return response
  }

  func encodeStream(
    _ requests: RequestStream<V1.EncodeStreamRequest>, _ call: CallContext,
    _ responses: ResponseStream<V1.EncodeStreamResponse>
  ) async throws {
    for try await request in requests {
      guard let encode = request.encode else {
        throw LociError.invalid(field: "encode", problem: "is missing")
      }
      try await responses.send(V1.EncodeStreamResponse(encode: try await self.encode(encode, call)))
    }
  }

  func listModels(_ request: V1.ListModelsRequest, _ call: CallContext) async throws -> V1.ListModelsResponse
  {
    guard let about = node.encoder?.about else { return V1.ListModelsResponse() }
    let model = V1.Model(
      name: about.name, fingerprint: about.fingerprint.description, dimension: UInt32(about.dimension),
      tokensMax: UInt32(about.maxTokens), blas: about.kind == .transformer ? TextEncoder.blasName : "",
      kind: about.kind.rawValue, architecture: about.architecture, tokenizer: about.tokenizer,
      queryPrefix: about.queryPrefix, documentPrefix: about.documentPrefix, precision: about.precision)
    return V1.ListModelsResponse(models: [model])
  }

  func similarity(_ request: V1.SimilarityRequest, _ call: CallContext) async throws -> V1.SimilarityResponse
  {
    let engine = try engine()
    guard let left = request.left else { throw LociError.invalid(field: "left", problem: "is missing") }
    let n = engine.about.dimension
    let leftCount = try Self.count(left, dimension: n, field: "left")
    let rightCount = try request.right.map { try Self.count($0, dimension: n, field: "right") } ?? leftCount
    guard leftCount * rightCount <= Self.cosinesMax else {
      throw LociError.invalid(
        field: "right", problem: "with left makes \(leftCount * rightCount) pairs, at most \(Self.cosinesMax)"
      )
    }
    let rows = try await vectors(left, engine, field: "left")
    var columns = rows
    if let right = request.right { columns = try await vectors(right, engine, field: "right") }
    let (first, second) = (rows, columns)
    let cosines = try await node.workers.run {
      SimilarityMatrix.products(first, second, dimension: n).map { min(1, max(-1, $0)) }
    }
    return V1.SimilarityResponse(
      rows: UInt32(leftCount), columns: UInt32(rightCount), cosines: cosines,
      fingerprint: engine.about.fingerprint.description)
  }

  func getEncoderStats(
    _ request: V1.GetEncoderStatsRequest, _ call: CallContext
  ) async throws -> V1.GetEncoderStatsResponse {
    let engine = try engine()
    let now = engine.statistics
    var response = V1.GetEncoderStatsResponse(
      queryTexts: now.texts[.query] ?? 0, documentTexts: now.texts[.document] ?? 0,
      backgroundTexts: now.texts[.background] ?? 0, tokens: now.tokens, batches: now.batches,
      waitingQueries: UInt32(now.waiting[.query] ?? 0),
      waitingDocuments: UInt32((now.waiting[.document] ?? 0) + (now.waiting[.background] ?? 0)),
      refused: now.refused, cacheHits: now.cacheHits, cacheMisses: now.cacheMisses,
      cacheBytes: UInt64(now.cacheBytes), cacheBytesMax: UInt64(now.cacheBytesMax))
    if let pipeline = node.pipeline {
      for shard in node.store.shards {
        let backlog = try await pipeline.backlog(of: shard)
        response.outdatedVectors += UInt64(backlog.outdated)
        response.pendingItems += UInt64(backlog.pending)
      }
    }
    return response
  }

  // MARK: Requests

  private static func validate(_ texts: [String], field: String) throws(LociError) {
    for text in texts { try Validate.text(text, field: field, bytesMax: textBytesMax) }
  }

  private static func kind(_ type: V1.InputType, field: String) throws(LociError) -> TextEncoder.Kind {
    switch type {
    case .unspecified, .document: return .document
    case .query: return .query
    default: throw .invalid(field: field, problem: "is not an input type")
    }
  }

  private static func longTexts(_ choice: V1.LongTexts) throws(LociError) -> LongTexts {
    switch choice {
    case .unspecified, .truncate: return .truncate
    case .windows: return .windows(most: windowsMax)
    default: throw .invalid(field: "long_texts", problem: "is not a way to treat long texts")
    }
  }

  /// Vectors that a set has or will have.
  private static func count(_ set: V1.VectorSet, dimension: Int, field: String) throws(LociError) -> Int {
    guard set.vectors.isEmpty || set.texts.isEmpty else {
      throw .invalid(field: field, problem: "has texts and vectors; give one of them")
    }
    if !set.texts.isEmpty {
      try Validate.count(set.texts.count, field: field + ".texts", in: 1...textsMax)
      try validate(set.texts, field: field + ".texts")
      _ = try kind(set.inputType, field: field + ".input_type")
      return set.texts.count
    }
    guard !set.vectors.isEmpty, set.vectors.count % dimension == 0 else {
      throw .invalid(
        field: field + ".vectors", problem: "has \(set.vectors.count) numbers, not a multiple of \(dimension)"
      )
    }
    return set.vectors.count / dimension
  }

  /// At unit length. Shape (count, dimension).
  private func vectors(
    _ set: V1.VectorSet, _ engine: EmbeddingEngine, field: String
  ) async throws -> [Float] {
    if set.texts.isEmpty {
      return try UnitRows.checked(set.vectors, dimension: engine.about.dimension, field: field + ".vectors")
    }
    let kind = try Self.kind(set.inputType, field: field + ".input_type")
    return try await engine.encode(
      set.texts, kind: kind, priority: kind == .query ? .query : .document
    ).batch.vectors
  }
}
