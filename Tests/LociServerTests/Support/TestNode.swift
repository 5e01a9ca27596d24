import Foundation
import LociClient
import LociServer
import LociText
import LociVector
import Logging
import Testing

/// A real server in this process, on a free port, with a temporary data folder.
struct TestNode {
  let folder: String
  let port: Int
  let node: Node

  var client: LociClient { LociClient(host: "127.0.0.1", port: port) }

  /// Runs `body` against a new server, and stops it gracefully.
  static func run<T>(
    folder: String? = nil, model: String? = nil, embedder: (any TextEmbedder)? = nil, shards: Int = 2,
    segments: SegmentPolicy = .init(), openCollections: Int = 1_024,
    configure: (inout Node.Configuration) -> Void = { _ in },
    _ body: (TestNode) async throws -> T
  ) async throws -> T {
    let path = folder ?? NSTemporaryDirectory() + "loci-test-\(UUID().uuidString)"
    defer { if folder == nil { try? FileManager.default.removeItem(atPath: path) } }
    var configuration = Node.Configuration(dataPath: path)
    configuration.modelPath = model
    configuration.embedder = embedder
    configuration.port = 0
    configuration.shards = shards
    configuration.segments = segments
    configuration.openCollections = openCollections
    configuration.drainGrace = .seconds(2)
    configure(&configuration)
    var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    logger.logLevel = .critical
    let node = try Node(configuration, logger: logger)
    let (ports, announce) = AsyncStream.makeStream(of: Int.self)
    let running = Task {
      try await node.run { addresses in
        announce.yield(Int(addresses[0].split(separator: ":").last ?? "") ?? 0)
      }
    }
    var port = 0
    for await value in ports {
      port = value
      break
    }
    let result: Result<T, any Error>
    do {
      result = .success(try await body(TestNode(folder: path, port: port, node: node)))
    } catch {
      result = .failure(error)
    }
    node.stop()
    try await running.value
    return try result.get()
  }

  /// The default encoder's folder, `nil` with a visible note when it is not there.
  static var model: String? {
    let path =
      ProcessInfo.processInfo.environment["LOCI_MODEL_DIR"]
      ?? FileManager.default.currentDirectoryPath + "/.models/all-MiniLM-L6-v2"
    guard FileManager.default.fileExists(atPath: path + "/config.json") else {
      print("skipped: no encoder at \(path); run `make model`")
      return nil
    }
    return path
  }
}
