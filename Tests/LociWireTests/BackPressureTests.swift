import LociWire
import NIOCore
import Testing

/// Memory stays bounded whoever is slow.
@Suite struct BackPressureTests {
  /// A reader that stops reading stops the handler that streams to it.
  @Test func aSlowReaderStopsTheHandler() async throws {
    let probe = EchoProbe()
    try await withServer(probe) { server in
      let client = try await RawClient.connect(server.port)
      try await client.setReading(false)
      // 16 KiB each: 160 MiB in all, and the kernel's socket buffers take a few.
      try await client.send(request("Flood", "10000", flags: 1))
      await eventually("the handler has begun") { probe.messagesSent > 10 }
      var before = -1
      while probe.messagesSent != before {
        before = probe.messagesSent
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(probe.messagesSent < 2000)
      // A connection that is not written to still serves others.
      let other = server.client()
      let _: Note = try await other.unary("loci.Echo", "Echo", Note("x"))
      try await client.setReading(true)
      await eventually("the handler goes on") { probe.messagesSent == 10000 }
      await client.close()
      await other.close()
    }
  }

  @Test func aSlowConsumerStopsTheServer() async throws {
    let probe = EchoProbe()
    try await withServer(probe) { server in
      let client = server.client { $0.streamMessagesMax = 8 }
      let answers: ResponseSequence<Note> = client.serverStreaming("loci.Echo", "Flood", Note("4000"))
      var iterator = answers.makeAsyncIterator()
      #expect(try await iterator.next() != nil)
      var before = -1
      while probe.messagesSent != before {
        before = probe.messagesSent
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(probe.messagesSent < 2000)
      var count = 1
      while try await iterator.next() != nil { count += 1 }
      #expect(count == 4000)
      await client.close()
    }
  }

  /// A handler that does not read its requests stops the caller.
  @Test func aSlowHandlerStopsTheCaller() async throws {
    let probe = EchoProbe()
    try await withServer(probe, configure: { $0.streamQueue = .init(messagesMax: 16, bytesMax: 64 << 10) }) {
      server in
      let client = server.client()
      let call: ClientStreamingCall<Note, Note> = client.clientStreaming("loci.Echo", "ClientStuck")
      let sent = Counter()
      let block = Note(String(repeating: "x", count: 16 << 10))
      let sender = Task {
        for _ in 0..<4000 {
          try await call.send(block)
          sent.increment()
        }
        return try await call.finish()
      }
      await eventually("the handler runs") { probe.sleepsStarted == 1 }
      var before = -1
      while sent.value != before {
        before = sent.value
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(sent.value < 2000)
      // At most the queue, a read, and what one read may hold besides.
      #expect(server.server.statistics.requestBytesHeld < 4 << 20)
      probe.gate.open()
      #expect(try await sender.value.text == "4000")
      await client.close()
    }
  }

  /// Answers to a caller that reads none stop its requests from being read.
  @Test func aPipeliningCallerThatReadsNothingIsNoLongerServed() async throws {
    let probe = EchoProbe()
    try await withServer(probe) { server in
      let client = try await RawClient.connect(server.port)
      try await client.setReading(false)
      let sender = Task {
        for index in 0..<800 {
          try await client.send(request("Large", "100000", streamID: UInt32(2 * index + 1)))
        }
      }
      var before = -1
      repeat {
        before = server.server.statistics.sentBytes
        try await Task.sleep(for: .milliseconds(150))
      } while server.server.statistics.sentBytes != before || before == 0
      // Eighty megabytes were asked for.
      #expect(server.server.statistics.sentBytes < 30 << 20)
      try await client.setReading(true)
      await eventually("all is answered") { client.receivedBytes >= 800 * 100_000 }
      try await sender.value
      await client.close()
    }
  }
}

private final class Counter: Sendable {
  private let latch = EchoProbe()
  var value: Int { latch.messagesSent }
  func increment() { latch.sent() }
}
