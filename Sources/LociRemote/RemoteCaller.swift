import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization

/// How a server is called that speaks as OpenAI's does.
struct CallPolicy: Sendable {
  /// Sent as a bearer token; never logged.
  var apiKey: String?
  var timeout = Duration.seconds(30)
  /// Tries of one request, the first included.
  var attempts = 4
  /// Pause before the second try; doubled for each further one, with a random part, at most `backoffMax`.
  var backoff = Duration.milliseconds(200)
  var backoffMax = Duration.seconds(5)
  /// Failures in a row after which the server is left alone for `breakerPause`.
  var breakerFailures = 5
  var breakerPause = Duration.seconds(10)
  var responseBytesMax = 64 << 20
}

/// Why a call gave no answer. `problem` can follow "the server"; `mayPass`: another attempt later may succeed.
struct CallFailure: Error {
  let problem: String
  var mayPass = false
  var isTooLarge = false
}

/// Posts JSON. Requests that may pass are tried again with growing pauses; a server that keeps failing is left alone for a
/// while.
final class RemoteCaller: Sendable {
  private let policy: CallPolicy
  private let client: HTTPClient
  private let breaker: Mutex<CircuitBreaker>

  init(_ policy: CallPolicy) {
    self.policy = policy
    client = HTTPClient(eventLoopGroupProvider: .singleton)
    breaker = Mutex(CircuitBreaker(failuresMax: policy.breakerFailures, pause: policy.breakerPause))
  }

  /// Closes its connections. Nothing can be called afterwards.
  func close() async { try? await client.shutdown() }

  private enum Outcome {
    case answer(Data)
    /// Another try may help, not before the pause the server asked for.
    case again(problem: String, pause: Duration?)
  }

  /// - Parameters:
  ///   - url: up to and including the version; `path` is added.
  ///   - read: `nil` for an answer that is none, which another try may mend; throws for one that is wrong.
  /// - Throws: `CallFailure`, what `read` throws, `CancellationError`.
  func post<Answer>(
    _ body: some Encodable, to url: String, path: String, read: (Data) throws -> Answer?
  ) async throws -> Answer {
    let content = try JSONEncoder().encode(body)
    var problem = "does not answer"
    for attempt in 1...policy.attempts {
      guard breaker.withLock({ $0.admits(at: .now) }) else {
        throw CallFailure(problem: "failed too often, and is left alone for a while", mayPass: true)
      }
      var outcome: Outcome
      do {
        outcome = try await send(content, to: url, path: path)
        if case .answer(let data) = outcome {
          if let answer = try read(data) {
            breaker.withLock { $0.succeeded() }
            return answer
          }
          outcome = .again(problem: "answers with something that is not what was asked for", pause: nil)
        }
      } catch {
        // A refusal is an answer; giving up is none.
        breaker.withLock { error is CancellationError ? $0.abandoned(at: .now) : $0.succeeded() }
        throw error
      }
      guard case .again(let reason, let pause) = outcome else { continue }
      breaker.withLock { $0.failed(at: .now) }
      problem = reason
      if attempt < policy.attempts { try await Task.sleep(for: self.pause(after: attempt, asked: pause)) }
    }
    throw CallFailure(problem: problem, mayPass: true)
  }

  /// Doubles with each try; a random part keeps callers that failed together from coming back together.
  private func pause(after attempt: Int, asked: Duration?) -> Duration {
    let doubled = policy.backoff * (1 << (attempt - 1))
    let random = doubled * Double.random(in: 0.5...1)
    return min(max(random, asked ?? .zero), policy.backoffMax)
  }

  private func send(_ content: Data, to url: String, path: String) async throws -> Outcome {
    var request = HTTPClientRequest(url: url.trimmed(of: "/") + path)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    if let key = policy.apiKey { request.headers.add(name: "authorization", value: "Bearer \(key)") }
    request.body = .bytes(content)
    do {
      let response = try await client.execute(request, timeout: TimeAmount(policy.timeout))
      let content = try await response.body.collect(upTo: policy.responseBytesMax)
      return try read(response, content)
    } catch let failure as CallFailure {
      throw failure
    } catch is CancellationError {
      throw CancellationError()
    } catch is NIOTooManyBytesError {
      throw CallFailure(problem: "answers with more than \(policy.responseBytesMax) bytes")
    } catch {
      if Task.isCancelled { throw CancellationError() }
      return .again(problem: "cannot be reached: \(Self.reason(error))", pause: nil)
    }
  }

  private func read(_ response: HTTPClientResponse, _ content: ByteBuffer) throws -> Outcome {
    let status = Int(response.status.code)
    switch status {
    case 200: return .answer(Data(buffer: content))
    case 413: throw CallFailure(problem: "finds the request too large", isTooLarge: true)
    case 408, 425, 429, 500...599:
      let seconds = response.headers.first(name: "retry-after").flatMap { Double($0) }
      let pause = seconds.flatMap { (0...3_600).contains($0) ? Duration.seconds($0) : nil }
      return .again(problem: "answers with status \(status)", pause: pause)
    case 401, 403: throw CallFailure(problem: "refuses the API key (status \(status))")
    default: throw CallFailure(problem: "answers with status \(status)")
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
