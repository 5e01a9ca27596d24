import LociProto
import NIOCore
import Synchronization

extension ServerConnection {
  /// Acts on every whole frame in hand, until there is a reason to pause.
  func processFrames() {
    while pauses.isEmpty, !isClosing {
      let event: FrameDecoder.Event?
      do throws(FrameDecoder.Failure) {
        event = try decoder.next()
      } catch {
        return closeNow(.notThisProtocol)
      }
      switch event {
      case nil: return
      case .frame(let header, let payload):
        timers.frameEnded()
        act(on: machine.receive(header), header, payload)
      case .oversized(let header):
        act(on: machine.receive(header, isOversized: true), header, ByteBuffer())
      }
      if output.readableBytes > Self.flushBytes { flush() }
    }
  }

  func act(
    on action: ConnectionStateMachine<ServerCall>.OnFrame, _ header: FrameHeader, _ payload: ByteBuffer
  ) {
    switch action {
    case .open: open(header, payload)
    case .deliver(let call, let endsRequests): deliver(payload, to: call, endsRequests: endsRequests)
    case .endRequests(let call): call.requests?.finish()
    case .fail(let call, let status):
      if status.code != .cancelled { core.counters.reject(.protocolViolation) }
      answer(call, status, cancelling: status.code == .cancelled ? .caller : .refused)
    case .refuse(let refusal):
      core.counters.reject(refusal.reason)
      writeStatus(header.streamID, refusal.status)
    case .ignore: break
    case .close(let refusal):
      core.counters.reject(refusal.reason)
      writeStatus(header.streamID, refusal.status)
      closeAfterWrites()
    }
  }

  private func deliver(_ payload: ByteBuffer, to call: ServerCall, endsRequests: Bool) {
    guard let requests = call.requests else { return }
    if requests.push(payload), !call.isQueueFull {
      call.isQueueFull = true
      fullQueues += 1
      setPause(.fullQueue, true)
    }
    if endsRequests { requests.finish() }
  }

  /// The call's queue has room again, or is of no more interest.
  func queueDrained(_ call: ServerCall) {
    guard call.isQueueFull else { return }
    call.isQueueFull = false
    fullQueues -= 1
    setPause(.fullQueue, fullQueues > 0)
  }

  // MARK: Requests

  private func open(_ header: FrameHeader, _ payload: ByteBuffer) {
    unsafe payload.withUnsafeReadableBytes { bytes in
      do throws(RPCStatus) {
        let request = try unsafe RequestView(bytes)
        guard let binding = try find(request, header) else { return }
        try start(binding, request, header)
      } catch {
        act(on: machine.refuse(header, error, .malformed, isStrike: true), header, ByteBuffer())
      }
    }
  }

  private func find(_ request: RequestView, _ header: FrameHeader) throws(RPCStatus) -> MethodBinding? {
    switch unsafe core.table.lookup(service: request.service, method: request.method) {
    case .method(let binding): return binding
    case .unknownService: try unsafe refuseUnknown("service", request.service, header)
    case .unknownMethod: try unsafe refuseUnknown("method", request.method, header)
    }
    return nil
  }

  private func refuseUnknown(
    _ what: String, _ name: UnsafeRawBufferPointer, _ header: FrameHeader
  ) throws(RPCStatus) {
    guard let text = unsafe name.text else { throw .invalid("the \(what) name is not UTF-8") }
    let status = RPCStatus(code: .unimplemented, message: "\(what) \(text.prefix(128))")
    act(on: machine.refuse(header, status, .unknownMethod), header, ByteBuffer())
  }

  private func start(
    _ binding: MethodBinding, _ request: RequestView, _ header: FrameHeader
  ) throws(RPCStatus) {
    let startedAt = timers.lastReceived
    let deadline = self.deadline(for: binding, request.timeoutNanoseconds, from: startedAt)
    // Over before it could begin. Asked only of calls that name a time.
    let isOver = request.timeoutNanoseconds > 0 && deadline.map { $0 <= .now() } ?? false
    if request.timeoutNanoseconds < 0 || isOver {
      core.counters.reject(.expired)
      binding.statistics.record(.deadlineExceeded, nanoseconds: 0)
      return act(on: machine.refuse(header, .deadlineExceeded, .expired), header, ByteBuffer())
    }
    let metadata = try request.metadata()
    if case .inline(let handler) = binding.body {
      return unsafe runInline(handler, binding, request, header, metadata, deadline)
    }
    if let refusal = overload {
      return act(on: machine.refuse(header, refusal.status, refusal.reason), header, ByteBuffer())
    }
    let call = ServerCall(
      streamID: header.streamID, binding: binding, connection: self, startedAt: startedAt, deadline: deadline,
      requests: binding.kind.streamsRequests ? makeQueue(header.streamID) : nil,
      gate: binding.kind.streamsResponses ? SendGate(isOpen: context?.channel.isWritable ?? false) : nil)
    switch machine.admit(header, kind: binding.kind, call: call) {
    case .refuse(let action): act(on: action, header, ByteBuffer())
    case .run(let requestsEnded):
      core.counters.runningHandlers.wrappingAdd(1, ordering: .relaxed)
      hold(unsafe request.payload.count, for: call)
      if let deadline { timers.callStarted(deadline: deadline) }
      let context = CallContext(
        binding: binding, connection: identity, cancellation: call.cancellation, metadata: metadata,
        deadlineOnLoop: deadline)
      unsafe run(call, context, request.payload, requestsEnded: requestsEnded)
    }
  }

  /// Why no more work may start on this server now.
  private var overload: ConnectionStateMachine<ServerCall>.Refusal? {
    if core.counters.runningHandlers.load(ordering: .relaxed) >= core.configuration.callsMax {
      return .init(
        status: RPCStatus(
          code: .resourceExhausted, message: "the server runs \(core.configuration.callsMax) calls"),
        reason: .serverCalls)
    }
    guard core.budget.isExhausted else { return nil }
    return .init(
      status: RPCStatus(code: .resourceExhausted, message: "requests hold \(core.budget.bytesMax) bytes"),
      reason: .memory)
  }

  private func deadline(
    for binding: MethodBinding, _ timeoutNanoseconds: Int64, from start: NIODeadline
  ) -> NIODeadline? {
    let configuration = core.configuration
    let asked: Duration? = timeoutNanoseconds == 0 ? nil : .nanoseconds(timeoutNanoseconds)
    // A subscription lives as long as its caller wants.
    let (timeout, longest) =
      binding.kind == .unary
      ? (asked ?? configuration.timeoutDefault, configuration.timeoutMax) : (asked, .seconds(365 * 86400))
    return timeout.map { start + TimeAmount(min($0, longest)) }
  }

  private func makeQueue(_ streamID: UInt32) -> InboundQueue {
    InboundQueue(limits: core.configuration.streamQueue, budget: core.budget) { [weak self] in
      self?.eventLoop.execute { [weak self] in
        if let call = self?.machine.call(streamID) { self?.queueDrained(call) }
      }
    }
  }
}
