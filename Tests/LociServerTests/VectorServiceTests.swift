import Foundation
import LociClient
import LociProto
import LociServer
import LociVector
import LociWire
import Logging
import Testing
import LociTestKit

/// Collections over the wire.
struct VectorServiceTests {
  private static let scope = V1.Scope(tenant: "acme", agent: "planner")

  private func create(
    _ client: LociClient, _ name: String = "things", dimension: UInt32 = 4, metric: V1.VectorMetric = .cosine,
    idKind: V1.PointIdKind = .number
  ) async throws {
    _ = try await client.vectors.createCollection(
      V1.CreateCollectionRequest(
        scope: Self.scope, name: name,
        config: V1.CollectionConfig(dimension: dimension, metric: metric, idKind: idKind)))
  }

  private func upsert(
    _ client: LociClient, _ ids: [Int64], _ vectors: [[Float]], _ attributes: [V1.PointAttributes] = [],
    requestID: String = ""
  ) async throws -> V1.UpsertResponse {
    try await client.vectors.upsert(
      V1.UpsertRequest(
        scope: Self.scope, collection: "things", ids: V1.PointIds(numbers: ids),
        vectors: V1.Vectors(values: vectors.flatMap { $0 }), attributes: attributes,
        options: V1.WriteOptions(requestID: requestID)))
  }

  private func nearest(
    _ client: LociClient, _ query: [Float], limit: UInt32 = 10, filter: V1.VectorFilter? = nil
  ) async throws -> [V1.VectorHit] {
    try await client.vectors.searchVectors(
      V1.SearchVectorsRequest(
        scope: Self.scope, collection: "things", query: V1.Vectors(values: query), limit: limit,
        filter: filter, withAttributes: true, withVectors: true)
    ).hits
  }

  private static func numbers(_ hits: [V1.VectorHit]) -> [Int64] { hits.map { $0.point.map(number) ?? -1 } }
  private static func number(_ point: V1.Point) -> Int64 {
    if case .number(let number) = point.id { number } else { -1 }
  }

  @Test func pointsAreFoundReplacedAndDeleted() async throws {
    try await TestNode.run { node in
      let client = node.client
      try await create(client)
      let first = try await upsert(
        client, [1, 2, 3], [[1, 0, 0, 0], [0, 2, 0, 0], [1, 1, 0, 0]],
        [
          V1.PointAttributes(attributes: [.init(key: "year", value: .integer(2_020))]),
          V1.PointAttributes(attributes: [.init(key: "lang", value: .text("de"))]), V1.PointAttributes()
        ])
      #expect(first.points == 3 && first.replaced == 0)
      var hits = try await nearest(client, [1, 0.1, 0, 0])
      #expect(Self.numbers(hits) == [1, 3, 2])
      #expect(hits[0].point?.vector == [1, 0, 0, 0])
      #expect(hits[2].point?.vector == [0, 1, 0, 0])
      #expect(hits[2].point?.attributes == [.init(key: "lang", value: .text("de"))])

      let second = try await upsert(client, [1], [[0, 0, 1, 0]])
      #expect(second.points == 1 && second.replaced == 1)
      hits = try await nearest(client, [0, 0, 1, 0], limit: 1)
      #expect(Self.numbers(hits) == [1])
      #expect(hits[0].point?.attributes == [])

      let deleted = try await client.vectors.deletePoints(
        V1.DeletePointsRequest(scope: Self.scope, collection: "things", ids: V1.PointIds(numbers: [1, 77])))
      #expect(deleted.pointsDeleted == 1)
      hits = try await nearest(client, [0, 0, 1, 0])
      #expect(Set(Self.numbers(hits)) == [2, 3])
      let described = try await client.vectors.describeCollection(
        V1.DescribeCollectionRequest(scope: Self.scope, collection: "things"))
      #expect(described.collection?.points == 2)
    }
  }

  @Test func whatWasAcknowledgedSurvivesARestart() async throws {
    let folder = NSTemporaryDirectory() + "loci-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await TestNode.run(folder: folder) { node in
      try await create(node.client)
      _ = try await upsert(node.client, [1, 2], [[1, 0, 0, 0], [0, 1, 0, 0]])
      _ = try await node.client.vectors.optimizeCollection(
        V1.OptimizeCollectionRequest(scope: Self.scope, collection: "things", wait: true))
      _ = try await upsert(node.client, [3, 1], [[0, 0, 1, 0], [0, 0, 0, 1]])
    }
    try await TestNode.run(folder: folder) { node in
      #expect(Self.numbers(try await nearest(node.client, [0, 0, 0, 1], limit: 1)) == [1])
      #expect(Self.numbers(try await nearest(node.client, [0, 0, 1, 0], limit: 1)) == [3])
      #expect(Self.numbers(try await nearest(node.client, [0, 1, 0, 0], limit: 9)).count == 3)
      let stats = try await node.client.vectors.collectionStats(
        V1.CollectionStatsRequest(scope: Self.scope, collection: "things"))
      #expect(stats.state?.segments.count == 1 && stats.state?.tailPoints == 2)
      #expect(stats.state?.segments.first?.liveRows == 1)
    }
  }

  @Test func filtersAreTheSameInMemoryAndInSegments() async throws {
    try await TestNode.run { node in
      let client = node.client
      try await create(client)
      let attributes = (0..<100).map { (index: Int) -> V1.PointAttributes in
        let tags = V1.TextList(texts: index % 3 == 0 ? ["a", "b"] : ["b"])
        return V1.PointAttributes(attributes: [
          V1.TypedAttribute(key: "n", value: .integer(Int64(index))),
          V1.TypedAttribute(key: "even", value: .flag(index % 2 == 0)),
          V1.TypedAttribute(key: "tags", value: .texts(tags))
        ])
      }
      _ = try await upsert(
        client, Array(0..<100), (0..<100).map { [1, Float($0), 0, 0] as [Float] }, attributes)
      let filter = V1.VectorFilter(steps: [
        V1.FilterStep(step: .integerRange(V1.IntegerRange(key: "n", from: 10, until: 40))),
        V1.FilterStep(step: .oneOf(V1.ValueSet(key: "tags", texts: ["a"]))),
        V1.FilterStep(step: .oneOf(V1.ValueSet(key: "even", flags: [true]))),
        V1.FilterStep(step: .combination(V1.FilterCombination(kind: .not)))
      ])
      let expected: Set<Int64> = [15, 21, 27, 33, 39]
      #expect(
        Set(Self.numbers(try await nearest(client, [1, 0, 0, 0], limit: 50, filter: filter))) == expected)
      _ = try await client.vectors.optimizeCollection(
        V1.OptimizeCollectionRequest(scope: Self.scope, collection: "things", wait: true))
      #expect(
        Set(Self.numbers(try await nearest(client, [1, 0, 0, 0], limit: 50, filter: filter))) == expected)
      let scrolled = try await client.vectors.scrollPoints(
        V1.ScrollPointsRequest(scope: Self.scope, collection: "things", filter: filter))
      #expect(scrolled.points.map(Self.number) == expected.sorted())
      let deleted = try await client.vectors.deletePoints(
        V1.DeletePointsRequest(scope: Self.scope, collection: "things", filter: filter))
      #expect(deleted.pointsDeleted == UInt64(expected.count))
      #expect(try await nearest(client, [1, 0, 0, 0], limit: 50, filter: filter).isEmpty)
    }
  }

  @Test func aRetryChangesNothing() async throws {
    try await TestNode.run { node in
      try await create(node.client)
      let first = try await upsert(node.client, [1], [[1, 0, 0, 0]], requestID: "r")
      _ = try await upsert(node.client, [1], [[0, 1, 0, 0]])
      let again = try await upsert(node.client, [1], [[1, 0, 0, 0]], requestID: "r")
      #expect(again == first)
      #expect(try await nearest(node.client, [0, 1, 0, 0])[0].score > 0.99)
    }
  }

  @Test func aliasesMoveInOneStep() async throws {
    try await TestNode.run { node in
      let vectors = node.client.vectors
      try await create(node.client)
      try await create(node.client, "other", dimension: 2)
      _ = try await upsert(node.client, [1], [[1, 0, 0, 0]])
      for target in ["things", "other"] {
        _ = try await vectors.setAlias(
          V1.SetAliasRequest(scope: Self.scope, alias: "live", collection: target))
        let described = try await vectors.describeCollection(
          V1.DescribeCollectionRequest(scope: Self.scope, collection: "live"))
        #expect(described.collection?.name == target)
        #expect(described.collection?.aliases == ["live"])
      }
      let list = try await vectors.listCollections(
        V1.ListCollectionsRequest(scope: Self.scope, page: V1.Page(size: 1)))
      #expect(list.collections.map(\.name) == ["other"])
      let rest = try await vectors.listCollections(
        V1.ListCollectionsRequest(
          scope: Self.scope, page: V1.Page(size: 1, token: list.page?.nextToken ?? "")))
      #expect(rest.collections.map(\.name) == ["things"])
      #expect(rest.page?.nextToken == "")
      let dropped = try await vectors.dropCollection(
        V1.DropCollectionRequest(scope: Self.scope, collection: "things"))
      #expect(dropped.pointsDeleted == 1)
      await #expect(throws: RPCStatus.self) { _ = try await nearest(node.client, [1, 0, 0, 0]) }
    }
  }

  @Test func rangeBatchAndRecommendationAgreeWithASearch() async throws {
    try await TestNode.run { node in
      let vectors = node.client.vectors
      try await create(node.client, metric: .euclidean)
      _ = try await upsert(
        node.client, Array(0..<20), (0..<20).map { [Float($0), 0, 0, 0] as [Float] })
      let range = try await vectors.searchRange(
        V1.SearchRangeRequest(
          scope: Self.scope, collection: "things", query: V1.Vectors(values: [5, 0, 0, 0]), scoreMin: -4))
      #expect(Set(Self.numbers(range.hits)) == [3, 4, 5, 6, 7])
      #expect(!range.truncated)
      let batch = try await vectors.searchBatch(
        V1.SearchBatchRequest(
          scope: Self.scope, collection: "things",
          queries: V1.Vectors(values: [0, 0, 0, 0, 19, 0, 0, 0]), limit: 2))
      #expect(batch.counts == [2, 2])
      #expect(batch.ids?.numbers == [0, 1, 19, 18])
      #expect(batch.scores == [0, -1, 0, -1])
      let report = try #require(batch.report)
      #expect(report.searchUs >= 0 && report.searchUs <= report.elapsedUs)
      let alike = try await vectors.recommend(
        V1.RecommendRequest(
          scope: Self.scope, collection: "things", positive: V1.PointIds(numbers: [4, 6]), limit: 2))
      #expect(Self.numbers(alike.hits) == [5, 3])
      let unlike = try await vectors.recommend(
        V1.RecommendRequest(
          scope: Self.scope, collection: "things", positive: V1.PointIds(numbers: [10]),
          negative: V1.PointIds(numbers: [8]), limit: 1))
      #expect(Self.numbers(unlike.hits) == [12])
    }
  }

  @Test func bytesOfEitherWidthAreNumbers() async throws {
    try await TestNode.run { node in
      try await create(node.client, metric: .innerProduct)
      let vector: [Float] = [1, -2, 0.5, 4]
      let wide = vector.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
      let narrow: [UInt8] = [0x00, 0x3C, 0x00, 0xC0, 0x00, 0x38, 0x00, 0x44]
      for (id, vectors) in [
        (Int64(1), V1.Vectors(data: wide)), (2, V1.Vectors(data: narrow, element: .float16))
      ] {
        _ = try await node.client.vectors.upsert(
          V1.UpsertRequest(
            scope: Self.scope, collection: "things", ids: V1.PointIds(numbers: [id]), vectors: vectors))
      }
      let hits = try await nearest(node.client, [1, 0, 0, 0])
      #expect(hits.map { $0.point?.vector } == [vector, vector])
    }
  }

  @Test func namesAreIdsToo() async throws {
    try await TestNode.run { node in
      try await create(node.client, idKind: .name)
      let names = ["b", "a", "é", "e\u{301}"]
      _ = try await node.client.vectors.upsert(
        V1.UpsertRequest(
          scope: Self.scope, collection: "things", ids: V1.PointIds(names: names),
          vectors: V1.Vectors(values: [Float](repeating: 1, count: 16))))
      let page = try await node.client.vectors.scrollPoints(
        V1.ScrollPointsRequest(scope: Self.scope, collection: "things", page: V1.Page(size: 3)))
      let rest = try await node.client.vectors.scrollPoints(
        V1.ScrollPointsRequest(
          scope: Self.scope, collection: "things",
          page: V1.Page(size: 3, token: page.page?.nextToken ?? "")))
      let scrolled = (page.points + rest.points).map { point -> [UInt8] in
        if case .name(let name) = point.id { Array(name.utf8) } else { [] }
      }
      #expect(scrolled == names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
    }
  }

  @Test func aStreamOfUpsertsHasOneAnswer() async throws {
    try await TestNode.run { node in
      let client = node.client
      try await create(client)
      let call = client.vectors.upsertStream()
      for block in 0..<5 {
        try await call.send(
          V1.UpsertStreamRequest(
            upsert: V1.UpsertRequest(
              scope: Self.scope, collection: "things",
              ids: V1.PointIds(numbers: (0..<10).map { Int64(block * 5 + $0) }),
              vectors: V1.Vectors(values: [Float](repeating: 1, count: 40)))))
      }
      let answer = try await call.finish()
      #expect(answer.points == 50 && answer.replaced == 20)
    }
  }

  private static func vector(_ id: Int64) -> [Float] {
    var generator = SplitMix64(seed: UInt64(id))
    return (0..<4).map { _ in Float.random(in: -1...1, using: &generator) }
  }

  @Test func segmentsAreBuiltMergedAndIndexedWhileItIsUsed() async throws {
    var policy = SegmentPolicy()
    policy.sealRows = 100
    policy.fanout = 2
    let folder = NSTemporaryDirectory() + "loci-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await TestNode.run(folder: folder, segments: policy) { node in
      let client = node.client
      _ = try await client.vectors.createCollection(
        V1.CreateCollectionRequest(
          scope: Self.scope, name: "things",
          config: V1.CollectionConfig(dimension: 4, indexFromPoints: 300)))
      for block in 0..<20 {
        let ids = Array(Int64(block * 50)..<Int64(block * 50 + 50))
        _ = try await upsert(client, ids, ids.map(Self.vector))
        let hits = try await nearest(client, Self.vector(ids[7]), limit: 1)
        #expect(Self.numbers(hits) == [ids[7]])
      }
      _ = try await client.vectors.deletePoints(
        V1.DeletePointsRequest(scope: Self.scope, collection: "things", ids: V1.PointIds(numbers: [3, 500])))
      var state = V1.CollectionState()
      for _ in 0..<300 {
        let stats = try await client.vectors.collectionStats(
          V1.CollectionStatsRequest(scope: Self.scope, collection: "things"))
        state = stats.state ?? state
        if state.tailPoints < 100, state.segments.contains(where: { $0.index == .ivfPq }) { break }
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(state.points == 998)
      #expect(state.segments.contains { $0.index == .ivfPq }, "\(state)")
      #expect(state.problem.isEmpty)
    }
    let report = await Checkup(
      dataPath: folder, rebuild: true,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ).run()
    #expect(report.problems.isEmpty)
    try await TestNode.run(folder: folder, segments: policy) { node in
      for id in [Int64(0), 499, 999] {
        #expect(Self.numbers(try await nearest(node.client, Self.vector(id), limit: 1)) == [id])
      }
      let all = Self.numbers(try await nearest(node.client, Self.vector(500), limit: 1_000))
      #expect(all.count == 998 && !all.contains(500))
    }
  }

  @Test func aDamagedSegmentIsBuiltAnew() async throws {
    let folder = NSTemporaryDirectory() + "loci-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await TestNode.run(folder: folder, shards: 1) { node in
      try await create(node.client)
      let ids = Array(Int64(0)..<200)
      _ = try await upsert(node.client, ids, ids.map(Self.vector))
      _ = try await node.client.vectors.optimizeCollection(
        V1.OptimizeCollectionRequest(scope: Self.scope, collection: "things", wait: true))
      _ = try await node.client.vectors.deletePoints(
        V1.DeletePointsRequest(scope: Self.scope, collection: "things", ids: V1.PointIds(numbers: [7])))
    }
    let root = URL(fileURLWithPath: folder + "/collections/shard-0")
    let collection = try #require(try FileManager.default.contentsOfDirectory(atPath: root.path).first)
    let files = try FileManager.default.contentsOfDirectory(atPath: root.path + "/" + collection)
    let segment = try #require(files.first { $0.hasPrefix("segment-") })
    let path = root.appendingPathComponent(collection).appendingPathComponent(segment)
    var bytes = try Data(contentsOf: path)
    for offset in stride(from: 4_096, to: bytes.count, by: 64) { bytes[offset] ^= 0xFF }
    try bytes.write(to: path)
    try await TestNode.run(folder: folder, shards: 1) { node in
      for id in [Int64(0), 100, 199] {
        #expect(Self.numbers(try await nearest(node.client, Self.vector(id), limit: 1)) == [id])
      }
      let all = Self.numbers(try await nearest(node.client, Self.vector(7), limit: 300))
      #expect(all.count == 199 && !all.contains(7))
      let stats = try await node.client.vectors.collectionStats(
        V1.CollectionStatsRequest(scope: Self.scope, collection: "things"))
      #expect(stats.state?.segmentsRebuilt == 1 && stats.state?.points == 199)
    }
  }

  @Test func collectionsBeyondTheLimitAreClosedAndComeBack() async throws {
    try await TestNode.run(shards: 1, openCollections: 2) { node in
      let vectors = node.client.vectors
      let names = ["a", "b", "c", "d", "e"]
      for name in names { try await create(node.client, name) }
      for round in 0..<4 {
        for (index, name) in names.enumerated() {
          let id = Int64(round * 10 + index)
          _ = try await vectors.upsert(
            V1.UpsertRequest(
              scope: Self.scope, collection: name, ids: V1.PointIds(numbers: [id]),
              vectors: V1.Vectors(values: Self.vector(id))))
          if round == 1 {
            _ = try? await vectors.optimizeCollection(
              V1.OptimizeCollectionRequest(scope: Self.scope, collection: name, wait: true))
          }
        }
        for (index, name) in names.enumerated() {
          let found = try await vectors.searchBatch(
            V1.SearchBatchRequest(
              scope: Self.scope, collection: name, queries: V1.Vectors(values: Self.vector(1)), limit: 100))
          let expected = Set((0...round).map { Int64($0 * 10 + index) })
          #expect(Set(found.ids?.numbers ?? []) == expected)
        }
      }
    }
  }

  @Test func writesWaitWhenSegmentsCannotKeepUp() async throws {
    var policy = SegmentPolicy()
    policy.sealRows = 1 << 20
    policy.tailRowsMax = 100
    try await TestNode.run(segments: policy) { node in
      let client = node.client
      try await create(client)
      let ids = Array(Int64(0)..<100)
      _ = try await upsert(client, ids, ids.map(Self.vector))
      do {
        _ = try await upsert(client, [100], [Self.vector(100)])
        Issue.record("accepted")
      } catch let status as RPCStatus {
        #expect(status.code == .resourceExhausted)
      }
      _ = try await client.vectors.optimizeCollection(
        V1.OptimizeCollectionRequest(scope: Self.scope, collection: "things", wait: true))
      #expect(try await upsert(client, [100], [Self.vector(100)]).points == 1)
    }
  }

  @Test(arguments: [
    (V1.Vectors(values: [1, 2, 3]), "INVALID_FIELD"), (V1.Vectors(values: [1, .nan, 0, 0]), "INVALID_FIELD"),
    (V1.Vectors(values: [0, 0, 0, 0]), "INVALID_FIELD"), (V1.Vectors(data: [1, 2, 3]), "INVALID_FIELD"),
    (V1.Vectors(), "INVALID_FIELD")
  ])
  func badVectorsAreRefused(vectors: V1.Vectors, reason: String) async throws {
    try await TestNode.run { node in
      try await create(node.client)
      do {
        _ = try await node.client.vectors.upsert(
          V1.UpsertRequest(
            scope: Self.scope, collection: "things", ids: V1.PointIds(numbers: [1]), vectors: vectors))
        Issue.record("accepted")
      } catch let status as RPCStatus {
        #expect(status.code == .invalidArgument)
      }
    }
  }
}
