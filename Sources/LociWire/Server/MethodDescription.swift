package import LociProto

/// A method's name and its handler, with the message types erased to bytes. Handlers throw `RPCStatus`, or any
/// error that the server's `mapError` turns into one.
package struct MethodDescription: Sendable {
  package let name: String
  let kind: CallKind
  let body: Body

  /// The part of a call that is left after its request was read.
  package typealias Continuation = @Sendable (CallContext) async throws -> any WireMessage

  @safe enum Body: Sendable {
    /// Writes the answer for the stream into the connection's output.
    case inline(
      @Sendable (UnsafeRawBufferPointer, Arena, CallContext, UInt32, inout OutputBatch) throws ->
        OutputBatch.Excess?)
    case unary(@Sendable (UnsafeRawBufferPointer, Arena) throws -> Continuation)
    case serverStreaming(
      @Sendable (UnsafeRawBufferPointer, Arena) throws ->
        @Sendable (CallContext, ServerCall) async throws -> Void)
    case clientStreaming(@Sendable (InboundQueue, CallContext) async throws -> any WireMessage)
    case bidirectional(@Sendable (InboundQueue, CallContext, ServerCall) async throws -> Void)
  }

  /// Answers at once on the event loop: for handlers under about 20 µs that never block.
  package static func inline<I: WireMessage, O: WireMessage>(
    _ name: String, _ handler: @escaping @Sendable (I, CallContext) throws -> O
  ) -> Self {
    unsafe Self(
      name: name, kind: .unary,
      body: .inline { bytes, arena, context, streamID, output in
        let answer = try handler(unsafe I(decoding: bytes, arena: arena), context)
        return output.writeResponse(streamID: streamID, answer, arena: arena)
      })
  }

  package static func unary<I: WireMessage, O: WireMessage>(
    _ name: String, _ handler: @escaping @Sendable (I, CallContext) async throws -> O
  ) -> Self {
    unsafe Self(
      name: name, kind: .unary,
      body: .unary { bytes, arena in
        let request = try unsafe I(decoding: bytes, arena: arena)
        return { context in try await handler(request, context) }
      })
  }

  /// For hot calls: `prepare` reads the request in place, on the event loop with the loop's arena; both are
  /// only valid during the call. What it returns is the rest of the work.
  package static func prepared<O: WireMessage>(
    _ name: String,
    _ prepare:
      @escaping @Sendable (UnsafeRawBufferPointer, Arena) throws ->
      @Sendable (CallContext) async throws -> O
  ) -> Self {
    unsafe Self(
      name: name, kind: .unary,
      body: .unary { bytes, arena in
        let rest = try unsafe prepare(bytes, arena)
        return { context in try await rest(context) }
      })
  }

  package static func serverStreaming<I: WireMessage, O: WireMessage>(
    _ name: String, _ handler: @escaping @Sendable (I, CallContext, ResponseStream<O>) async throws -> Void
  ) -> Self {
    unsafe Self(
      name: name, kind: .serverStreaming,
      body: .serverStreaming { bytes, arena in
        let request = try unsafe I(decoding: bytes, arena: arena)
        return { context, call in try await handler(request, context, ResponseStream(call: call)) }
      })
  }

  package static func clientStreaming<I: WireMessage, O: WireMessage>(
    _ name: String, _ handler: @escaping @Sendable (RequestStream<I>, CallContext) async throws -> O
  ) -> Self {
    Self(
      name: name, kind: .clientStreaming,
      body: .clientStreaming { requests, context in try await handler(RequestStream(queue: requests), context)
      })
  }

  package static func bidirectional<I: WireMessage, O: WireMessage>(
    _ name: String,
    _ handler: @escaping @Sendable (RequestStream<I>, CallContext, ResponseStream<O>) async throws -> Void
  ) -> Self {
    Self(
      name: name, kind: .bidirectional,
      body: .bidirectional { requests, context, call in
        try await handler(RequestStream(queue: requests), context, ResponseStream(call: call))
      })
  }
}
