import Foundation
import LociWire
import Testing

/// Conversations recorded from ttrpc 1.2.4: what its client sent is sent, and the answers must be its server's,
/// byte for byte.
@Suite struct GoldenTests {
  struct Exchange: Sendable, CustomTestStringConvertible {
    var name: String
    var lines: [(isRequest: Bool, bytes: [UInt8])] = []
    var testDescription: String { name }
  }

  /// Where Loci means to differ: the recorded server sent the late answer of a call whose deadline had passed.
  private static let expired = "deadline 100 ms"
  private static let deadlineExceeded = frame(2, 7, field(1, [0x08, 4] + field(2, "deadline exceeded")))

  static let exchanges: [Exchange] = {
    guard let text = try? String(contentsOf: goldenFile, encoding: .utf8) else { return [] }
    var exchanges: [Exchange] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("== ") {
        exchanges.append(Exchange(name: String(line.dropFirst(3))))
      } else if let range = line.range(of: "C->S ") ?? line.range(of: "S->C "), !exchanges.isEmpty {
        exchanges[exchanges.count - 1].lines.append((line.contains("C->S"), hex(line[range.upperBound...])))
      }
    }
    return exchanges
  }()

  private static var goldenFile: URL {
    let environment = ProcessInfo.processInfo.environment["LOCI_SHARED_DATA"]
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return (environment.map { URL(filePath: $0) } ?? root.appending(path: "../shared/data"))
      .appending(path: "ttrpc-golden.txt")
  }

  @Test(.enabled(if: !exchanges.isEmpty, "shared/data/ttrpc-golden.txt is not here"), arguments: exchanges)
  func answersAsRecorded(_ exchange: Exchange) async throws {
    try await withServer { server in
      let client = try await RawClient.connect(server.port)
      for line in exchange.lines where line.isRequest { try await client.send(line.bytes) }
      var expected = exchange.lines.filter { !$0.isRequest }.flatMap(\.bytes)
      if exchange.name.hasPrefix(Self.expired) { expected = Self.deadlineExceeded }
      #expect(try await client.receive(expected.count) == expected)
      await client.close()
    }
  }

  @Test(.enabled(if: !exchanges.isEmpty, "shared/data/ttrpc-golden.txt is not here"))
  func fileHasEveryKindOfCall() {
    #expect(Self.exchanges.count == 9)
    #expect(Self.exchanges.allSatisfy { !$0.lines.isEmpty })
  }
}
