import LociCore
import LociProto
import LociText
import LociWire

/// Text to vectors on the wire.
struct EmbeddingService: EmbeddingServiceProvider {
  let node: NodeParts

  private static let textsMax = 1_000
  private static let textBytesMax = 1 << 20
  /// Room that an answer has for its vectors, bytes.
  private static let vectorBytesMax = 4_000_000

  func encode(_ request: V1.EncodeRequest, _ call: CallContext) async throws -> V1.EncodeResponse {
    guard let encoder = node.encoder else {
      throw LociError.failedPrecondition("no encoder is loaded; start the server with a model")
    }
    try Validate.count(request.texts.count, field: "texts", in: 1...Self.textsMax)
    for text in request.texts { try Validate.text(text, field: "texts", bytesMax: Self.textBytesMax) }
    let answerBytes = request.texts.count * encoder.dimension * 4
    guard answerBytes <= Self.vectorBytesMax else {
      throw LociError.tooLarge(what: "the answer", bytes: answerBytes, limit: Self.vectorBytesMax)
    }
    let kind: TextEncoder.Kind
    switch request.inputType {
    case .unspecified, .document: kind = .document
    case .query: kind = .query
    default: throw LociError.invalid(field: "input_type", problem: "is not an input type")
    }
    let texts = request.texts
    let batch = try await node.workers.run {
      try encoder.encode(texts, kind: kind, isCancelled: { call.isCancelled })
    }
    return V1.EncodeResponse(
      dimension: UInt32(encoder.dimension), vectors: batch.vectors,
      tokenCounts: batch.tokenCounts.map { UInt32($0) }, truncated: batch.truncated,
      fingerprint: encoder.fingerprint.description)
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
    guard let encoder = node.encoder else { return V1.ListModelsResponse() }
    let model = V1.Model(
      name: encoder.name, fingerprint: encoder.fingerprint.description, dimension: UInt32(encoder.dimension),
      tokensMax: UInt32(encoder.maxTokens), blas: TextEncoder.blasName)
    return V1.ListModelsResponse(models: [model])
  }
}
