import LociProto
import Logging
import NIOCore
import Synchronization

/// The server's side of one connection: reads frames, runs handlers, writes answers. The answers of one read
/// leave in one write; so do those of the handlers that end in one turn of the loop.
final class ServerConnection: ChannelDuplexHandler, @unchecked Sendable {
  // Everything but the `let`s of Sendable type is touched on `eventLoop` only.
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Output collected in one turn before it is handed to the socket.
  static let flushBytes = 256 << 10

  let core: ServerCore
  let loop: LoopResources
  let identity: ConnectionIdentity
  var eventLoop: any EventLoop { loop.eventLoop }

  var context: ChannelHandlerContext?
  var machine: ConnectionStateMachine<ServerCall>
  var decoder = FrameDecoder()
  var output = OutputBatch()
  var timers: ConnectionTimers
  var pauses: Pauses = []
  /// Queues that are full; while there are any, nothing is read.
  var fullQueues = 0
  /// Of requests whose handlers run, and of the partial frame.
  var heldBytes = 0
  var partialFrameBytes = 0
  private var isReadWanted = false
  private var isReading = false
  private var isFlushScheduled = false
  private(set) var isClosing = false
  private var closesWhenIdle = false

  /// Why nothing is read or processed now.
  struct Pauses: OptionSet {
    let rawValue: UInt8
    static let notWritable = Pauses(rawValue: 1)
    static let fullQueue = Pauses(rawValue: 2)
    static let heldBytes = Pauses(rawValue: 4)
  }

  init(core: ServerCore, loop: LoopResources, identity: ConnectionIdentity) {
    self.core = core
    self.loop = loop
    self.identity = identity
    let configuration = core.configuration
    machine = ConnectionStateMachine(
      limits: .init(callsMax: configuration.callsPerConnectionMax, strikesMax: configuration.strikesMax))
    timers = ConnectionTimers(configuration: configuration)
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { timers.connected(now: eventLoop.now) }
    armTimer()
  }

  func channelActive(context: ChannelHandlerContext) {
    timers.connected(now: eventLoop.now)
    armTimer()
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    let bytes = unwrapInboundIn(data)
    core.counters.receivedBytes.wrappingAdd(bytes.readableBytes, ordering: .relaxed)
    if !isReading {
      isReading = true
      loop.executor.expectRun()
    }
    timers.received(bytes: bytes.readableBytes, now: eventLoop.now)
    decoder.append(bytes)
    processFrames()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    loop.executor.runPending()
    chargePartialFrame()
    flush()
    armTimer()
    context.fireChannelReadComplete()
  }

  func read(context: ChannelHandlerContext) {
    if pauses.isEmpty { context.read() } else { isReadWanted = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let isWritable = context.channel.isWritable
    for call in machine.calls { call.gate?.set(isOpen: isWritable) }
    setPause(.notWritable, !isWritable)
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosing = true
    timers.cancel()
    for call in Array(machine.calls) {
      machine.end(call.streamID)
      call.isAnswered = true
      record(call, .cancelled)
      call.cancel(.connection)
    }
    decoder = FrameDecoder()
    chargePartialFrame()
    output.removeAll()
    self.context = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    core.logger.debug(
      "connection failed", metadata: ["connection": "\(identity.id)", "error": "\(error)"])
    context.close(promise: nil)
  }

  // MARK: Reading and writing

  /// Stops or resumes reading. Resuming first processes what was read before.
  func setPause(_ pause: Pauses, _ isOn: Bool) {
    guard pauses.contains(pause) != isOn else { return }
    if isOn {
      pauses.insert(pause)
      return
    }
    pauses.remove(pause)
    // Not from inside `processFrames`, which may be what calls this.
    if pauses.isEmpty { eventLoop.execute { self.resume() } }
  }

  private func resume() {
    guard pauses.isEmpty, !isClosing, let context else { return }
    processFrames()
    chargePartialFrame()
    flush()
    armTimer()
    guard pauses.isEmpty, isReadWanted else { return }
    isReadWanted = false
    context.read()
  }

  /// Flushes at the end of this turn of the loop, or of the read that is going on.
  func scheduleFlush() {
    guard !isReading, !isFlushScheduled else { return }
    isFlushScheduled = true
    eventLoop.execute {
      self.isFlushScheduled = false
      self.flush()
    }
  }

  func flush() {
    guard let context, !output.isEmpty else { return closeIfDone() }
    core.counters.sentBytes.wrappingAdd(output.readableBytes, ordering: .relaxed)
    output.drain { context.write(wrapOutboundOut($0), promise: nil) }
    context.flush()
    if !context.channel.isWritable { refuseSlowReader(context) }
    closeIfDone()
  }

  private func refuseSlowReader(_ context: ChannelHandlerContext) {
    let unsent = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    guard unsent > core.configuration.answerBytesPerConnectionMax else { return }
    closeNow(.slowReader)
  }

  // MARK: Closing

  /// No new calls; closes when those that run are answered.
  func beginDrain() {
    machine.beginDrain()
    closesWhenIdle = true
    flush()
  }

  private func closeIfDone() {
    guard closesWhenIdle, machine.isIdle, !isClosing else { return }
    closeAfterWrites()
  }

  /// Closes when the socket took what is written, or after a second.
  func closeAfterWrites() {
    guard !isClosing, let context else { return }
    isClosing = true
    if !output.isEmpty {
      core.counters.sentBytes.wrappingAdd(output.readableBytes, ordering: .relaxed)
      output.drain { context.write(wrapOutboundOut($0), promise: nil) }
    }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in channel.close(promise: nil) }
    eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
  }

  func closeNow(_ reason: ServerStatistics.Rejection) {
    guard let context else { return }
    core.counters.reject(reason)
    core.logger.debug(
      "connection closed", metadata: ["connection": "\(identity.id)", "reason": "\(reason)"])
    isClosing = true
    context.close(promise: nil)
  }

  /// Ends every call with `status`, then closes.
  func abort(_ status: RPCStatus) {
    for call in Array(machine.calls) { answer(call, status, cancelling: .connection) }
    closeAfterWrites()
  }
}
