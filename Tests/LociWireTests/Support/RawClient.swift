import LociCore
import LociWire
import NIOCore
import NIOPosix

/// Bytes to and from a server, with no idea of frames.
final class RawClient: Sendable {
  private let channel: any Channel
  private let received: Received

  static func connect(_ port: Int) async throws -> RawClient {
    let received = Received()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(CollectingHandler(received))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return RawClient(channel: channel, received: received)
  }

  private init(channel: any Channel, received: Received) {
    self.channel = channel
    self.received = received
  }

  func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

  func setReading(_ isOn: Bool) async throws { try await channel.setOption(.autoRead, value: isOn).get() }

  /// Takes the next `count` bytes; what there is after a minute or when the server closed.
  func receive(_ count: Int) async throws -> [UInt8] {
    for _ in 0..<12000 where received.count < count && !received.isClosed {
      try await Task.sleep(for: .milliseconds(5))
    }
    return received.take(count)
  }

  /// The next frame, or `nil` when the server closed.
  func receiveFrame() async throws -> (header: FrameHeader, payload: [UInt8])? {
    let bytes = try await receive(FrameLimits.headerBytes)
    guard bytes.count == FrameLimits.headerBytes else { return nil }
    let length = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
    let kind: FrameHeader.Kind = bytes[8] == 2 ? .response : bytes[8] == 3 ? .data : .unknown(bytes[8])
    let header = FrameHeader(
      length: length, streamID: bytes[4..<8].reduce(0) { $0 << 8 | UInt32($1) }, kind: kind,
      flags: .init(rawValue: bytes[9]))
    return (header, try await receive(length))
  }

  var isClosed: Bool { received.isClosed }
  var receivedBytes: Int { received.count }

  func close() async { try? await channel.close() }
}

private final class Received: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var isClosed = false
  }

  private let state = Locked(State())

  var count: Int { state.withLock { $0.bytes.count } }
  var isClosed: Bool { state.withLock { $0.isClosed } }

  func append(_ bytes: [UInt8]) { state.withLock { $0.bytes.append(contentsOf: bytes) } }
  func close() { state.withLock { $0.isClosed = true } }

  func take(_ count: Int) -> [UInt8] {
    state.withLock { state in
      let taken = Array(state.bytes.prefix(count))
      state.bytes.removeFirst(taken.count)
      return taken
    }
  }
}

private final class CollectingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let received: Received

  init(_ received: Received) { self.received = received }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    received.append(Array(buffer: unwrapInboundIn(data)))
  }

  func channelInactive(context: ChannelHandlerContext) { received.close() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
