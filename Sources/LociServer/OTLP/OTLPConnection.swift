import LociCore
import LociWire
import NIOCore
import NIOHTTP1
import NIOHTTPCompression

/// What all connections of exporters hold together.
final class OTLPLoad: Sendable {
  /// Bytes of requests under way.
  private static let bytesMax = 64 << 20
  private static let connectionsMax = 256

  let budget = MemoryBudget(bytesMax: OTLPLoad.bytesMax)
  private let counts = Locked((connections: 0, answers: 0))

  /// Requests that are being answered.
  var answers: Int { counts.withLock { $0.answers } }

  /// - Returns: whether there was room for another connection.
  func connect() -> Bool {
    counts.withLock { counts in
      guard counts.connections < Self.connectionsMax else { return false }
      counts.connections += 1
      return true
    }
  }

  func disconnect() { counts.withLock { $0.connections -= 1 } }
  func beginAnswer() { counts.withLock { $0.answers += 1 } }
  func endAnswer() { counts.withLock { $0.answers -= 1 } }
}

/// One connection of an exporter: a request after the other, each gathered within bounds, then answered.
final class OTLPConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum State {
    case idle
    case receiving
    case answering
    /// The rest of a request is passed over, and the connection closed after it.
    case refused
  }

  /// After a refusal in the middle of a request: for the exporter to read the answer.
  private static let linger = TimeAmount.seconds(2)

  private let receiver: OTLPReceiver
  private let load: OTLPLoad
  private var state = State.idle
  private var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/")
  private var body = ByteBuffer()

  init(_ receiver: OTLPReceiver, _ load: OTLPLoad) {
    self.receiver = receiver
    self.load = load
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch (Self.unwrapInboundIn(data), state) {
    case (.head(let next), .idle):
      if let refusal = OTLPReceiver.refusal(next) { return refuse(refusal, context) }
      head = next
      state = .receiving
    case (.body(var part), .receiving):
      guard body.readableBytes + part.readableBytes <= OTLPReceiver.bodyBytesMax else {
        return refuse(.tooLarge, context)
      }
      load.budget.charge(part.readableBytes)
      body.writeBuffer(&part)
      if load.budget.isExhausted { refuse(.noMemory, context) }
    case (.end, .receiving):
      state = .answering
      answer(context)
    default: break
    }
  }

  private func letGo() {
    load.budget.release(body.readableBytes)
    body = ByteBuffer()
  }

  private func answer(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    load.beginAnswer()
    context.eventLoop.makeFutureWithTask { [receiver, headers = head.headers, body] in
      await receiver.answer(headers, Array(body.readableBytesView))
    }.whenSuccess { answer in
      let (handler, context) = bound.value
      handler.load.endAnswer()
      handler.letGo()
      handler.state = .idle
      handler.send(answer, keepAlive: handler.head.isKeepAlive, context)
    }
  }

  private func send(_ answer: OTLPReceiver.Answer, keepAlive: Bool, _ context: ChannelHandlerContext) {
    var headers = HTTPHeaders(answer.headers)
    headers.add(name: "content-type", value: OTLPReceiver.contentType)
    headers.add(name: "content-length", value: "\(answer.body.count)")
    if !keepAlive { headers.add(name: "connection", value: "close") }
    context.write(
      Self.wrapOutboundOut(
        .head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))), promise: nil)
    context.write(
      Self.wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: answer.body)))),
      promise: nil)
    let sent = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: sent)
    guard !keepAlive else { return }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    // Closed at once, what the exporter still sends would make its system throw the answer away.
    sent.futureResult.whenComplete { _ in
      bound.value.close(mode: .output, promise: nil)
      bound.eventLoop.scheduleTask(in: Self.linger) { bound.value.close(promise: nil) }
    }
  }

  private func refuse(_ answer: OTLPReceiver.Answer, _ context: ChannelHandlerContext) {
    letGo()
    state = .refused
    send(answer, keepAlive: false, context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Its answer is on the way, and the connection closes after it.
    if case .refused = state { return }
    switch error {
    case is HTTPParserError: break  // answered by the HTTP pipeline
    case NIOHTTPDecompression.DecompressionError.limit: refuse(.tooLarge, context)
    case is NIOHTTPDecompression.DecompressionError, is NIOHTTPDecompression.ExtraDecompressionError:
      refuse(.malformed, context)
    default: context.close(promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // Nothing came for a while: one that waits for its answer is not idle.
    if event is IdleStateHandler.IdleStateEvent {
      if case .answering = state { return }
      return context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    letGo()
    context.fireChannelInactive()
  }
}
