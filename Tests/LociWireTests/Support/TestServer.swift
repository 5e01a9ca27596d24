import LociWire
import Logging
import NIOCore
import Testing

/// A server on a free loopback port for the length of `body`.
func withServer<T>(
  table: ServiceTable, configure: (inout RPCServer.Configuration) -> Void = { _ in },
  _ body: (TestServer) async throws -> T
) async throws -> T {
  var configuration = RPCServer.Configuration()
  configure(&configuration)
  var logger = Logger(label: "loci.tests")
  logger.logLevel = .critical
  let server = try RPCServer(table: table, configuration: configuration, logger: logger) { _ in
    RPCStatus(code: .dataLoss, message: "mapped")
  }
  let addresses = try await server.start()
  do {
    let result = try await body(TestServer(server: server, addresses: addresses))
    await server.drain(grace: .zero)
    return result
  } catch {
    await server.drain(grace: .zero)
    throw error
  }
}

func withServer<T>(
  _ probe: EchoProbe = EchoProbe(), configure: (inout RPCServer.Configuration) -> Void = { _ in },
  _ body: (TestServer) async throws -> T
) async throws -> T {
  try await withServer(table: echoTable(probe), configure: configure, body)
}

struct TestServer: Sendable {
  let server: RPCServer
  let addresses: [SocketAddress]

  var port: Int { addresses[0].port ?? 0 }

  func client(_ configure: (inout RPCClient.Configuration) -> Void = { _ in }) -> RPCClient {
    var configuration = RPCClient.Configuration()
    configure(&configuration)
    return RPCClient(host: "127.0.0.1", port: port, configuration: configuration)
  }
}

/// Waits until `condition` holds; records a failure when it does not within a minute.
func eventually(
  _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
) async {
  for _ in 0..<12000 {
    if condition() { return }
    try? await Task.sleep(for: .milliseconds(5))
  }
  Issue.record(what, sourceLocation: sourceLocation)
}

/// The status `body` fails with; `nil` where it does not.
func status(of body: () async throws -> some Any) async -> RPCStatus? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? RPCStatus
  }
}
