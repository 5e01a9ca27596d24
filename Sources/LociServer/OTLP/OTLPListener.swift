import LociCore
import LociWire
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPCompression
import NIOPosix

/// Listens for OpenTelemetry's exporters (OTLP/HTTP, protobuf).
final class OTLPListener: Sendable {
  private static let idleMax = TimeAmount.minutes(5)
  /// For the answers under way, when the server stops.
  private static let grace = Duration.seconds(10)

  private let receiver: OTLPReceiver
  private let logger: Logger
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let load = OTLPLoad()
  private let server = Locked<(any Channel)?>(nil)

  init(_ receiver: OTLPReceiver, logger: Logger) {
    self.receiver = receiver
    self.logger = logger
  }

  /// - Throws: the operating system's error where the address cannot be bound.
  func start(host: String, port: Int) async throws -> SocketAddress? {
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelInitializer { [receiver, load, self] channel in
        guard enter(channel) else {
          return channel.eventLoop.makeFailedFuture(ChannelError.connectTimeout(.zero))
        }
        return channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
          try pipeline.addHandler(IdleStateHandler(readTimeout: Self.idleMax))
          try pipeline.addHandler(NIOHTTPRequestDecompressor(limit: .size(OTLPReceiver.bodyBytesMax)))
          try pipeline.addHandler(OTLPConnection(receiver, load))
        }
      }
      .bind(host: host, port: port).get()
    server.withLock { $0 = channel }
    return channel.localAddress
  }

  private func enter(_ channel: any Channel) -> Bool {
    guard load.connect() else {
      logger.warning("too many connections of exporters")
      return false
    }
    channel.closeFuture.whenComplete { [load] _ in load.disconnect() }
    return true
  }

  /// Accepts nobody any more, answers what was received, and closes: exporters send again what was not answered.
  func stop() async {
    let channel = server.withLock { $0.take() }
    try? await channel?.close()
    let end = ContinuousClock.now + Self.grace
    while load.answers > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(10)) }
    try? await group.shutdownGracefully()
  }
}
