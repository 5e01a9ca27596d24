import LociProto
import NIOCore

/// One call of a client, from its submission to its end. Made anywhere, then touched on the client's event loop
/// only.
class ClientCall: @unchecked Sendable {
  // See above; subclasses say what else they share.
  let head: RequestHead
  let request: any WireMessage
  let deadline: NIODeadline?
  let waitsForServer: Bool
  /// 0 until the request is written.
  var streamID: UInt32 = 0
  /// Ended, or cancelled before it was started.
  var isDone = false

  init(head: RequestHead, request: any WireMessage, deadline: NIODeadline?, waitsForServer: Bool) {
    self.head = head
    self.request = request
    self.deadline = deadline
    self.waitsForServer = waitsForServer
  }

  /// The request was written.
  func opened(on connection: ClientConnection) {}

  /// Whether the connection takes more now.
  func writabilityChanged(_ isWritable: Bool) {}

  /// The payload of the Response that ends the call.
  func receive(response: UnsafeRawBufferPointer, arena: Arena) {}

  /// One message of a response stream; whether the stream's queue is full now.
  func receive(data: ByteBuffer) -> Bool { false }

  /// The server ended its stream.
  func receiveEnd() {}

  func fail(_ status: RPCStatus) {}
}

/// A call with one answer.
final class UnaryClientCall<Answer: WireMessage>: ClientCall, @unchecked Sendable {
  // As its superclass.
  var waiter: Waiter<Answer>?

  override func receive(response: UnsafeRawBufferPointer, arena: Arena) {
    do throws(WireDecodingError) {
      resume(.success(try unsafe Answer(decoding: response, arena: arena)))
    } catch {
      resume(.failure(RPCStatus(code: .internalError, message: "the answer is not a \(Answer.protoName)")))
    }
  }

  override func receiveEnd() {
    resume(
      .failure(RPCStatus(code: .internalError, message: "the server ended a unary call without an answer")))
  }

  override func receive(data: ByteBuffer) -> Bool {
    resume(
      .failure(RPCStatus(code: .internalError, message: "the server streams the answer of a unary call")))
    return false
  }

  override func fail(_ status: RPCStatus) { resume(.failure(status)) }

  private func resume(_ result: Result<Answer, RPCStatus>) {
    waiter?.resume(with: result)
    waiter = nil
  }
}
