import LociProto
import NIOCore

/// A call with a stream of requests, of responses, or both.
final class StreamingClientCall: ClientCall, @unchecked Sendable {
  // `responses` and `gate` are Sendable; the rest as in its superclass.
  let responses: InboundQueue
  let gate = SendGate(isOpen: false)
  private let core: ClientCore
  private var connection: ClientConnection?
  private var isSendClosed = false

  init(
    core: ClientCore, head: RequestHead, request: any WireMessage, deadline: NIODeadline?,
    waitsForServer: Bool
  ) {
    self.core = core
    let relay = DrainRelay(eventLoop: core.eventLoop)
    responses = InboundQueue(limits: core.streamQueue, budget: core.budget) { relay.drained() }
    super.init(head: head, request: request, deadline: deadline, waitsForServer: waitsForServer)
    relay.call = self
  }

  override func opened(on connection: ClientConnection) {
    self.connection = connection
    if !isSendClosed { gate.set(isOpen: connection.isWritable) }
  }

  override func writabilityChanged(_ isWritable: Bool) { gate.set(isOpen: isWritable) }

  override func receive(response: UnsafeRawBufferPointer, arena: Arena) {
    _ = unsafe responses.push(ByteBuffer(bytes: response))
    receiveEnd()
  }

  override func receive(data: ByteBuffer) -> Bool { responses.push(data) }

  override func receiveEnd() {
    responses.finish()
    end(RPCStatus(code: .cancelled, message: "the server ended the stream"))
  }

  override func fail(_ status: RPCStatus) {
    responses.finish(status, keepsMessages: status.code != .cancelled)
    end(status)
  }

  private func end(_ status: RPCStatus) {
    gate.close(status)
    connection?.queueDrained(streamID)
    connection = nil
  }

  fileprivate func queueDrained() { connection?.queueDrained(streamID) }

  // MARK: From any thread

  /// Sends one message; suspends while the connection does not take more.
  /// - Throws: why the stream is over, or `resourceExhausted` for a message that is too large.
  func send(_ message: some WireMessage) async throws(RPCStatus) {
    while true {
      try await gate.waitUntilOpen()
      switch await onLoop({ self.write(message) }) {
      case .written(let yields):
        if yields { await Task.yield() }
        return
      case .notWritable: continue
      case .failed(let status): throw status
      }
    }
  }

  /// Ends the stream of requests. Harmless after the end of the call.
  func closeSend() async {
    guard (try? await gate.waitUntilOpen()) != nil else { return }
    await onLoop { self.writeClosing() }
  }

  func cancel() { core.cancel(self) }

  private func write(_ message: some WireMessage) -> Written {
    guard let connection, !isSendClosed else {
      return .failed(RPCStatus(code: .failedPrecondition, message: "the stream of requests was closed"))
    }
    return connection.write(message, streamID: streamID)
  }

  private func writeClosing() {
    guard let connection, !isSendClosed else { return }
    isSendClosed = true
    connection.writeClosing(streamID: streamID)
  }

  private func onLoop<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    if core.eventLoop.inEventLoop { return body() }
    return await withTaskExecutorPreference(core.executor) { body() }
  }
}

/// Lets a call's queue, which is made first, reach the call.
private final class DrainRelay: @unchecked Sendable {
  // `call` is set before the queue is used, then touched on the event loop only.
  private let eventLoop: any EventLoop
  weak var call: StreamingClientCall?

  init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func drained() { eventLoop.execute { self.call?.queueDrained() } }
}

/// What became of a message that was to be sent.
enum Written: Sendable {
  /// `yields`: much was written at once; others should have a turn.
  case written(yields: Bool)
  case notWritable
  case failed(RPCStatus)
}
