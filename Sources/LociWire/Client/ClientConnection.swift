import LociProto
import NIOCore

/// The client's side of one connection: numbers calls, writes requests, hands answers to their calls.
final class ClientConnection: ChannelDuplexHandler, @unchecked Sendable {
  // Touched on `core.eventLoop` only.
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let flushBytes = 64 << 10

  private let core: ClientCore
  private var context: ChannelHandlerContext?
  private var decoder = FrameDecoder()
  private var output = OutputBatch()
  private(set) var calls: [UInt32: ClientCall] = [:]
  private var nextStreamID: UInt32 = 1
  private var fullQueues: Set<UInt32> = []
  private var isReadWanted = false
  private var isReading = false
  private var isFlushScheduled = false
  private(set) var isClosed = false
  /// Why the connection broke, when it was not the other side that closed it.
  private var failure: (any Error)?

  init(core: ClientCore) { self.core = core }

  var isWritable: Bool { context?.channel.isWritable ?? false }

  // MARK: Calls

  /// Writes the call's request.
  func start(_ call: ClientCall) {
    var head = call.head
    if let deadline = call.deadline {
      head.timeoutNanoseconds = (deadline - core.eventLoop.now).nanoseconds
      guard head.timeoutNanoseconds > 0 else { return core.end(call, .deadlineExceeded) }
    }
    while calls[nextStreamID] != nil { nextStreamID &+= 2 }
    call.streamID = nextStreamID
    nextStreamID &+= 2
    if let excess = output.writeRequest(streamID: call.streamID, head, call.request, arena: core.arena) {
      return core.end(call, .messageTooLarge(bytes: excess.bytes))
    }
    calls[call.streamID] = call
    call.opened(on: self)
    scheduleFlush()
  }

  /// Forgets a call whose answer is no longer wanted.
  func abandon(_ call: ClientCall) {
    guard calls.removeValue(forKey: call.streamID) != nil else { return }
    queueDrained(call.streamID)
    guard core.configuration.sendsCancelFrames else { return }
    output.writeFrame(FrameHeader(length: 0, streamID: call.streamID, kind: .cancel))
    scheduleFlush()
  }

  func write(_ message: some WireMessage, streamID: UInt32) -> Written {
    core.eventLoop.assertInEventLoop()
    guard calls[streamID] != nil else { return .failed(.cancelled) }
    guard isWritable else { return .notWritable }
    if let excess = output.writeData(streamID: streamID, message, arena: core.arena) {
      return .failed(.messageTooLarge(bytes: excess.bytes))
    }
    guard output.readableBytes > Self.flushBytes else {
      scheduleFlush()
      return .written(yields: false)
    }
    flush()
    return .written(yields: true)
  }

  func writeClosing(streamID: UInt32) {
    guard calls[streamID] != nil else { return }
    output.writeClosing(streamID: streamID)
    scheduleFlush()
  }

  func queueDrained(_ streamID: UInt32) {
    guard fullQueues.remove(streamID) != nil, fullQueues.isEmpty else { return }
    // Not from inside `processFrames`, which may be what calls this.
    core.eventLoop.execute { self.resume() }
  }

  func close() { context?.close(promise: nil) }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  /// Also after an attempt to connect that failed, which is never inactive.
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if !isReading {
      isReading = true
      core.executor.expectRun()
    }
    decoder.append(unwrapInboundIn(data))
    processFrames()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    core.executor.runPending()
    flush()
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if fullQueues.isEmpty { context.read() } else { isReadWanted = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    for call in calls.values { call.writabilityChanged(context.channel.isWritable) }
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    self.context = nil
    output.removeAll()
    let lost = calls
    calls = [:]
    core.connectionClosed(self)
    let reason = failure.map { RPCStatus(code: .unavailable, message: "connection closed: \($0)") }
    for call in lost.values { core.end(call, reason ?? .connectionLost) }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failure = failure ?? error
    context.close(promise: nil)
  }

  // MARK: Frames

  private func resume() {
    guard fullQueues.isEmpty, !isClosed, let context else { return }
    processFrames()
    guard fullQueues.isEmpty, isReadWanted else { return }
    isReadWanted = false
    context.read()
  }

  private func processFrames() {
    while fullQueues.isEmpty, !isClosed {
      do throws(FrameDecoder.Failure) {
        switch try decoder.next() {
        case nil: return
        case .frame(let header, let payload): receive(header, payload)
        case .oversized(let header):
          guard let call = calls.removeValue(forKey: header.streamID) else { continue }
          core.end(call, .messageTooLarge(bytes: header.length))
        }
      } catch {
        context?.close(promise: nil)
        return
      }
    }
  }

  private func receive(_ header: FrameHeader, _ payload: ByteBuffer) {
    guard let call = calls[header.streamID] else { return }
    switch header.kind {
    case .response:
      calls[header.streamID] = nil
      receive(response: payload, call)
    case .data:
      if !header.flags.contains(.noData), call.receive(data: payload) { fullQueues.insert(header.streamID) }
      guard header.flags.contains(.remoteClosed) else { return }
      calls[header.streamID] = nil
      core.ended(call)
      call.receiveEnd()
    case .request, .cancel, .unknown: break
    }
  }

  private func receive(response: ByteBuffer, _ call: ClientCall) {
    unsafe response.withUnsafeReadableBytes { bytes in
      do throws(RPCStatus) {
        let view = try unsafe ResponseView(bytes)
        if let failure = view.failure { throw failure }
        core.ended(call)
        unsafe call.receive(response: view.payload, arena: core.arena)
      } catch {
        core.end(call, error)
      }
    }
  }

  // MARK: Writing

  private func scheduleFlush() {
    guard !isReading, !isFlushScheduled else { return }
    isFlushScheduled = true
    core.eventLoop.execute {
      self.isFlushScheduled = false
      self.flush()
    }
  }

  private func flush() {
    guard let context, !output.isEmpty else { return }
    output.drain { context.write(wrapOutboundOut($0), promise: nil) }
    context.flush()
  }
}
