import LociProto
import NIOCore
import Synchronization

extension ServerConnection {
  typealias InlineHandler =
    @Sendable (
      UnsafeRawBufferPointer, Arena, CallContext, UInt32, inout OutputBatch
    ) throws -> OutputBatch.Excess?

  /// Runs a handler that answers before this returns.
  func runInline(
    _ handler: InlineHandler, _ binding: MethodBinding, _ request: RequestView, _ header: FrameHeader,
    _ metadata: Metadata, _ deadline: NIODeadline?
  ) {
    if case .refuse(let action) = machine.admit(header, kind: .unary, call: nil) {
      return act(on: action, header, ByteBuffer())
    }
    let context = CallContext(
      binding: binding, connection: identity, cancellation: nil, metadata: metadata, deadlineOnLoop: deadline)
    let started = timers.lastReceived
    var code = RPCStatus.Code.ok
    do {
      let excess = try unsafe handler(request.payload, loop.arena, context, header.streamID, &output)
      if let excess {
        code = .resourceExhausted
        core.counters.reject(.oversizedAnswer)
        output.writeStatus(streamID: header.streamID, .answerTooLarge(bytes: excess.bytes))
      }
    } catch {
      code = refuse(header, error)
    }
    binding.statistics.record(code, nanoseconds: (eventLoop.now - started).nanoseconds)
  }

  /// Starts the task of a call that was admitted.
  func run(
    _ call: ServerCall, _ context: CallContext, _ payload: UnsafeRawBufferPointer, requestsEnded: Bool
  ) {
    do {
      switch call.binding.body {
      case .inline: handlerReturned(call)
      case .unary(let prepare):
        let rest = try unsafe prepare(payload, loop.arena)
        spawn(call) { try await rest(context) }
      case .serverStreaming(let prepare):
        let rest = try unsafe prepare(payload, loop.arena)
        spawn(call) {
          try await rest(context, call)
          return nil
        }
      case .clientStreaming(let handler):
        guard let requests = call.requests else { return }
        unsafe feed(requests, first: payload, isEnd: requestsEnded)
        spawn(call) { try await handler(requests, context) }
      case .bidirectional(let handler):
        guard let requests = call.requests else { return }
        unsafe feed(requests, first: payload, isEnd: requestsEnded)
        spawn(call) {
          try await handler(requests, context, call)
          return nil
        }
      }
    } catch {
      // The request did not decode.
      handlerReturned(call)
      machine.end(call.streamID)
      call.isAnswered = true
      let code = refuse(FrameHeader(length: 0, streamID: call.streamID, kind: .request), error)
      record(call, code)
    }
  }

  /// A request that opens a stream may carry the first message.
  private func feed(_ requests: InboundQueue, first: UnsafeRawBufferPointer, isEnd: Bool) {
    if first.count > 0 { _ = unsafe requests.push(ByteBuffer(bytes: first)) }
    if isEnd { requests.finish() }
  }

  private func spawn(
    _ call: ServerCall, _ body: @escaping @Sendable () async throws -> (any WireMessage)?
  ) {
    call.task = Task(executorPreference: loop.executor) {
      let outcome: Result<(any WireMessage)?, any Error>
      do {
        // A call whose deadline passed while it waited for its turn never runs.
        if let reason = call.cancellation.reason { throw reason.status }
        outcome = .success(try await body())
      } catch {
        outcome = .failure(error)
      }
      if self.eventLoop.inEventLoop {
        self.finish(call, outcome)
      } else {
        self.eventLoop.execute { self.finish(call, outcome) }
      }
    }
  }

  private func finish(_ call: ServerCall, _ outcome: Result<(any WireMessage)?, any Error>) {
    handlerReturned(call)
    guard !call.isAnswered else { return }
    switch outcome {
    case .failure(let error):
      answer(call, core.status(for: error, cancellation: call.cancellation), cancelling: .refused)
    case .success(nil):
      output.writeClosing(streamID: call.streamID)
      ended(call, .ok)
    case .success(let message?):
      if let excess = output.writeResponse(streamID: call.streamID, message, arena: loop.arena) {
        core.counters.reject(.oversizedAnswer)
        answer(call, .answerTooLarge(bytes: excess.bytes), cancelling: .refused)
      } else {
        ended(call, .ok)
      }
    }
  }

  /// Answers with a status, whether or not the handler still runs.
  func answer(_ call: ServerCall, _ status: RPCStatus, cancelling reason: CancellationFlag.Reason) {
    guard !call.isAnswered else { return }
    output.writeStatus(streamID: call.streamID, status)
    call.cancel(reason)
    ended(call, status.code)
  }

  /// The call was answered.
  private func ended(_ call: ServerCall, _ code: RPCStatus.Code) {
    machine.end(call.streamID)
    call.isAnswered = true
    record(call, code)
    call.gate?.close(.cancelled)
    call.requests?.finish(.cancelled, keepsMessages: false)
    queueDrained(call)
    scheduleFlush()
  }

  func record(_ call: ServerCall, _ code: RPCStatus.Code) {
    call.binding.statistics.record(code, nanoseconds: (eventLoop.now - call.startedAt).nanoseconds)
  }

  private func handlerReturned(_ call: ServerCall) {
    machine.handlerReturned()
    core.counters.runningHandlers.wrappingSubtract(1, ordering: .relaxed)
    hold(-call.heldBytes, for: call)
    call.task = nil
  }

  /// Answers a request whose handler or decoding threw before it could be registered as running.
  private func refuse(_ header: FrameHeader, _ error: any Error) -> RPCStatus.Code {
    let status = core.status(for: error, cancellation: nil)
    if error is WireDecodingError {
      act(on: machine.refuse(header, status, .malformed, isStrike: true), header, ByteBuffer())
    } else {
      writeStatus(header.streamID, status)
    }
    return status.code
  }

  func writeStatus(_ streamID: UInt32, _ status: RPCStatus) {
    output.writeStatus(streamID: streamID, status)
    scheduleFlush()
  }

  /// One message of a response stream.
  func writeMessage(_ message: some WireMessage, of call: ServerCall) -> Written {
    eventLoop.assertInEventLoop()
    guard !call.isAnswered, let context else {
      return .failed(call.cancellation.reason?.status ?? .cancelled)
    }
    guard context.channel.isWritable else { return .notWritable }
    if let excess = output.writeData(streamID: call.streamID, message, arena: loop.arena) {
      return .failed(.messageTooLarge(bytes: excess.bytes))
    }
    guard output.readableBytes > Self.streamFlushBytes else {
      scheduleFlush()
      return .written(yields: false)
    }
    flush()
    return .written(yields: true)
  }

  private static var streamFlushBytes: Int { 64 << 10 }
}
