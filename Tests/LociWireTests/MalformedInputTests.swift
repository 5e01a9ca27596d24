import LociWire
import Testing

/// What no correct client sends. Each is answered with its code, or the connection is closed, and either way the
/// server goes on serving.
@Suite struct MalformedInputTests {
  enum Outcome: Equatable {
    /// A Response with this code on this stream; the connection stays open.
    case answer(RPCStatus.Code, stream: UInt32)
    /// No answer, and the connection stays open.
    case silence
    /// The connection is closed, with no answer.
    case closed
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var what: String
    var bytes: [UInt8]
    var outcome: Outcome
    var testDescription: String { what }

    init(_ what: String, _ bytes: [UInt8], _ outcome: Outcome) {
      self.what = what
      self.bytes = bytes
      self.outcome = outcome
    }
  }

  private static func body(_ payload: [UInt8]) -> [UInt8] { frame(1, 1, payload) }
  private static let fiveMiB = [UInt8](repeating: 0x41, count: 5 << 20)
  private static let bad = Outcome.answer(.invalidArgument, stream: 1)

  static let cases: [Case] = [
    // Frames.
    Case("half a header", Array(request("Echo")[..<5]), .silence),
    Case("half a frame", Array(request("Echo")[..<20]), .silence),
    Case("4 GiB declared", frame(1, 1, length: .max), .closed),
    Case("16 MiB declared", frame(1, 1, length: 16 << 20), .closed),
    Case(
      "16 MiB - 1 declared, nothing sent", frame(1, 1, length: (16 << 20) - 1),
      .answer(.resourceExhausted, stream: 1)),
    Case("5 MiB request", frame(1, 1, fiveMiB), .answer(.resourceExhausted, stream: 1)),
    Case("5 MiB of an unknown type", frame(0x44, 1, fiveMiB), .silence),
    Case("5 MiB of data on no stream", frame(3, 1, fiveMiB), bad),
    Case("an HTTP request", Array("GET / HTTP/1.1\r\n\r\n".utf8), .closed),
    Case("an HTTP/2 preface", Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8), .closed),
    Case("a TLS hello", [0x16, 3, 1, 0, 200], .closed),
    Case("unknown type", frame(0x7f, 1, [1, 2, 3]), .silence),
    Case("type 0", frame(0, 1), .silence),
    Case("cancel of no call", frame(0x10, 1), .silence),
    Case("a response", frame(2, 1, field(2, "hi")), bad),
    Case("even stream id", request("Echo", streamID: 2), .answer(.invalidArgument, stream: 2)),
    Case("stream id 0", request("Echo", streamID: 0), .answer(.invalidArgument, stream: 0)),
    Case("data on no stream", frame(3, 1, field(1, "hi")), bad),
    Case("data on an even stream", frame(3, 8), .answer(.invalidArgument, stream: 8)),
    Case("end of no stream", frame(3, 1, flags: 5), bad),
    Case("stream id in use", request("Wait") + request("Echo"), bad),
    Case("data on a unary call", request("Wait") + frame(3, 1, field(1, "hi")), bad),
    Case("a response on a running call", request("Wait") + frame(2, 1), bad),
    Case("data after the end of the requests", request("Bidi", "", flags: 1) + frame(3, 1), bad),
    Case("unary call left open", request("Echo", flags: 2), bad),
    Case("streaming method called as unary", request("Bidi"), bad),
    Case("server streaming method left open", request("Server", flags: 2), bad),
    // Envelopes.
    Case("empty envelope", body([]), .answer(.unimplemented, stream: 1)),
    Case("unknown service", body(envelope("Echo", service: "loci.None")), .answer(.unimplemented, stream: 1)),
    Case("unknown method", body(envelope("Nope")), .answer(.unimplemented, stream: 1)),
    Case(
      "service name in another case", body(envelope("Echo", service: "LOCI.ECHO")),
      .answer(.unimplemented, stream: 1)),
    Case("method name with a slash", body(envelope("/loci.Echo/Echo")), .answer(.unimplemented, stream: 1)),
    Case("method name with a NUL", body(envelope("Echo\0")), .answer(.unimplemented, stream: 1)),
    Case(
      "method name of 1 MiB", body(envelope(String(repeating: "m", count: 1 << 20))),
      .answer(.unimplemented, stream: 1)),
    Case("service that is not UTF-8", body(field(1, [0xff, 0xfe]) + field(2, "Echo")), bad),
    Case("method that is not UTF-8", body(field(1, "loci.Echo") + field(2, [0xc0, 0x80])), bad),
    Case("metadata that is not UTF-8", body(envelope("Echo") + field(5, field(1, [0xff]))), bad),
    Case("truncated envelope", body(Array(envelope("Echo")[..<5])), bad),
    Case("length beyond the envelope", body([0x0a, 0x7f, 0x61]), bad),
    Case("length of 2^63", body([0x0a] + varint(1 << 63)), bad),
    Case("metadata length that lies", body(envelope("Echo") + field(5, [0x0a, 0x20])), bad),
    Case("a group", body(envelope("Echo") + [0x33, 0x34]), bad),
    Case("wire type 7", body(envelope("Echo") + [0x37]), bad),
    Case("field number 0", body(envelope("Echo") + [0x02, 0x00]), bad),
    Case("varint of 11 bytes", body([0x20] + [UInt8](repeating: 0xff, count: 11)), bad),
    Case("timeout as a string", body(envelope("Echo") + [0x22, 0x01, 0x31]), bad),
    Case("service as a number", body([0x08, 0x01]), bad),
    Case(
      "expired before it came", body(envelope("Echo", timeoutNanoseconds: -1)),
      .answer(.deadlineExceeded, stream: 1)),
    Case(
      "least timeout there is", body(envelope("EchoAsync", timeoutNanoseconds: .min)),
      .answer(.deadlineExceeded, stream: 1)),
    Case(
      "longest timeout there is", body(envelope("Echo", timeoutNanoseconds: .max)), .answer(.ok, stream: 1)),
    Case(
      "longest timeout of a stream", frame(1, 1, flags: 2, envelope("Nope", timeoutNanoseconds: .max)),
      .answer(.unimplemented, stream: 1)),
    // Payloads.
    Case("payload that is no message", body(envelope("Echo", [0xff])), bad),
    Case("payload whose length lies", body(envelope("Echo", [0x0a, 0x10, 0x61])), bad),
    Case("payload that is not UTF-8", body(envelope("Echo", field(1, [0xff]))), bad),
    Case("async payload that is no message", body(envelope("EchoAsync", [0xff])), bad),
    Case("prepared payload that is no message", body(envelope("EchoPrepared", [0xff])), bad),
    Case("streamed request that is no message", frame(1, 1, flags: 1, envelope("Server", [0xff])), bad),
    Case("streamed message that is no message", request("Client", "", flags: 2) + frame(3, 1, [0xff]), bad)
  ]

  @Test(arguments: cases)
  func isAnsweredAndTheServerServesOn(_ input: Case) async throws {
    let probe = EchoProbe()
    try await withServer(probe) { server in
      let client = try await RawClient.connect(server.port)
      try? await client.send(input.bytes)
      switch input.outcome {
      case .answer(let expected, let stream):
        let answer = try #require(try await client.receiveFrame())
        #expect(answer.header.kind == .response)
        #expect(answer.header.streamID == stream)
        #expect(code(of: answer.payload) == expected)
        #expect(!client.isClosed)
        // Nothing may follow the answer.
        if input.bytes.count < 1 << 20, expected != .resourceExhausted {
          try await client.send(request("Echo", streamID: 99))
          #expect(try await client.receiveFrame()?.header.streamID == 99)
        }
      case .silence:
        #expect(client.receivedBytes == 0)
        #expect(!client.isClosed)
      case .closed:
        await eventually("the connection closes") { client.isClosed }
        #expect(client.receivedBytes == 0)
      }
      let other = server.client()
      let answer: Note = try await other.unary("loci.Echo", "Echo", Note("still here"))
      #expect(answer.text == "still here")
      await other.close()
      await client.close()
      probe.gate.open()
    }
  }

  /// Answers to nonsense are limited, and then the connection is not worth keeping.
  @Test func endlessNonsenseClosesTheConnection() async throws {
    try await withServer(configure: { $0.strikesMax = 8 }) { server in
      let client = try await RawClient.connect(server.port)
      try? await client.send((0..<100).flatMap { _ in frame(3, 1) })
      await eventually("the connection closes") { client.isClosed }
      #expect(client.receivedBytes > 0)
      var answers = 0
      while try await client.receiveFrame() != nil { answers += 1 }
      #expect(answers == 9)
      #expect(server.server.statistics.rejections[.strikes] == 1)
    }
  }

  @Test func halvesOfFramesBecomeWhole() async throws {
    try await withServer { server in
      let client = try await RawClient.connect(server.port)
      for byte in request("Echo") { try await client.send([byte]) }
      #expect(try await client.receiveFrame()?.payload == field(2, field(1, "hi")))
      await client.close()
    }
  }
}
