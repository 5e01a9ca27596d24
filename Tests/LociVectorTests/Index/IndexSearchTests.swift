import Testing

@testable import LociVector
import LociTestKit

struct IndexSearchTests {
  private static let metrics = VectorMetric.allCases

  private func index(_ data: ClusteredRows, lists: Int? = nil, plane: Bool = true) throws -> IVFIndex {
    var configuration = IVFConfiguration()
    configuration.lists = lists
    configuration.batchPlane = plane
    configuration.tuningQueries = 0
    return try IVFIndex(
      IVFIndex.build(
        rows: data.rows.span, dimension: data.dimension, metric: data.metric, configuration: configuration))
  }

  @Test(arguments: metrics, [true, false])
  func findsTheNeighboursOfAnExactSearch(metric: VectorMetric, plane: Bool) throws {
    let data = ClusteredRows(rows: 3000, dimension: 48, metric: metric, seed: 5)
    let index = try index(data, plane: plane)
    let effort = SearchEffort.explicit(probes: 24, candidates: 100)
    let batch = try index.search(data.queries.span, k: 10, effort: effort)
    #expect(data.recall(batch, k: 10) >= 0.97)
    #expect(batch.counts == Array(repeating: 10, count: data.queryCount))
    for query in 0..<3 {
      let one = try index.search(data.query(query).span, k: 10, effort: effort)
      #expect(Set(one.hits(0).map(\.row)).intersection(data.exact(query, k: 10)).count >= 9)
    }
  }

  @Test(arguments: metrics)
  func scoresAreThoseOfTheMetric(metric: VectorMetric) throws {
    let data = ClusteredRows(rows: 800, queries: 6, dimension: 33, metric: metric, seed: 8)
    let index = try index(data)
    let scale = 1 + abs(data.score(data.query(0), data.row(0)))
    let results = try index.search(data.queries.span, k: 5, effort: .explicit(probes: 99, candidates: 200))
    for query in 0..<6 {
      let hits = results.hits(query)
      #expect(hits.count == 5)
      #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score })
      for hit in hits {
        #expect(abs(Double(hit.score) - data.score(data.query(query), data.row(hit.row))) < 0.02 * scale)
      }
    }
  }

  @Test(arguments: metrics, [VectorStorage.float32, .float16])
  func originalsMakeScoresExact(metric: VectorMetric, storage: VectorStorage) throws {
    let data = ClusteredRows(rows: 600, queries: 6, dimension: 40, metric: metric, seed: 9)
    var unit = data.rows
    if metric == .cosine {
      for row in 0..<data.count {
        let length = Float(data.row(row).reduce(0) { $0 + Double($1) * Double($1) }.squareRoot())
        for j in 0..<40 { unit[row * 40 + j] /= length }
      }
    }
    let halves = Float16Codec.encode(unit)
    let index = try index(data)
    let tolerance = storage == .float32 ? 1e-4 : 0.05
    let results = try unsafe unit.withUnsafeBytes { full in
      try unsafe halves.withUnsafeBytes { half in
        let base = unsafe (storage == .float32 ? full : half).baseAddress!
        let originals = unsafe OriginalRows(
          base: base, rows: 600, storage: storage, strideBytes: 40 * storage.bytesPerElement)
        return try index.search(
          data.queries.span, k: 5, effort: .explicit(probes: 99, candidates: 100), originals: originals)
      }
    }
    #expect(results.statistics.originalsRead >= 30)
    for query in 0..<6 {
      for hit in results.hits(query) {
        let exact = data.score(data.query(query), data.row(hit.row))
        #expect(abs(Double(hit.score) - exact) < tolerance * (1 + abs(exact)))
      }
      if storage == .float32 { #expect(results.hits(query).map(\.row) == data.exact(query, k: 5)) }
    }
  }

  /// From all rows down to one, the answer has as many rows as are live, and the right ones.
  @Test(arguments: metrics, [1000, 500, 100, 20, 5, 1, 0])
  func filtersKeepTheirRecall(metric: VectorMetric, perMille: Int) throws {
    let data = ClusteredRows(rows: 4000, dimension: 32, metric: metric, seed: 21)
    let index = try index(data)
    var rng = SplitMix64(seed: 77)
    let chosen = Set((0..<data.count).filter { _ in rng.next() % 1000 < UInt64(perMille) })
    let live = bitmap(data.count, chosen.contains)
    for effort in [SearchEffort.explicit(probes: 24, candidates: 100), .explicit(probes: 1, candidates: 10)] {
      let results = try unsafe live.withUnsafeBufferPointer {
        unsafe try index.search(
          data.queries.span, k: 10, effort: effort,
          live: $0.baseAddress.map { unsafe LiveRows(words: $0, rows: data.count) })
      }
      for query in 0..<data.queryCount {
        #expect(results.counts[query] == min(10, chosen.count))
        #expect(results.hits(query).allSatisfy { chosen.contains($0.row) })
        #expect(Set(results.hits(query).map(\.row)).count == results.counts[query])
      }
      if effort != .explicit(probes: 1, candidates: 10) {
        #expect(data.recall(results, k: 10, isLive: chosen.contains) >= 0.95)
      }
    }
  }

  @Test(arguments: metrics, [1, 7, 64, 65, 1000])
  func flatScansAreExact(metric: VectorMetric, rows: Int) throws {
    let data = ClusteredRows(rows: rows, queries: 8, dimension: 65, metric: metric, seed: 3)
    let flat = try ScalarQuantizedRows(
      ScalarQuantizedRows.build(rows: data.rows.span, dimension: 65, metric: metric))
    let results = try flat.search(data.queries.span, k: 10)
    #expect(results.counts == Array(repeating: min(10, rows), count: 8))
    #expect(data.recall(results, k: 10) >= 0.95)
    #expect(results.statistics.expectedRecall == 1)
  }

  @Test(arguments: [1, 2, 3, 15, 33, 100])
  func smallCollectionsWork(rows: Int) throws {
    let data = ClusteredRows(rows: rows, queries: 5, dimension: 5, metric: .euclidean, seed: 4)
    let index = try index(data)
    let results = try index.search(data.queries.span, k: 200, effort: .explicit(probes: 999, candidates: 999))
    #expect(results.counts == Array(repeating: rows, count: 5))
  }

  @Test func batchesAndSingleQueriesAndThreadsAgree() throws {
    let data = ClusteredRows(rows: 3000, queries: 40, dimension: 24, metric: .cosine, seed: 6)
    let index = try index(data)
    let effort = SearchEffort.explicit(probes: 999, candidates: 300)
    let batch = try index.search(data.queries.span, k: 10, effort: effort)
    let threaded = try index.search(data.queries.span, k: 10, effort: effort, threads: 3)
    #expect(batch.rows == threaded.rows)
    #expect(batch.scores == threaded.scores)
    for query in 0..<40 {
      let one = try index.search(data.query(query).span, k: 10, effort: effort)
      #expect(Set(one.rows).intersection(batch.hits(query).map { UInt32($0.row) }).count >= 9)
    }
  }

  @Test func rangeSearchFindsAllWithinReach() throws {
    let data = ClusteredRows(rows: 2000, queries: 4, dimension: 16, metric: .euclidean, seed: 10)
    let index = try index(data)
    for query in 0..<4 {
      let q = data.query(query)
      let scores = (0..<data.count).map { data.score(q, data.row($0)) }
      let radius = scores.sorted(by: >)[150]
      let hits = try index.rangeSearch(
        q.span, radius: Float(radius), effort: .explicit(probes: 999, candidates: 2000))
      #expect((135...165).contains(hits.count))
      #expect(hits.allSatisfy { scores[$0.row] > radius - 0.1 })
      #expect(try index.rangeSearch(q.span, radius: .infinity).isEmpty)
    }
  }

  @Test(arguments: metrics)
  func rowsAreGivenBackNearly(metric: VectorMetric) throws {
    let data = ClusteredRows(rows: 300, dimension: 20, metric: metric, seed: 12)
    let index = try index(data)
    for row in [0, 1, 150, 299] {
      let back = index.reconstruct(row)
      let cosine = ClusteredRows(rows: 1, dimension: 20, metric: .cosine, seed: 0).score(back, data.row(row))
      #expect(cosine > 0.999)
    }
  }

  @Test func refusesWhatCannotBeSearched() throws {
    let data = ClusteredRows(rows: 100, dimension: 8, metric: .cosine, seed: 2)
    let index = try index(data)
    #expect(throws: VectorIndexError.shapeMismatch(values: 7, dimension: 8)) {
      try index.search([Float](repeating: 1, count: 7).span, k: 1)
    }
    #expect(throws: VectorIndexError.zeroVector(row: 1)) {
      try index.search(([Float](repeating: 1, count: 8) + [Float](repeating: 0, count: 8)).span, k: 1)
    }
    #expect(throws: VectorIndexError.notFinite(row: 0)) {
      try index.search([Float](repeating: .nan, count: 8).span, k: 1)
    }
    #expect(try index.search([Float]().span, k: 3).counts == [])
    #expect(try index.search([Float](repeating: 1, count: 8).span, k: 0).counts == [0])
    #expect(throws: VectorIndexError.rowsUnsupported(0)) {
      try IVFIndex.build(rows: [Float]().span, dimension: 8, metric: .cosine)
    }
    #expect(throws: VectorIndexError.dimensionUnsupported(4097)) {
      try IVFIndex.build(rows: [Float](repeating: 1, count: 4097).span, dimension: 4097, metric: .cosine)
    }
    #expect(throws: VectorIndexError.cancelled) {
      try IVFIndex.build(rows: data.rows.span, dimension: 8, metric: .cosine, isCancelled: { true })
    }
  }
}
