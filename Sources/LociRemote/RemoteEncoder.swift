import Foundation
package import LociText

/// An encoder behind an OpenAI-compatible `/v1/embeddings`. Requests that may pass are tried again with growing pauses;
/// a server that keeps failing is left alone for a while.
package final class RemoteEncoder: TextEmbedder {
  package let about: EncoderDescription
  package var batchTextsMax: Int { configuration.batchTexts }

  private let configuration: RemoteConfiguration
  private let caller: RemoteCaller

  /// Asks the server for one vector, to learn its length, unless the configuration tells it.
  /// - Throws: `EncoderError.remote`.
  package static func connect(_ configuration: RemoteConfiguration) async throws -> RemoteEncoder {
    try configuration.validate()
    if let dimension = configuration.dimension { return RemoteEncoder(configuration, dimension: dimension) }
    let probe = RemoteEncoder(configuration, dimension: 1)
    let vector = try await probe.closing { try await probe.ask(["dimension"], dimension: nil) }
    return RemoteEncoder(configuration, dimension: vector.count)
  }

  private init(_ configuration: RemoteConfiguration, dimension: Int) {
    self.configuration = configuration
    about = EncoderDescription(
      kind: .remote, name: configuration.model, fingerprint: configuration.fingerprint(dimension: dimension),
      dimension: dimension, maxTokens: 0, queryPrefix: configuration.queryPrefix,
      documentPrefix: configuration.documentPrefix)
    caller = RemoteCaller(configuration.callPolicy)
  }

  /// Closes its connections. Nothing can be encoded afterwards.
  package func close() async { await caller.close() }

  private func closing<T>(_ body: () async throws -> T) async throws -> T {
    do {
      let result = try await body()
      await close()
      return result
    } catch {
      await close()
      throw error
    }
  }

  /// Token counts are 0 and nothing counts as truncated: the protocol does not tell. `longTexts` is the server's
  /// affair.
  package func encode(
    _ texts: [String], kind: TextEncoder.Kind, longTexts: LongTexts,
    isCancelled: @escaping @Sendable () -> Bool
  ) async throws -> EncodedBatch {
    let prefix = kind == .query ? configuration.queryPrefix : configuration.documentPrefix
    var vectors: [Float] = []
    for start in stride(from: 0, to: texts.count, by: configuration.batchTexts) {
      if isCancelled() { throw CancellationError() }
      let part = texts[start..<min(start + configuration.batchTexts, texts.count)].map { prefix + $0 }
      vectors += try await ask(part, dimension: about.dimension)
    }
    return EncodedBatch(
      vectors: vectors, tokenCounts: texts.map { _ in 0 }, truncated: texts.map { _ in false })
  }

  // MARK: Requests

  private func ask(_ texts: [String], dimension: Int?) async throws -> [Float] {
    let body = EmbeddingRequest(
      model: configuration.model, input: texts, encoding_format: configuration.usesBase64 ? "base64" : "float"
    )
    do {
      return try await caller.post(body, to: configuration.url, path: "/embeddings") { data in
        guard let answer = try? JSONDecoder().decode(EmbeddingAnswer.self, from: data) else { return nil }
        return try answer.vectors(texts: texts.count, dimension: dimension)
      }
    } catch let failure as CallFailure {
      guard failure.isTooLarge else {
        throw EncoderError.remote(problem: failure.problem, mayPass: failure.mayPass)
      }
      guard texts.count > 1 else {
        throw EncoderError.remote(
          problem: "finds a text of \(texts[0].utf8.count) bytes too large", mayPass: false)
      }
      let half = texts.count / 2
      let first = try await ask(Array(texts[..<half]), dimension: dimension)
      return try await first + ask(Array(texts[half...]), dimension: dimension)
    }
  }
}
