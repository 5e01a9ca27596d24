import LociProto
import NIOCore

/// One call that outlives the frame that began it.
package final class ServerCall: @unchecked Sendable {
  // The `let`s are Sendable, `connection` excepted, which like the `var`s is touched on its event loop only.
  let streamID: UInt32
  let binding: MethodBinding
  let deadline: NIODeadline?
  let startedAt: NIODeadline
  let cancellation = CancellationFlag()
  /// For calls that stream requests.
  let requests: InboundQueue?
  /// For calls that stream responses.
  let gate: SendGate?
  private let connection: ServerConnection

  var task: Task<Void, Never>?
  var isAnswered = false
  /// Of the request, until the handler returns.
  var heldBytes = 0
  var isQueueFull = false

  init(
    streamID: UInt32, binding: MethodBinding, connection: ServerConnection, startedAt: NIODeadline,
    deadline: NIODeadline?, requests: InboundQueue?, gate: SendGate?
  ) {
    self.streamID = streamID
    self.binding = binding
    self.connection = connection
    self.startedAt = startedAt
    self.deadline = deadline
    self.requests = requests
    self.gate = gate
  }

  /// Tells the handler, by every way it may be listening, that its answer is no longer wanted.
  func cancel(_ reason: CancellationFlag.Reason) {
    cancellation.cancel(reason)
    requests?.finish(reason.status, keepsMessages: false)
    gate?.close(reason.status)
    task?.cancel()
  }

  /// Sends one message of a response stream; see `ResponseStream.send`.
  func send(_ message: some WireMessage) async throws(RPCStatus) {
    guard let gate else { throw RPCStatus(code: .internalError, message: "not a response stream") }
    while true {
      try await gate.waitUntilOpen()
      switch await write(message) {
      case .written(let yields):
        // A fast reader must not let one handler keep the event loop.
        if yields { await Task.yield() }
        return
      case .notWritable: continue
      case .failed(let status): throw status
      }
    }
  }

  private func write(_ message: some WireMessage) async -> Written {
    if connection.eventLoop.inEventLoop { return connection.writeMessage(message, of: self) }
    return await withTaskExecutorPreference(connection.loop.executor) {
      connection.writeMessage(message, of: self)
    }
  }
}
