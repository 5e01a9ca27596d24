import Foundation
import LociWire
import NIOCore
import Testing

/// One example of each kind of call, over TCP and over a Unix socket.
@Suite struct CallTests {
  enum Transport: CaseIterable { case tcp, unixSocket }

  private func withClient(
    _ transport: Transport, _ probe: EchoProbe = EchoProbe(), _ body: (RPCClient) async throws -> Void
  ) async throws {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "loci-\(UUID().uuidString.prefix(8)).sock"
    ).path
    try await withServer(probe, configure: { $0.unixSocketPath = path }) { server in
      let client = transport == .tcp ? server.client() : RPCClient(unixSocketPath: path)
      try await body(client)
      await client.close()
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test(arguments: Transport.allCases, ["Echo", "EchoAsync", "EchoPrepared"])
  func unary(_ transport: Transport, _ method: String) async throws {
    try await withClient(transport) { client in
      let answer: Note = try await client.unary("loci.Echo", method, Note("hi"))
      #expect(answer.text == "hi")
      let empty: Note = try await client.unary("loci.Echo", method, Note())
      #expect(empty.text.isEmpty)
    }
  }

  @Test(arguments: Transport.allCases)
  func serverStreaming(_ transport: Transport) async throws {
    try await withClient(transport) { client in
      let answers: ResponseSequence<Note> = client.serverStreaming("loci.Echo", "Server", Note("x"))
      let texts = try await answers.reduce(into: [String]()) { $0.append($1.text) }
      #expect(texts == ["x0", "x1"])
    }
  }

  @Test(arguments: Transport.allCases)
  func clientStreaming(_ transport: Transport) async throws {
    try await withClient(transport) { client in
      let call: ClientStreamingCall<Note, Note> = client.clientStreaming("loci.Echo", "Client")
      for index in 0..<500 { try await call.send(Note("\(index)")) }
      #expect(try await call.finish().text == "500")
    }
  }

  @Test(arguments: Transport.allCases)
  func bidirectional(_ transport: Transport) async throws {
    try await withClient(transport) { client in
      let call: BidirectionalCall<Note, Note> = client.bidirectional("loci.Echo", "Bidi")
      var answers = call.responses.makeAsyncIterator()
      for index in 0..<100 {
        try await call.send(Note("\(index)"))
        #expect(try await answers.next()?.text == "\(index)")
      }
      await call.closeSend()
      #expect(try await answers.next() == nil)
    }
  }

  @Test func manyCallsShareOneConnection() async throws {
    try await withServer { server in
      let client = server.client()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<200 {
          group.addTask {
            let method = index.isMultiple(of: 2) ? "Echo" : "EchoAsync"
            let answer: Note = try await client.unary("loci.Echo", method, Note("\(index)"))
            #expect(answer.text == "\(index)")
          }
        }
        try await group.waitForAll()
      }
      #expect(server.server.statistics.connectionsAccepted == 1)
      await client.close()
    }
  }

  @Test func callsFromTheClientsOwnThread() async throws {
    try await withServer { server in
      let client = server.client()
      let task = Task(executorPreference: client.executor) {
        var texts: [String] = []
        for index in 0..<50 {
          let answer: Note = try await client.unary("loci.Echo", "Echo", Note("\(index)"))
          texts.append(answer.text)
        }
        return texts
      }
      let texts = try await task.value
      #expect(texts == (0..<50).map(String.init))
      await client.close()
    }
  }

  /// A handler may send from wherever it is.
  @Test func responsesMayBeSentOffTheEventLoop() async throws {
    let table = ServiceTable([
      ServiceDescription(
        name: "loci.Echo",
        methods: [
          .serverStreaming("Detached") { (note: Note, _, responses: ResponseStream<Note>) in
            let sender = Task.detached { for index in 0..<300 { try await responses.send(Note("\(index)")) } }
            try await sender.value
          }
        ])
    ])
    try await withServer(table: table) { server in
      let client = server.client()
      let answers: ResponseSequence<Note> = client.serverStreaming("loci.Echo", "Detached", Note())
      let texts = try await answers.reduce(into: [String]()) { $0.append($1.text) }
      #expect(texts == (0..<300).map(String.init))
      await client.close()
    }
  }

  @Test func metadataAndContextReachTheHandler() async throws {
    let probe = EchoProbe()
    try await withServer(probe) { server in
      let client = server.client()
      var options = CallOptions(timeout: .seconds(20))
      options.metadata = ["Authorization": "token é", "trace-id": "1"]
      options.metadata.add("2", for: "TRACE-ID")
      for method in ["Echo", "EchoAsync"] {
        let _: Note = try await client.unary("loci.Echo", method, Note("hi"), options: options)
      }
      #expect(probe.contexts.count == 2)
      for context in probe.contexts {
        #expect(context.metadata["authorization"] == "token é")
        #expect(context.metadata.values(for: "Trace-Id") == ["1", "2"])
        #expect(context.service == "loci.Echo")
        #expect(context.remoteAddress.hasPrefix("127.0.0.1:"))
        let left = ContinuousClock.now.duration(to: context.deadline ?? .now)
        #expect(left > .seconds(5) && left <= .seconds(20))
      }
      await client.close()
    }
  }

  @Test func failuresCarryCodeMessageAndDetails() async throws {
    try await withServer { server in
      let client = server.client()
      let failure = await status { try await client.unary("loci.Echo", "Fail", Note("luck")) as Note }
      #expect(
        failure
          == RPCStatus(
            code: .failedPrecondition, message: "no luck",
            details: [.init(typeURL: "type.googleapis.com/loci.Reason", value: [1, 2, 3])]))
      let mapped = await status { try await client.unary("loci.Echo", "Fail", Note("unmapped")) as Note }
      #expect(mapped == RPCStatus(code: .dataLoss, message: "mapped"))
      let unknown = await status { try await client.unary("loci.Echo", "Nope", Note()) as Note }
      #expect(unknown == RPCStatus(code: .unimplemented, message: "method Nope"))
      let noService = await status { try await client.unary("loci.None", "Echo", Note()) as Note }
      #expect(noService == RPCStatus(code: .unimplemented, message: "service loci.None"))
      await client.close()
    }
  }

  @Test func aStreamThatFailsGivesItsMessagesFirst() async throws {
    try await withServer { server in
      let client = server.client()
      let answers: ResponseSequence<Note> = client.serverStreaming("loci.Echo", "FailAfterOne", Note("x"))
      var seen: [String] = []
      let failure = await status { for try await answer in answers { seen.append(answer.text) } }
      #expect(seen == ["x"])
      #expect(failure == RPCStatus(code: .aborted, message: "after one"))
      let unknown: BidirectionalCall<Note, Note> = client.bidirectional("loci.Echo", "Nope")
      #expect(await status { for try await _ in unknown.responses {} }?.code == .unimplemented)
      await client.close()
    }
  }

  @Test func largestMessagesPassAndLargerAreRefused() async throws {
    try await withServer { server in
      let client = server.client()
      // The payload's tag and length, and the text's, take 5 bytes each.
      let fits = FrameLimits.payloadBytesMax - 10
      let answer: Note = try await client.unary("loci.Echo", "Large", Note("\(fits)"))
      #expect(answer.text.utf8.count == fits)
      let answerTooLarge = await status {
        try await client.unary("loci.Echo", "Large", Note("\(fits + 1)")) as Note
      }
      #expect(answerTooLarge?.code == .resourceExhausted)
      #expect(answerTooLarge?.message.contains("pages") == true)
      let requestTooLarge = await status {
        try await client.unary("loci.Echo", "Echo", Note(String(repeating: "x", count: fits))) as Note
      }
      #expect(requestTooLarge?.code == .resourceExhausted)
      let big = Note(String(repeating: "y", count: 3 << 20))
      let echoed: Note = try await client.unary("loci.Echo", "EchoAsync", big)
      #expect(echoed == big)
      await client.close()
    }
  }
}
