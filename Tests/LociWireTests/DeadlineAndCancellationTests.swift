import LociWire
import NIOCore
import Testing

/// A handler learns that nobody waits for it, and its caller does not wait for it either.
@Suite struct DeadlineAndCancellationTests {
  private let long = Duration.seconds(60)

  private func withSleeper(
    configure: (inout RPCServer.Configuration) -> Void = { _ in },
    _ body: (TestServer, EchoProbe) async throws -> Void
  ) async throws {
    let probe = EchoProbe()
    try await withServer(table: echoTable(probe, sleep: long), configure: configure) { server in
      try await body(server, probe)
    }
  }

  @Test func deadlineIsAnsweredAtOnceAndCancelsTheHandler() async throws {
    try await withSleeper { server, probe in
      let client = try await RawClient.connect(server.port)
      try await client.send(frame(1, 1, envelope("Sleep", timeoutNanoseconds: 50_000_000)))
      let answer = try #require(try await client.receiveFrame())
      #expect(answer.header.kind == .response)
      #expect(code(of: answer.payload) == .deadlineExceeded)
      await eventually("the handler is cancelled") { probe.sleepsCancelled == 1 }
      // The stream is free again, and the connection goes on.
      try await client.send(request("Echo"))
      #expect(try await client.receiveFrame()?.payload == field(2, field(1, "hi")))
      await client.close()
    }
  }

  @Test func callersHaveADeadlineOfTheirOwn() async throws {
    try await withSleeper { server, probe in
      let client = server.client()
      let failure = await status {
        try await client.unary("loci.Echo", "Sleep", Note(), options: CallOptions(timeout: .seconds(2)))
          as Note
      }
      #expect(failure?.code == .deadlineExceeded)
      await eventually("the handler is cancelled") { probe.sleepsCancelled == 1 }
      let expired = await status {
        try await client.unary("loci.Echo", "Sleep", Note(), options: CallOptions(timeout: .zero)) as Note
      }
      #expect(expired?.code == .deadlineExceeded)
      #expect(probe.sleepsStarted == 1)
      await client.close()
    }
  }

  @Test func theServersDefaultAndMaximumHold() async throws {
    try await withSleeper(configure: {
      $0.timeoutDefault = .milliseconds(30)
      $0.timeoutMax = .milliseconds(60)
    }) { server, probe in
      let client = server.client()
      let byDefault = await status { try await client.unary("loci.Echo", "Sleep", Note()) as Note }
      #expect(byDefault?.code == .deadlineExceeded)
      let capped = await status {
        try await client.unary("loci.Echo", "Sleep", Note(), options: CallOptions(timeout: .seconds(3600)))
          as Note
      }
      #expect(capped?.code == .deadlineExceeded)
      #expect(probe.sleepsStarted == 2)
      await client.close()
    }
  }

  @Test func streamsHaveADeadlineWhenTheyAskForOne() async throws {
    try await withSleeper { server, probe in
      let client = server.client()
      let call: BidirectionalCall<Note, Note> = client.bidirectional(
        "loci.Echo", "BidiWait", options: CallOptions(timeout: .seconds(2)))
      let failure = await status { for try await _ in call.responses {} }
      #expect(failure?.code == .deadlineExceeded)
      await eventually("the handler is cancelled") { probe.sleepsCancelled == 1 }
      await client.close()
    }
  }

  @Test func cancellingTheTaskCancelsTheHandler() async throws {
    try await withSleeper { server, probe in
      let client = server.client()
      let task = Task { try await client.unary("loci.Echo", "Sleep", Note()) as Note }
      await eventually("the handler runs") { probe.sleepsStarted == 1 }
      task.cancel()
      #expect(await status { try await task.value }?.code == .cancelled)
      await eventually("the handler is cancelled") { probe.sleepsCancelled == 1 }
      let early = Task { () -> Note in
        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
        return try await client.unary("loci.Echo", "Sleep", Note())
      }
      #expect(await status { try await early.value }?.code == .cancelled)
      #expect(probe.sleepsStarted == 1)
      await client.close()
    }
  }

  @Test func droppingAStreamCancelsTheHandler() async throws {
    try await withSleeper { server, probe in
      let client = server.client()
      do {
        let call: BidirectionalCall<Note, Note> = client.bidirectional("loci.Echo", "BidiWait")
        try await call.send(Note("x"))
        var answers = call.responses.makeAsyncIterator()
        #expect(try await answers.next()?.text == "x")
      }
      await eventually("the handler is cancelled") { probe.sleepsCancelled == 1 }
      await client.close()
    }
  }

  @Test func cancelFramesAreAnswered() async throws {
    try await withSleeper { server, probe in
      let client = try await RawClient.connect(server.port)
      try await client.send(request("Sleep", streamID: 5))
      await eventually("the handler runs") { probe.sleepsStarted == 1 }
      try await client.send(frame(0x10, 5) + frame(0x10, 5))
      let answer = try #require(try await client.receiveFrame())
      #expect(answer.header.streamID == 5)
      #expect(code(of: answer.payload) == .cancelled)
      try await client.send(request("Echo", streamID: 7))
      #expect(try await client.receiveFrame()?.header.streamID == 7)
      await client.close()
    }
  }

  @Test func aLostConnectionCancelsAllItsCalls() async throws {
    try await withSleeper { server, probe in
      let client = try await RawClient.connect(server.port)
      for index in 0..<5 { try await client.send(request("Sleep", streamID: UInt32(2 * index + 1))) }
      try await client.send(request("BidiWait", "", streamID: 101, flags: 2))
      await eventually("the handlers run") { probe.sleepsStarted == 6 }
      await client.close()
      await eventually("the handlers are cancelled") { probe.sleepsCancelled == 6 }
      await eventually("nothing is left") {
        server.server.statistics.runningHandlers == 0 && server.server.statistics.connections == 0
      }
      #expect(server.server.statistics.requestBytesHeld == 0)
    }
  }

  @Test func aLostServerFailsAllCalls() async throws {
    try await withSleeper { server, probe in
      let client = server.client()
      let calls = (0..<3).map { _ in Task { try await client.unary("loci.Echo", "Sleep", Note()) as Note } }
      let stream: BidirectionalCall<Note, Note> = client.bidirectional("loci.Echo", "BidiWait")
      await eventually("the handlers run") { probe.sleepsStarted == 4 }
      await server.server.drain(grace: .zero)
      for call in calls { #expect(await status { try await call.value }?.code == .unavailable) }
      #expect(await status { for try await _ in stream.responses {} }?.code == .unavailable)
      #expect(await status { try await stream.send(Note()) } != nil)
      await client.close()
    }
  }
}
