import LociWire
import Testing

@Suite struct StatisticsTests {
  @Test func callsAreCountedByMethodAndCode() async throws {
    try await withServer { server in
      let client = server.client()
      for _ in 0..<5 { let _: Note = try await client.unary("loci.Echo", "Echo", Note("x")) }
      for _ in 0..<3 { let _: Note = try await client.unary("loci.Echo", "EchoAsync", Note("x")) }
      for _ in 0..<2 { _ = await status { try await client.unary("loci.Echo", "Fail", Note("x")) as Note } }
      _ = await status { try await client.unary("loci.Echo", "Nope", Note("x")) as Note }
      let answers: ResponseSequence<Note> = client.serverStreaming("loci.Echo", "Server", Note("x"))
      for try await _ in answers {}
      let statistics = server.server.statistics
      func calls(_ method: String) -> [RPCStatus.Code: Int] {
        statistics.methods.first { $0.method == method }?.calls ?? [:]
      }
      #expect(calls("Echo") == [.ok: 5])
      #expect(calls("EchoAsync") == [.ok: 3])
      #expect(calls("Fail") == [.failedPrecondition: 2])
      #expect(calls("Server") == [.ok: 1])
      #expect(calls("Bidi") == [:])
      #expect(statistics.methods.first { $0.method == "Echo" }?.latency.count == 5)
      #expect(statistics.rejections == [.unknownMethod: 1])
      #expect(statistics.connectionsAccepted == 1)
      #expect(statistics.receivedBytes > 0 && statistics.sentBytes > 0)
      await client.close()
    }
  }
}
