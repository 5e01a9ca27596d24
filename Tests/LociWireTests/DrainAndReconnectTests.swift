import LociWire
import Logging
import NIOCore
import Testing

@Suite struct DrainAndReconnectTests {
  @Test func drainingLetsCallsFinishAndRefusesNewOnes() async throws {
    let probe = EchoProbe()
    try await withServer(probe) { server in
      let client = try await RawClient.connect(server.port)
      try await client.send(request("Wait", streamID: 1))
      await eventually("it runs") { probe.sleepsStarted == 1 }
      let drained = Task { await server.server.drain(grace: .seconds(30)) }
      // Until the listener is closed and the connection knows.
      await eventually("new calls are refused") {
        server.server.statistics.rejections[.draining] ?? 0 > 0 || sendProbe(client)
      }
      probe.gate.open()
      var codes: [UInt32: RPCStatus.Code] = [:]
      while let answer = try await client.receiveFrame() {
        codes[answer.header.streamID] = code(of: answer.payload)
      }
      #expect(codes[1] == .ok)
      #expect(codes[3] == .unavailable || codes[3] == .ok)
      #expect(codes.values.contains(.unavailable))
      await drained.value
      #expect(client.isClosed)
      await #expect(throws: (any Error).self) { try await RawClient.connect(server.port) }
    }
  }

  /// Sends another call; never true.
  private func sendProbe(_ client: RawClient) -> Bool {
    Task { try? await client.send(request("Echo", streamID: 3)) }
    return false
  }

  @Test func graceEndsForHandlersThatTakeTooLong() async throws {
    let probe = EchoProbe()
    try await withServer(table: echoTable(probe, sleep: .seconds(3600))) { server in
      let client = server.client()
      let call = Task { try await client.unary("loci.Echo", "Sleep", Note()) as Note }
      await eventually("it runs") { probe.sleepsStarted == 1 }
      await server.server.drain(grace: .milliseconds(20))
      #expect(await status { try await call.value }?.code == .unavailable)
      #expect(probe.sleepsCancelled == 1)
      #expect(server.server.statistics.connections == 0)
      await client.close()
    }
  }

  @Test func aServerStartsOnceAndDrainsTwice() async throws {
    try await withServer { server in
      await #expect(throws: RPCServer.Misuse.startedTwice) { try await server.server.start() }
      await server.server.drain(grace: .zero)
      await server.server.drain(grace: .zero)
    }
  }

  @Test func aPortInUseIsReported() async throws {
    try await withServer { server in
      var configuration = RPCServer.Configuration()
      configuration.tcp = .init(host: "127.0.0.1", port: server.port)
      let second = try RPCServer(
        table: echoTable(), configuration: configuration, logger: Logger(label: "loci.tests"))
      await #expect(throws: (any Error).self) { try await second.start() }
      await second.drain(grace: .zero)
    }
  }

  @Test func clientsComeBackAfterARestart() async throws {
    var port = 0
    var client: RPCClient?
    try await withServer { server in
      port = server.port
      let made = server.client { $0.backOffInitial = .milliseconds(5) }
      let _: Note = try await made.unary("loci.Echo", "Echo", Note("x"))
      client = made
    }
    let again = try #require(client)
    let lost = await status { try await again.unary("loci.Echo", "Echo", Note("x")) as Note }
    #expect(lost?.code == .unavailable)
    // Waits through several attempts for the server to come back.
    let patient = Task {
      try await again.unary(
        "loci.Echo", "Echo", Note("back"), options: CallOptions(timeout: .seconds(20), waitsForServer: true))
        as Note
    }
    try await Task.sleep(for: .milliseconds(50))
    try await withServer(configure: { $0.tcp = .init(host: "127.0.0.1", port: port) }) { _ in
      #expect(try await patient.value.text == "back")
      let _: Note = try await again.unary("loci.Echo", "Echo", Note("x"))
    }
    await again.close()
  }

  @Test func waitingForAServerEndsWithTheDeadline() async throws {
    // Nothing listens on port 1.
    let client = RPCClient(host: "127.0.0.1", port: 1)
    let refused = await status { try await client.unary("loci.Echo", "Echo", Note()) as Note }
    #expect(refused?.code == .unavailable)
    let late = await status {
      try await client.unary(
        "loci.Echo", "Echo", Note(), options: CallOptions(timeout: .milliseconds(80), waitsForServer: true))
        as Note
    }
    #expect(late?.code == .deadlineExceeded)
    let stream: BidirectionalCall<Note, Note> = client.bidirectional("loci.Echo", "Bidi")
    #expect(await status { try await stream.send(Note()) }?.code == .unavailable)
    await client.close()
    #expect(await status { try await client.unary("loci.Echo", "Echo", Note()) as Note }?.code == .cancelled)
    await client.close()
  }

  @Test func closingAClientEndsItsCalls() async throws {
    let probe = EchoProbe()
    try await withServer(table: echoTable(probe, sleep: .seconds(3600))) { server in
      let client = server.client()
      let call = Task { try await client.unary("loci.Echo", "Sleep", Note()) as Note }
      await eventually("it runs") { probe.sleepsStarted == 1 }
      await client.close()
      #expect(await status { try await call.value }?.code == .cancelled)
      await eventually("the handler is cancelled") { probe.sleepsCancelled == 1 }
    }
  }

  @Test func droppedClientsLeaveNoConnection() async throws {
    try await withServer { server in
      do {
        let client = server.client()
        let _: Note = try await client.unary("loci.Echo", "Echo", Note("x"))
      }
      await eventually("the connection is gone") { server.server.statistics.connections == 0 }
    }
  }
}
