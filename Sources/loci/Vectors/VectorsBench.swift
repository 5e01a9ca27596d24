import ArgumentParser
import Foundation
import LociClient
import LociProto

struct VectorsBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Search a collection from many callers, and print rate, latency and recall.",
    discussion: "Queries come from a file, or are points of the collection with some noise.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @OptionGroup var load: LoadOptions
  @Argument(help: "The collection.") var collection: String
  @Option(help: "A file of queries: .npy, .fvecs or .jsonl.") var queries: String?
  @Option(help: "Queries in one call. 1 searches one by one.") var batch = 1_000
  @Option(help: "Calls under way at once.") var inFlight = 1
  @Option(name: [.customShort("k"), .customLong("limit")], help: "Results of a query.") var limit: UInt32 = 10
  @Option(help: "Recall to aim at, above 0 to 1.") var recall: Float = 0
  @Flag(help: "Compare with every vector.") var exact = false

  func validate() throws {
    guard (1...10_000).contains(batch) else { throw ValidationError("--batch must be 1 to 10000") }
    guard (1...256).contains(inFlight) else { throw ValidationError("--in-flight must be 1 to 256") }
  }

  func run() async throws {
    let parameters = V1.VectorSearchParameters(recallTarget: recall, exact: exact)
    let (result, shares): (LoadResult, Shares) = try await server.withClient { client in
      let blocks = try await self.blocks(client)
      guard !blocks.isEmpty else { throw ValidationError("there is nothing to search for") }
      let found = try await self.recall(blocks[0], client, parameters)
      var result = await ClosedLoop(callers: inFlight, load).run(on: client.executor) { caller, count in
        let block = blocks[(caller * 7 + count) % blocks.count]
        return try await ask(block, client, parameters).counts.count == block.count
      }
      (result.recall, result.recallAt, result.queriesPerCall) = (found, Int(limit), batch)
      return (result, try await self.shares(blocks, client, parameters))
    }
    try result.print(json: server.json)
    if server.json { return }
    print(
      String(
        format: "%.1f %% of a call's time is the server's, %.1f %% the search in its process: %.0f queries/s",
        shares.server * 100, shares.search * 100, shares.searchRate))
  }

  private struct Shares: Sendable {
    var server = 0.0
    var search = 0.0
    /// Queries a second, were there nothing but the search.
    var searchRate = 0.0
  }

  /// Shares of the time of calls, one after the other, that the server reports as its own and as that of the search: the
  /// latter is the rate over the wire relative to the rate in process, in one and the same run.
  private func shares(
    _ blocks: [Block], _ client: LociClient, _ parameters: V1.VectorSearchParameters
  ) async throws -> Shares {
    var (search, server, call, queries) = (0.0, 0.0, 0.0, 0)
    for number in 0..<20 {
      let block = blocks[number % blocks.count]
      let started = ContinuousClock.now
      let answer = try await ask(block, client, parameters)
      call += (ContinuousClock.now - started) / .microseconds(1)
      server += Double(answer.report?.elapsedUs ?? 0)
      search += Double(answer.report?.searchUs ?? 0)
      queries += block.count
    }
    return Shares(
      server: server / max(call, 1), search: search / max(call, 1),
      searchRate: Double(queries) * 1e6 / max(search, 1))
  }

  struct Block: Sendable {
    var count: Int
    var data: [UInt8]
  }

  /// The queries, `batch` at a time.
  private func blocks(_ client: LociClient) async throws -> [Block] {
    if let queries {
      let file = try VectorFiles.open(queries)
      return try stride(from: 0, to: file.count, by: batch).map { start in
        let rows = start..<min(start + batch, file.count)
        return Block(count: rows.count, data: try file.block(rows).float32)
      }
    }
    var generator = SystemRandomNumberGenerator()
    var (points, token): ([V1.Point], String) = ([], "")
    repeat {
      let page = try await client.vectors.scrollPoints(
        V1.ScrollPointsRequest(
          scope: who.scope, collection: collection, withVectors: true, page: V1.Page(size: 500, token: token))
      )
      points += page.points
      token = page.page?.nextToken ?? ""
    } while !token.isEmpty && points.count < batch * 4
    return stride(from: 0, to: points.count, by: batch).map { start in
      let part = points[start..<min(start + batch, points.count)]
      var data: [UInt8] = []
      for point in part {
        let scale = point.vector.map(abs).max() ?? 1
        for value in point.vector {
          let noisy = value + Float.random(in: -0.2...0.2, using: &generator) * scale
          FileElement.append(noisy, to: &data)
        }
      }
      return Block(count: part.count, data: data)
    }
  }

  private func ask(
    _ block: Block, _ client: LociClient, _ parameters: V1.VectorSearchParameters
  ) async throws -> V1.SearchBatchResponse {
    try await client.vectors.searchBatch(
      V1.SearchBatchRequest(
        scope: who.scope, collection: collection, queries: V1.Vectors(data: block.data), limit: limit,
        parameters: parameters))
  }

  /// Share of the exact results that are found.
  private func recall(
    _ block: Block, _ client: LociClient, _ parameters: V1.VectorSearchParameters
  ) async throws -> Double {
    let rowBytes = block.data.count / max(1, block.count)
    let count = min(block.count, 200)
    let sample = Block(count: count, data: Array(block.data.prefix(count * rowBytes)))
    let found = try await ask(sample, client, parameters)
    let exact = try await ask(sample, client, V1.VectorSearchParameters(exact: true))
    var (common, total, place, exactPlace) = (0, 0, 0, 0)
    for (count, exactCount) in zip(found.counts, exact.counts) {
      let ours = names(found.ids, place..<(place + Int(count)))
      let theirs = names(exact.ids, exactPlace..<(exactPlace + Int(exactCount)))
      common += ours.intersection(theirs).count
      total += theirs.count
      place += Int(count)
      exactPlace += Int(exactCount)
    }
    return total == 0 ? 1 : Double(common) / Double(total)
  }

  private func names(_ ids: V1.PointIds?, _ range: Range<Int>) -> Set<String> {
    guard let ids else { return [] }
    return ids.names.isEmpty ? Set(ids.numbers[range].map { "\($0)" }) : Set(ids.names[range])
  }
}
