public import LociProto

/// Keeps a streaming call going; the call is cancelled when nothing refers to it any more.
final class StreamHandle: Sendable {
  let call: StreamingClientCall

  init(call: StreamingClientCall) { self.call = call }

  deinit { call.cancel() }
}

/// The answers of a streaming call, in order. Iterate it once. Slow iteration slows the server down.
public struct ResponseSequence<Answer: WireMessage>: AsyncSequence, Sendable {
  public typealias Element = Answer
  public typealias Failure = any Error

  let handle: StreamHandle

  public func makeAsyncIterator() -> Iterator { Iterator(handle: handle) }

  /// Cancels the call; iteration ends with `cancelled`.
  public func cancel() { handle.call.cancel() }

  public struct Iterator: AsyncIteratorProtocol {
    private let handle: StreamHandle
    private let arena = Arena()

    init(handle: StreamHandle) { self.handle = handle }

    /// - Throws: `RPCStatus`. A cancelled task cancels the call.
    public mutating func next() async throws -> Answer? {
      do {
        guard let bytes = try await handle.call.responses.next() else { return nil }
        return try bytes.decode(Answer.self, arena: arena)
      } catch {
        handle.call.cancel()
        throw error
      }
    }
  }
}

/// A call that streams requests and has one answer.
public struct ClientStreamingCall<Request: WireMessage, Answer: WireMessage>: Sendable {
  let handle: StreamHandle

  /// Sends one message, at most 4 MiB encoded; suspends while the connection does not take more.
  /// - Throws: `RPCStatus`: why the call is over. The answer's own status comes from `finish`.
  public func send(_ message: Request) async throws { try await handle.call.send(message) }

  /// Ends the requests and waits for the answer.
  public func finish() async throws -> Answer {
    await handle.call.closeSend()
    var answers = ResponseSequence<Answer>(handle: handle).makeAsyncIterator()
    guard let answer = try await answers.next() else {
      throw RPCStatus(code: .internalError, message: "the server ended the stream without an answer")
    }
    return answer
  }

  public func cancel() { handle.call.cancel() }
}

/// A call that streams both ways.
public struct BidirectionalCall<Request: WireMessage, Answer: WireMessage>: Sendable {
  let handle: StreamHandle

  public var responses: ResponseSequence<Answer> { ResponseSequence(handle: handle) }

  /// Sends one message, at most 4 MiB encoded; suspends while the connection does not take more.
  /// - Throws: `RPCStatus`: why the call is over.
  public func send(_ message: Request) async throws { try await handle.call.send(message) }

  /// Ends the requests; answers may still come.
  public func closeSend() async { await handle.call.closeSend() }

  public func cancel() { handle.call.cancel() }
}
