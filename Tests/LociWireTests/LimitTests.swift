import LociWire
import NIOCore
import Testing

@Suite struct LimitTests {
  @Test func callsPerConnection() async throws {
    let probe = EchoProbe()
    try await withServer(probe, configure: { $0.callsPerConnectionMax = 3 }) { server in
      let client = try await RawClient.connect(server.port)
      for index in 0..<4 { try await client.send(request("Wait", streamID: UInt32(2 * index + 1))) }
      let refused = try #require(try await client.receiveFrame())
      #expect(refused.header.streamID == 7)
      #expect(code(of: refused.payload) == .resourceExhausted)
      // Inline calls do not count, and other connections have their own.
      try await client.send(request("Echo", streamID: 9))
      #expect(try await client.receiveFrame()?.header.streamID == 9)
      let other = server.client()
      let _: Note = try await other.unary("loci.Echo", "EchoAsync", Note("x"))
      probe.gate.open()
      var answered: Set<UInt32> = []
      for _ in 0..<3 { answered.insert(try #require(try await client.receiveFrame()).header.streamID) }
      #expect(answered == [1, 3, 5])
      #expect(server.server.statistics.rejections[.connectionCalls] == 1)
      await client.close()
      await other.close()
    }
  }

  @Test func callsOfTheServer() async throws {
    let probe = EchoProbe()
    try await withServer(probe, configure: { $0.callsMax = 2 }) { server in
      let first = server.client(), second = server.client()
      let waiting = (0..<2).map { _ in Task { try await first.unary("loci.Echo", "Wait", Note("x")) as Note }
      }
      await eventually("both run") { probe.sleepsStarted == 2 }
      let refused = await status { try await second.unary("loci.Echo", "EchoAsync", Note("x")) as Note }
      #expect(refused?.code == .resourceExhausted)
      probe.gate.open()
      for call in waiting { #expect(try await call.value.text == "x") }
      await eventually("none run") { server.server.statistics.runningHandlers == 0 }
      let _: Note = try await second.unary("loci.Echo", "EchoAsync", Note("x"))
      await first.close()
      await second.close()
    }
  }

  @Test func cancelledCallsCountUntilTheirHandlersReturn() async throws {
    let probe = EchoProbe()
    try await withServer(probe, configure: { $0.callsPerConnectionMax = 2 }) { server in
      let client = try await RawClient.connect(server.port)
      for id in [UInt32(1), 3] { try await client.send(request("Wait", streamID: id)) }
      await eventually("both run") { probe.sleepsStarted == 2 }
      try await client.send(frame(0x10, 1) + frame(0x10, 3))
      for _ in 0..<2 {
        #expect(code(of: try #require(try await client.receiveFrame()).payload) == .cancelled)
      }
      try await client.send(request("Wait", streamID: 5))
      #expect(code(of: try #require(try await client.receiveFrame()).payload) == .resourceExhausted)
      probe.gate.open()
      await eventually("none run") { server.server.statistics.runningHandlers == 0 }
      try await client.send(request("Wait", streamID: 7))
      #expect(code(of: try #require(try await client.receiveFrame()).payload) == .ok)
      await client.close()
    }
  }

  @Test func connectionsInAllAndPerAddress() async throws {
    try await withServer(configure: { $0.connectionsMax = 2 }) { server in
      var kept: [RawClient] = []
      for _ in 0..<2 { kept.append(try await RawClient.connect(server.port)) }
      await eventually("both are in") { server.server.statistics.connections == 2 }
      let refused = try await RawClient.connect(server.port)
      await eventually("the third is closed") { refused.isClosed }
      #expect(server.server.statistics.rejections[.connections] == 1)
      await kept[0].close()
      await eventually("one has left") { server.server.statistics.connections == 1 }
      let client = server.client()
      let _: Note = try await client.unary("loci.Echo", "Echo", Note("x"))
      await client.close()
      await kept[1].close()
    }
    try await withServer(configure: { $0.connectionsPerAddressMax = 1 }) { server in
      let kept = try await RawClient.connect(server.port)
      await eventually("it is in") { server.server.statistics.connections == 1 }
      let refused = try await RawClient.connect(server.port)
      await eventually("the second is closed") { refused.isClosed }
      #expect(server.server.statistics.rejections[.connectionsPerAddress] == 1)
      await kept.close()
    }
  }

  @Test func requestBytesOfOneConnectionPauseIt() async throws {
    let probe = EchoProbe()
    try await withServer(probe, configure: { $0.requestBytesPerConnectionMax = 4 << 20 }) { server in
      let client = server.client()
      let big = Note(String(repeating: "x", count: 1 << 20))
      let calls = (0..<20).map { _ in Task { try await client.unary("loci.Echo", "Wait", big) as Note } }
      await eventually("some run") { probe.sleepsStarted >= 4 }
      try await Task.sleep(for: .milliseconds(200))
      #expect(probe.sleepsStarted <= 6)
      #expect(server.server.statistics.requestBytesHeld < 8 << 20)
      probe.gate.open()
      for call in calls { #expect(try await call.value == big) }
      await client.close()
    }
  }

  @Test func requestBytesOfTheServerAreRefused() async throws {
    let probe = EchoProbe()
    try await withServer(probe, configure: { $0.requestBytesMax = 4 << 20 }) { server in
      let first = server.client(), second = server.client()
      let big = Note(String(repeating: "x", count: 3 << 20))
      let call = Task { try await first.unary("loci.Echo", "Wait", big) as Note }
      await eventually("it runs") { probe.sleepsStarted == 1 }
      // The frame is given up while it arrives; the connection goes on.
      let refused = await status { try await second.unary("loci.Echo", "EchoAsync", big) as Note }
      #expect(refused?.code == .resourceExhausted)
      let _: Note = try await second.unary("loci.Echo", "EchoAsync", Note("x"))
      #expect(server.server.statistics.rejections[.memory] == 1)
      probe.gate.open()
      #expect(try await call.value == big)
      #expect(try await second.unary("loci.Echo", "EchoAsync", big) as Note == big)
      await first.close()
      await second.close()
    }
  }

  @Test func aReaderTooSlowForItsAnswersIsClosed() async throws {
    let probe = EchoProbe()
    try await withServer(probe, configure: { $0.answerBytesPerConnectionMax = 8 << 20 }) { server in
      let client = try await RawClient.connect(server.port)
      try await client.setReading(false)
      let text = String(repeating: "x", count: 1 << 20)
      for index in 0..<30 { try await client.send(request("Wait", text, streamID: UInt32(2 * index + 1))) }
      await eventually("all run") { probe.sleepsStarted == 30 }
      probe.gate.open()
      await eventually("the connection is closed") { server.server.statistics.connections == 0 }
      #expect(server.server.statistics.rejections[.slowReader] == 1)
      await client.close()
    }
  }

  @Test func configurationsOutOfRangeAreRefused() {
    var configuration = RPCServer.Configuration()
    #expect(throws: Never.self) { try configuration.validate() }
    configuration.callsMax = 0
    #expect(throws: RPCServer.Configuration.Problem.outOfRange(setting: "callsMax", value: 0, min: 1)) {
      try configuration.validate()
    }
    configuration = .init()
    configuration.unsentBytesHigh = 1
    #expect(throws: RPCServer.Configuration.Problem.self) { try configuration.validate() }
    configuration = .init()
    configuration.tcp = nil
    #expect(throws: RPCServer.Configuration.Problem.nowhereToListen) { try configuration.validate() }
  }
}
