import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

struct VectorsImport: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Import vectors from a .npy, .fvecs, .ivecs or .jsonl file.",
    discussion: """
      Rows of .npy (float32, float16, float64 or int8 to int32), .fvecs and .ivecs files get their number as id, or \
      "row N" in a collection of names. Lines of .jsonl are objects with "id", "vector" and optional "attributes". \
      The collection is made when it is not there. An import that was cut off can be run again: points are \
      overwritten by themselves.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @OptionGroup var shape: CollectionShape
  @Argument(help: "The collection.") var collection: String
  @Argument(help: "The file.") var file: String
  @Option(help: "Id of the first row.") var firstID: Int64 = 0
  @Option(help: "Points in one call; by default what fits into 2 MiB.") var batch: Int?
  @Option(help: "Calls under way at once.") var inFlight = 4
  @Flag(help: "Return only when everything is in segments.") var optimize = false

  func validate() throws {
    guard (1...10_000).contains(batch ?? 1) else { throw ValidationError("--batch must be 1 to 10000") }
    guard (1...64).contains(inFlight) else { throw ValidationError("--in-flight must be 1 to 64") }
  }

  func run() async throws {
    let rows = try VectorFiles.open(file)
    let started = ContinuousClock.now
    try await server.withClient { client in
      let created = try await client.vectors.createCollection(
        V1.CreateCollectionRequest(
          scope: who.scope, name: collection, config: shape.config(dimension: rows.dimension), ifAbsent: true)
      )
      let kind = created.collection?.config?.idKind ?? .number
      let size = batch ?? max(1, min(10_000, (2 << 20) / (rows.dimension * 4 + 64)))
      var progress = Progress(total: rows.count, unit: "vectors", isQuiet: server.json)
      var (next, done) = (0, 0)
      try await withThrowingTaskGroup(of: Int.self) { group in
        func startNext() throws {
          guard next < rows.count else { return }
          let request = try self.request(rows, next..<min(next + size, rows.count), kind)
          next = min(next + size, rows.count)
          group.addTask { try await Self.send(request, client) }
        }
        for _ in 0..<inFlight { try startNext() }
        while let stored = try await group.next() {
          done += stored
          progress.update(done)
          try startNext()
        }
      }
      progress.finish()
      if optimize {
        _ = try await client.vectors.optimizeCollection(
          V1.OptimizeCollectionRequest(scope: who.scope, collection: collection, wait: true))
      }
    }
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    if server.json {
      return try JSONOutput.print(["imported": rows.count, "seconds": seconds] as [String: Any])
    }
    print("\(rows.count) vectors imported in \(String(format: "%.1f", seconds)) s")
  }

  private func request(
    _ rows: any VectorFile, _ range: Range<Int>, _ kind: V1.PointIdKind
  ) throws -> V1.UpsertRequest {
    let block = try rows.block(range)
    var request = V1.UpsertRequest(
      scope: who.scope, collection: collection, vectors: V1.Vectors(data: block.float32),
      attributes: block.attributes)
    if let ids = block.ids {
      guard kind == (ids.numbers.isEmpty ? .name : .number) else {
        throw ValidationError("the file's ids are not of the collection's kind; see --names")
      }
      request.ids = ids
    } else if kind == .number {
      request.ids = V1.PointIds(numbers: range.map { firstID + Int64($0) })
    } else {
      request.ids = V1.PointIds(names: range.map { "row \(firstID + Int64($0))" })
    }
    return request
  }

  /// Waits while the server builds segments.
  private static func send(_ request: V1.UpsertRequest, _ client: LociClient) async throws -> Int {
    var pause = Duration.milliseconds(100)
    for _ in 0..<60 {
      do { return Int(try await client.vectors.upsert(request).points) } catch let status as RPCStatus
        where status.code == .resourceExhausted
      {
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(5))
      }
    }
    return Int(try await client.vectors.upsert(request).points)
  }
}
