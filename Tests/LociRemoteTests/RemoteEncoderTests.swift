import Foundation
import LociText
import Testing

@testable import LociRemote

/// Over a real connection to a real HTTP server in this process.
struct RemoteEncoderTests {
  private func configuration(_ server: EmbeddingServer) -> RemoteConfiguration {
    var configuration = RemoteConfiguration(url: server.url, model: "some-model")
    configuration.backoff = .milliseconds(1)
    configuration.timeout = .seconds(20)
    return configuration
  }

  private func unit(_ text: String) -> [Float] {
    let vector = EmbeddingServer.vector(text)
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return vector.map { $0 / length }
  }

  private func isClose(_ a: [Float], _ b: [Float]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 }
  }

  private func with<T>(
    _ change: (inout RemoteConfiguration) -> Void = { _ in },
    run body: (EmbeddingServer, RemoteEncoder) async throws -> T
  ) async throws -> T {
    try await EmbeddingServer.run { server in
      var configuration = configuration(server)
      configuration.dimension = EmbeddingServer.dimension
      change(&configuration)
      let encoder = try await RemoteEncoder.connect(configuration)
      let result: Result<T, any Error>
      do { result = .success(try await body(server, encoder)) } catch { result = .failure(error) }
      await encoder.close()
      return try result.get()
    }
  }

  private func encode(
    _ encoder: RemoteEncoder, _ texts: [String], _ kind: TextEncoder.Kind = .document
  ) async throws -> [Float] {
    try await encoder.encode(texts, kind: kind, longTexts: .truncate, isCancelled: { false }).vectors
  }

  @Test(arguments: [true, false]) func vectorsOfBothFormsComeInOrder(usesBase64: Bool) async throws {
    try await with {
      $0.usesBase64 = usesBase64
      $0.queryPrefix = "query: "
      $0.apiKey = "secret"
    } run: { server, encoder in
      let vectors1 = try await encode(encoder, ["a", "bb", "中文"])
      #expect(isClose(vectors1, unit("a") + unit("bb") + unit("中文")))
      let vectors2 = try await encode(encoder, ["a"], .query)
      #expect(isClose(vectors2, unit("query: a")))
      let seen = server.seen
      #expect(seen.map(\.input) == [["a", "bb", "中文"], ["query: a"]])
      #expect(seen.allSatisfy { $0.path == "/v1/embeddings" && $0.authorization == "Bearer secret" })
      #expect(seen.allSatisfy { $0.model == "some-model" && $0.format == (usesBase64 ? "base64" : "float") })
    }
  }

  @Test func theServerIsAskedForTheDimension() async throws {
    try await EmbeddingServer.run { server in
      let encoder = try await RemoteEncoder.connect(configuration(server))
      #expect(encoder.about.dimension == 3)
      #expect(encoder.about.kind == .remote)
      var other = configuration(server)
      other.dimension = 3
      let same = try await RemoteEncoder.connect(other)
      #expect(same.about.fingerprint == encoder.about.fingerprint)
      other.documentPrefix = "passage: "
      let prefixed = try await RemoteEncoder.connect(other)
      #expect(prefixed.about.fingerprint != encoder.about.fingerprint)
      for encoder in [encoder, same, prefixed] { await encoder.close() }
    }
  }

  @Test func manyTextsGoInSeveralRequests() async throws {
    try await with {
      $0.batchTexts = 4
    } run: { server, encoder in
      let texts = (1...10).map { String(repeating: "x", count: $0) }
      let vectors3 = try await encode(encoder, texts)
      #expect(isClose(vectors3, texts.flatMap(unit)))
      #expect(server.seen.map(\.input.count) == [4, 4, 2])
    }
  }

  @Test func aRequestThatIsTooLargeIsSplit() async throws {
    try await with { _ in
    } run: { server, encoder in
      server.refuse(moreTextsThan: 2)
      let texts = (1...5).map { String(repeating: "x", count: $0) }
      let vectors4 = try await encode(encoder, texts)
      #expect(isClose(vectors4, texts.flatMap(unit)))
      server.refuse(moreTextsThan: 0)
      await #expect(throws: EncoderError.self) { try await encode(encoder, ["a", "b"]) }
    }
  }

  @Test func whatMayPassIsTriedAgain() async throws {
    try await with { _ in
    } run: { server, encoder in
      server.next(.status(503), .status(429, headers: [("retry-after", "0")]), .hangUp)
      let vectors5 = try await encode(encoder, ["a"])
      #expect(isClose(vectors5, unit("a")))
      #expect(server.seen.count == 4)
    }
  }

  @Test func whatCannotPassIsNot() async throws {
    try await with { _ in
    } run: { server, encoder in
      for code in [400, 401, 403, 404, 422] {
        let before = server.seen.count
        server.next(.status(code))
        let error = await #expect(throws: EncoderError.self) { try await encode(encoder, ["a secret text"]) }
        #expect(error?.description.contains("\(code)") == true)
        #expect(error?.description.contains("secret") == false)
        #expect(server.seen.count == before + 1)
      }
      let vectors6 = try await encode(encoder, ["a"])
      #expect(isClose(vectors6, unit("a")))
    }
  }

  @Test(
    arguments: [
      #"{"data": []}"#, #"{"data": [{"index": 1, "embedding": [1, 2, 3]}]}"#,
      #"{"data": [{"index": 0, "embedding": [1, 2]}]}"#, #"{"data": [{"index": 0, "embedding": [0, 0, 0]}]}"#,
      #"{"data": [{"index": 0, "embedding": "!"}]}"#, #"{"data": [{"index": 0, "embedding": "AAA="}]}"#
    ])
  func answersThatAreNoneAreRefused(body: String) async throws {
    try await with { _ in
    } run: { server, encoder in
      server.next(.body(body))
      await #expect(throws: EncoderError.self) { try await encode(encoder, ["a"]) }
      #expect(server.seen.count == 1)
    }
  }

  @Test func anAnswerThatIsTooLongIsRefused() async throws {
    try await with {
      $0.responseBytesMax = 100
    } run: { server, encoder in
      server.next(.body(String(repeating: " ", count: 1_000)))
      await #expect(throws: EncoderError.self) { try await encode(encoder, ["a"]) }
      #expect(server.seen.count == 1)
    }
  }

  @Test func aServerThatKeepsFailingIsLeftAlone() async throws {
    try await with {
      $0.attempts = 2
      $0.breakerFailures = 3
      $0.breakerPause = .seconds(3_600)
    } run: { server, encoder in
      server.next(.status(500), .status(500), .status(500), .status(500), .status(500))
      for _ in 0..<4 { await #expect(throws: EncoderError.self) { try await encode(encoder, ["a"]) } }
      #expect(server.seen.count == 3)
    }
  }

  @Test func aSilentServerTimesOut() async throws {
    try await with {
      $0.timeout = .milliseconds(50)
      $0.attempts = 2
    } run: { server, encoder in
      server.next(.silence, .silence)
      let error = await #expect(throws: EncoderError.self) { try await encode(encoder, ["a"]) }
      #expect(error?.description.contains("cannot be reached") == true)
      #expect(server.seen.count == 2)
    }
  }

  @Test func nobodyThere() async throws {
    let url = try await EmbeddingServer.run { $0.url }
    var configuration = RemoteConfiguration(url: url, model: "m")
    configuration.attempts = 2
    configuration.backoff = .milliseconds(1)
    await #expect(throws: EncoderError.self) { try await RemoteEncoder.connect(configuration) }
  }

  @Test func aCancelledCallGivesUp() async throws {
    try await with { _ in
    } run: { server, encoder in
      server.next(.silence)
      let call = Task { try await encode(encoder, ["a"]) }
      for _ in 0..<20_000 where server.seen.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
      call.cancel()
      await #expect(throws: CancellationError.self) { try await call.value }
    }
  }

  @Test(
    arguments: ["", "ftp://a", "127.0.0.1:80"])
  func addressesThatAreNoneAreRefused(url: String) async {
    await #expect(throws: EncoderError.self) {
      try await RemoteEncoder.connect(RemoteConfiguration(url: url, model: "m"))
    }
  }
}

struct CircuitBreakerTests {
  private let start = ContinuousClock.now

  private func expect(
    _ breaker: inout CircuitBreaker, admits wanted: Bool, at now: ContinuousClock.Instant,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let admits = breaker.admits(at: now)
    #expect(admits == wanted, sourceLocation: location)
  }

  @Test func opensProbesAndCloses() {
    var breaker = CircuitBreaker(failuresMax: 2, pause: .seconds(10))
    expect(&breaker, admits: true, at: start)
    breaker.failed(at: start)
    breaker.succeeded()
    breaker.failed(at: start)
    expect(&breaker, admits: true, at: start)
    breaker.failed(at: start)
    expect(&breaker, admits: false, at: start + .seconds(9))
    expect(&breaker, admits: true, at: start + .seconds(10))
    expect(&breaker, admits: false, at: start + .seconds(10))
    breaker.failed(at: start + .seconds(11))
    expect(&breaker, admits: false, at: start + .seconds(20))
    expect(&breaker, admits: true, at: start + .seconds(21))
    breaker.succeeded()
    #expect(breaker.state == .closed(failures: 0))
    expect(&breaker, admits: true, at: start)
  }

  @Test func anAbandonedProbeLetsAnotherGo() {
    var breaker = CircuitBreaker(failuresMax: 1, pause: .seconds(10))
    breaker.failed(at: start)
    expect(&breaker, admits: true, at: start + .seconds(10))
    breaker.abandoned(at: start + .seconds(11))
    expect(&breaker, admits: true, at: start + .seconds(11))
  }
}
