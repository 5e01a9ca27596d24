import LociProto
import LociWire
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import LociWire

/// One connection without sockets, on a clock that the test moves.
@Suite struct ConnectionTests {
  private struct Connected {
    let channel: EmbeddedChannel
    let connection: ServerConnection
    let core: ServerCore

    var loop: EmbeddedEventLoop { channel.embeddedEventLoop }

    func send(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }

    func written() throws -> [[UInt8]] {
      var buffers: [[UInt8]] = []
      while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
        if buffer.readableBytes > 0 { buffers.append(Array(buffer.readableBytesView)) }
      }
      return buffers
    }
  }

  private func connect(_ configure: (inout RPCServer.Configuration) -> Void = { _ in }) throws -> Connected {
    var configuration = RPCServer.Configuration()
    configure(&configuration)
    let core = ServerCore(
      table: echoTable(), configuration: configuration, logger: Logger(label: "loci.tests")
    ) { _ in RPCStatus(code: .internalError, message: "") }
    let channel = EmbeddedChannel()
    let connection = ServerConnection(
      core: core, loop: LoopResources(eventLoop: channel.eventLoop),
      identity: ConnectionIdentity(id: 1, remoteAddress: "test", isUnixSocket: false))
    try channel.pipeline.syncOperations.addHandler(connection)
    channel.connect(to: try SocketAddress(unixDomainSocketPath: "/test"), promise: nil)
    return Connected(channel: channel, connection: connection, core: core)
  }

  @Test func answersOfOneReadLeaveInOneWrite() throws {
    let connected = try connect()
    let requests = (0..<64).flatMap { request("Echo", streamID: UInt32(2 * $0 + 1)) }
    try connected.send(requests)
    let written = try connected.written()
    #expect(written.count == 1)
    #expect(written[0].count == 64 * (10 + 2 + 4))
    _ = try connected.channel.finish(acceptAlreadyClosed: true)
  }

  @Test(arguments: [nil, [UInt8](), [0], Array(request("Echo")[..<9]), Array(request("Echo")[..<20])])
  func silenceClosesTheConnection(first: [UInt8]?) throws {
    let connected = try connect {
      $0.firstByteTimeout = .seconds(10)
      $0.frameTimeout = .seconds(30)
      $0.idleTimeout = nil
    }
    if let first { try connected.send(first) }
    let limit: Int64 = first.map { $0.isEmpty ? 3600 : 30 } ?? 10
    connected.loop.advanceTime(by: .seconds(limit - 1))
    #expect(connected.channel.isActive)
    connected.loop.advanceTime(by: .seconds(1))
    // A read of nothing counts as a first byte; no socket gives one.
    #expect(connected.channel.isActive == (first?.isEmpty == true))
    _ = try? connected.channel.finish(acceptAlreadyClosed: true)
  }

  @Test func aSlowFrameMustKeepItsPace() throws {
    let connected = try connect {
      $0.frameTimeout = .seconds(30)
      $0.frameBytesPerSecondMin = 1000
    }
    try connected.send(frame(1, 1, length: 1 << 20))
    for _ in 0..<60 {
      try connected.send([UInt8](repeating: 1, count: 1100))
      connected.loop.advanceTime(by: .seconds(1))
    }
    #expect(connected.channel.isActive)
    for _ in 0..<10 { connected.loop.advanceTime(by: .seconds(1)) }
    #expect(!connected.channel.isActive)
    #expect(connected.core.counters.rejectionsByReason[.slowSender] == 1)
    #expect(connected.core.budget.bytes == 0)
  }

  @Test func frameTimeCountsFromEachFramesStart() throws {
    let connected = try connect { $0.frameTimeout = .seconds(30) }
    let bytes = request("Echo")
    // Never between two frames, yet each arrives in good time.
    for _ in 0..<10 {
      try connected.send(Array(bytes[..<5]))
      connected.loop.advanceTime(by: .seconds(20))
      try connected.send(Array(bytes[5...]) + Array(bytes[..<5]))
      connected.loop.advanceTime(by: .seconds(20))
      try connected.send(Array(bytes[5...]))
    }
    #expect(connected.channel.isActive)
    _ = try connected.channel.finish(acceptAlreadyClosed: true)
  }

  @Test func idleConnectionsCloseAndBusyOnesDoNot() throws {
    let connected = try connect { $0.idleTimeout = .seconds(100) }
    try connected.send(request("Echo"))
    connected.loop.advanceTime(by: .seconds(99))
    try connected.send(request("Echo", streamID: 3))
    connected.loop.advanceTime(by: .seconds(99))
    #expect(connected.channel.isActive)
    connected.loop.advanceTime(by: .seconds(1))
    #expect(!connected.channel.isActive)
    #expect(connected.core.counters.rejectionsByReason[.idle] == 1)
  }

  @Test func aFullOutputStopsProcessing() throws {
    let connected = try connect()
    connected.channel.isWritable = false
    connected.channel.pipeline.fireChannelWritabilityChanged()
    connected.loop.run()
    try connected.send(request("Echo"))
    #expect(try connected.written().isEmpty)
    connected.channel.isWritable = true
    connected.channel.pipeline.fireChannelWritabilityChanged()
    connected.loop.run()
    #expect(try connected.written().count == 1)
    _ = try connected.channel.finish(acceptAlreadyClosed: true)
  }

  @Test func drainingClosesWhenTheLastCallIsAnswered() throws {
    let connected = try connect()
    connected.connection.beginDrain()
    connected.loop.run()
    #expect(!connected.channel.isActive)
    connected.loop.shutdownGracefully { _ in }
  }
}
