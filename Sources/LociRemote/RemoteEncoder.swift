import AsyncHTTPClient
import Foundation
package import LociText
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization

/// An encoder behind an OpenAI-compatible `/v1/embeddings`. Requests that may pass are tried again with growing pauses;
/// a server that keeps failing is left alone for a while.
package final class RemoteEncoder: TextEmbedder {
  package let about: EncoderDescription
  package var batchTextsMax: Int { configuration.batchTexts }

  private let configuration: RemoteConfiguration
  private let client: HTTPClient
  private let breaker: Mutex<CircuitBreaker>

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
    client = HTTPClient(eventLoopGroupProvider: .singleton)
    breaker = Mutex(
      CircuitBreaker(failuresMax: configuration.breakerFailures, pause: configuration.breakerPause))
  }

  /// Closes its connections. Nothing can be encoded afterwards.
  package func close() async { try? await client.shutdown() }

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

  private enum Outcome {
    case vectors([Float])
    case tooLarge
    /// Another try may help, not before the pause the server asked for.
    case again(problem: String, pause: Duration?)
  }

  private func ask(_ texts: [String], dimension: Int?) async throws -> [Float] {
    var problem = "does not answer"
    for attempt in 1...configuration.attempts {
      guard breaker.withLock({ $0.admits(at: .now) }) else {
        throw EncoderError.remote(problem: "failed too often, and is left alone for a while", mayPass: true)
      }
      let outcome: Outcome
      do {
        outcome = try await send(texts, dimension: dimension)
      } catch {
        // A refusal is an answer; giving up is none.
        breaker.withLock { error is CancellationError ? $0.abandoned(at: .now) : $0.succeeded() }
        throw error
      }
      switch outcome {
      case .vectors(let vectors):
        breaker.withLock { $0.succeeded() }
        return vectors
      case .tooLarge:
        breaker.withLock { $0.succeeded() }
        guard texts.count > 1 else {
          throw EncoderError.remote(
            problem: "finds a text of \(texts[0].utf8.count) bytes too large", mayPass: false)
        }
        let half = texts.count / 2
        let first = try await ask(Array(texts[..<half]), dimension: dimension)
        return try await first + ask(Array(texts[half...]), dimension: dimension)
      case .again(let reason, let pause):
        breaker.withLock { $0.failed(at: .now) }
        problem = reason
        if attempt < configuration.attempts {
          try await Task.sleep(for: self.pause(after: attempt, asked: pause))
        }
      }
    }
    throw EncoderError.remote(problem: problem, mayPass: true)
  }

  /// Doubles with each try; a random part keeps callers that failed together from coming back together.
  private func pause(after attempt: Int, asked: Duration?) -> Duration {
    let doubled = configuration.backoff * (1 << (attempt - 1))
    let random = doubled * Double.random(in: 0.5...1)
    return min(max(random, asked ?? .zero), configuration.backoffMax)
  }

  private func send(_ texts: [String], dimension: Int?) async throws -> Outcome {
    var request = HTTPClientRequest(url: configuration.url.trimmed(of: "/") + "/embeddings")
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    if let key = configuration.apiKey { request.headers.add(name: "authorization", value: "Bearer \(key)") }
    let body = EmbeddingRequest(
      model: configuration.model, input: texts, encoding_format: configuration.usesBase64 ? "base64" : "float"
    )
    request.body = .bytes(try JSONEncoder().encode(body))
    do {
      let seconds = TimeAmount(configuration.timeout)
      let response = try await client.execute(request, timeout: seconds)
      let content = try await response.body.collect(upTo: configuration.responseBytesMax)
      return try read(response, content, texts: texts.count, dimension: dimension)
    } catch let error as EncoderError {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch is NIOTooManyBytesError {
      throw EncoderError.remote(
        problem: "answers with more than \(configuration.responseBytesMax) bytes", mayPass: false)
    } catch {
      if Task.isCancelled { throw CancellationError() }
      return .again(problem: "cannot be reached: \(Self.reason(error))", pause: nil)
    }
  }

  private func read(
    _ response: HTTPClientResponse, _ content: ByteBuffer, texts: Int, dimension: Int?
  ) throws -> Outcome {
    let status = Int(response.status.code)
    switch status {
    case 200:
      guard let answer = try? JSONDecoder().decode(EmbeddingAnswer.self, from: Data(buffer: content)) else {
        return .again(problem: "answers with something that is no list of embeddings", pause: nil)
      }
      return .vectors(try answer.vectors(texts: texts, dimension: dimension))
    case 413: return .tooLarge
    case 408, 425, 429, 500...599:
      let seconds = response.headers.first(name: "retry-after").flatMap { Double($0) }
      let pause = seconds.flatMap { (0...3_600).contains($0) ? Duration.seconds($0) : nil }
      return .again(problem: "answers with status \(status)", pause: pause)
    case 401, 403:
      throw EncoderError.remote(problem: "refuses the API key (status \(status))", mayPass: false)
    default:
      throw EncoderError.remote(problem: "answers with status \(status)", mayPass: false)
    }
  }

  /// What failed, without the address or what was sent.
  private static func reason(_ error: any Error) -> String {
    if let error = error as? HTTPClientError { return error.shortDescription }
    return "\(type(of: error))"
  }
}

extension String {
  /// Without `character` at the end.
  fileprivate func trimmed(of character: Character) -> String {
    var text = self
    while text.last == character { text.removeLast() }
    return text
  }
}
