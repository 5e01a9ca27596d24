import Logging
import NIOCore
import Synchronization
import NIOPosix
import NIOSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Binds sockets and makes a `ServerConnection` of each accepted one.
struct Listener: Sendable {
  let core: ServerCore
  let registry: ConnectionRegistry
  let group: MultiThreadedEventLoopGroup
  let loops: [ObjectIdentifier: LoopResources]
  let tls: NIOSSLContext?

  func bind(_ address: RPCServer.Configuration.TCPAddress) async throws -> any Channel {
    try await tuned(bootstrap)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .bind(host: address.host, port: address.port).get()
  }

  /// Only the socket file's owner may connect.
  func bind(unixSocketPath path: String) async throws -> any Channel {
    let channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    restrictSocketFile(path)
    return channel
  }

  private var bootstrap: ServerBootstrap {
    let configuration = core.configuration
    return ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(acceptBackOff())
        }
      }
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 65536, maximum: 256 << 10)
      )
      .childChannelOption(
        .writeBufferWaterMark,
        value: .init(low: configuration.unsentBytesLow, high: configuration.unsentBytesHigh)
      )
      .childChannelInitializer(accept)
  }

  /// Out of file descriptors or memory: connections wait in the backlog instead of making the loop spin.
  private func acceptBackOff() -> AcceptBackoffHandler {
    AcceptBackoffHandler(shouldForwardIOErrorCaught: false) { [core] error in
      core.counters.reject(.acceptBackOff)
      core.logger.warning("cannot accept connections", metadata: ["errno": "\(error.errnoCode)"])
      return .milliseconds(200)
    }
  }

  @Sendable private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    guard let loop = loops[ObjectIdentifier(channel.eventLoop)] else {
      return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
    let address = channel.remoteAddress
    let identity = ConnectionIdentity(
      id: core.makeConnectionID(), remoteAddress: address?.hostAndPort ?? "unix",
      isUnixSocket: address?.ipAddress == nil)
    let connection = ServerConnection(core: core, loop: loop, identity: identity)
    if let refusal = registry.add(connection, address: address?.ipAddress) {
      core.counters.reject(refusal)
      return channel.eventLoop.makeFailedFuture(ChannelError.connectTimeout(.zero))
    }
    core.counters.connectionsAccepted.wrappingAdd(1, ordering: .relaxed)
    channel.closeFuture.whenComplete { _ in registry.remove(connection, address: address?.ipAddress) }
    return channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      if let tls, !identity.isUnixSocket {
        try pipeline.addHandlers([NIOSSLServerHandler(context: tls), PeerCertificate(identity)])
      }
      try pipeline.addHandler(connection)
    }
  }

  /// Finds peers that went away without a word.
  private func tuned(_ bootstrap: ServerBootstrap) -> ServerBootstrap {
    #if os(Linux)
      let unacknowledged = core.configuration.unacknowledgedTimeout.components
      let milliseconds = unacknowledged.seconds * 1000 + unacknowledged.attoseconds / 1_000_000_000_000_000
      return
        bootstrap
        .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 60)
        .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 10)
        .childChannelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
        .childChannelOption(
          .tcpOption(.init(rawValue: TCP_USER_TIMEOUT)),
          value: ChannelOptions.Types.SocketOption.Value(milliseconds))
    #else
      return bootstrap
    #endif
  }
}

extension SocketAddress {
  /// "127.0.0.1:80", "[::1]:80"; `nil` for Unix sockets.
  var hostAndPort: String? {
    guard let ipAddress, let port else { return nil }
    return ipAddress.contains(":") ? "[\(ipAddress)]:\(port)" : "\(ipAddress):\(port)"
  }
}
