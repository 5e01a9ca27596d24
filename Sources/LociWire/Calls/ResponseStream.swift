package import LociProto

/// The messages a handler streams to its caller. The stream ends when the handler returns, or with the status
/// it throws.
package struct ResponseStream<Message: WireMessage>: Sendable {
  let call: ServerCall

  /// Sends one message, at most 4 MiB encoded. Suspends while the caller does not read what was sent before,
  /// so that at most one message per sender waits beyond the socket's own buffer.
  /// - Throws: `RPCStatus`: `resourceExhausted` for a message that is too large, or why nobody listens.
  package func send(_ message: Message) async throws {
    try await call.send(message)
  }
}
