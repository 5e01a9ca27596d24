package import LociProto
import NIOCore

/// The messages a caller streams to a handler, in order; ends when the caller says so. Iterating it slowly slows
/// the caller down. For one consumer.
package struct RequestStream<Message: WireMessage>: AsyncSequence, Sendable {
  package typealias Element = Message
  package typealias Failure = any Error

  let queue: InboundQueue
  private var check: (@Sendable (Message) async throws -> Void)?

  init(queue: InboundQueue) { self.queue = queue }

  /// The same stream, which ends with what `check` throws for one of its messages.
  package func checking(_ check: @escaping @Sendable (Message) async throws -> Void) -> Self {
    var checked = self
    checked.check = check
    return checked
  }

  package func makeAsyncIterator() -> Iterator { Iterator(queue: queue, check: check) }

  package struct Iterator: AsyncIteratorProtocol {
    private let queue: InboundQueue
    private let check: (@Sendable (Message) async throws -> Void)?
    private let arena = Arena()

    init(queue: InboundQueue, check: (@Sendable (Message) async throws -> Void)?) {
      self.queue = queue
      self.check = check
    }

    /// - Throws: `RPCStatus`: `invalidArgument` for a message that does not decode, or why the stream broke.
    package mutating func next() async throws -> Message? {
      guard let bytes = try await queue.next() else { return nil }
      let message = try bytes.decode(Message.self, arena: arena)
      try await check?(message)
      return message
    }
  }
}

extension ByteBuffer {
  func decode<Message: WireMessage>(_: Message.Type, arena: Arena) throws(RPCStatus) -> Message {
    do throws(WireDecodingError) {
      return try decoding(Message.self, arena)
    } catch {
      throw RPCStatus(error)
    }
  }

  private func decoding<Message: WireMessage>(
    _: Message.Type, _ arena: Arena
  ) throws(WireDecodingError) -> Message {
    let result: Result<Message, WireDecodingError> = unsafe withUnsafeReadableBytes { bytes in
      Result { () throws(WireDecodingError) in unsafe try Message(decoding: bytes, arena: arena) }
    }
    return try result.get()
  }
}
