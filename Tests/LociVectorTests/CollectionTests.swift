import Testing

@testable import LociVector
import LociTestKit

struct CollectionTests {
  @Test func anExample() throws {
    let places = try VectorCollection(dimension: 2)
    try places.upsert(ids: [1, 2, 3], vectors: [1, 0, 0, 5, 3, 3])
    let hits = try places.search([2, 0.1], k: 2)
    #expect(hits.map(\.id) == [1, 3])
    #expect(abs(hits[0].score - 0.99875) < 1e-5)
    places.remove(ids: [1])
    #expect(try places.search([2, 0.1], k: 2).map(\.id) == [3, 2])
    #expect(try places.search([2, 0.1], k: 2, filter: .matching { $0 != 3 }).map(\.id) == [2])
    #expect(try places.scores(of: [2, 1], query: [0, 1]) == [1, nil])
  }

  @Test(arguments: VectorMetric.allCases, VectorStorage.allCases)
  func badInputIsRefusedAndChangesNothing(metric: VectorMetric, storage: VectorStorage) throws {
    let collection = try VectorCollection(dimension: 3, metric: metric, storage: storage)
    try collection.upsert(id: 1, vector: [1, 2, 3])
    #expect(throws: VectorError.shapeMismatch(values: 2, rows: 1, dimension: 3)) {
      try collection.upsert(id: 2, vector: [1, 2])
    }
    for bad in [Float.nan, .infinity, -.infinity] {
      #expect(throws: VectorError.notFinite(row: 1)) {
        try collection.upsert(ids: [2, 3], vectors: [1, 1, 1, 0, bad, 0])
      }
      #expect(throws: VectorError.notFinite(row: 0)) { try collection.search([0, 0, bad], k: 1) }
      #expect(throws: VectorError.notFinite(row: 1)) {
        try collection.searchBatch([1, 1, 1, 1, bad, 1], k: 1)
      }
    }
    #expect(throws: VectorError.dimensionMismatch(got: 4, want: 3)) {
      try collection.search([1, 2, 3, 4], k: 1)
    }
    #expect(throws: VectorError.dimensionMismatch(got: 0, want: 3)) {
      try collection.scores(of: [1], query: [])
    }
    #expect(throws: VectorError.shapeMismatch(values: 4, rows: 1, dimension: 3)) {
      try collection.searchBatch([1, 2, 3, 4], k: 1)
    }
    #expect(throws: VectorError.cancelled) {
      try collection.search([1, 2, 3], k: 1, isCancelled: { true })
    }
    #expect(throws: VectorError.cancelled) {
      try collection.searchBatch([1, 2, 3], k: 1, isCancelled: { true })
    }
    #expect(collection.ids == [1])
  }

  @Test func lengthsThatWouldOverflowAreRefused() throws {
    #expect(throws: VectorError.zeroVector(row: 0)) {
      try VectorCollection(dimension: 2).upsert(id: 1, vector: [0, 0])
    }
    let products = try VectorCollection(dimension: 2, metric: .innerProduct)
    #expect(throws: VectorError.tooLong(row: 0, norm: .infinity, limit: 9e18)) {
      try products.upsert(id: 1, vector: [3e38, 3e38])
    }
    try products.upsert(id: 1, vector: [6e18, -6e18])
    #expect(try products.search([-6e18, 6e18], k: 1)[0].score.isFinite)
    let distances = try VectorCollection(dimension: 1, metric: .euclidean)
    try distances.upsert(id: 1, vector: [8.9e18])
    #expect(try distances.search([-8.9e18], k: 1)[0].score.isFinite)
    let halves = try VectorCollection(dimension: 1, metric: .euclidean, storage: .float16)
    #expect(throws: VectorError.tooLong(row: 0, norm: 65_536, limit: 65_504)) {
      try halves.upsert(id: 1, vector: [65_536])
    }
    try halves.upsert(id: 1, vector: [65_504])
    #expect(halves.vector(of: 1) == [65_504])
    for dimension in [-1, 0, 65_537] {
      #expect(throws: VectorError.dimensionUnsupported(dimension)) {
        try VectorCollection(dimension: dimension)
      }
    }
  }

  @Test func anyKIsFine() throws {
    let collection = try VectorCollection(dimension: 1, metric: .euclidean)
    #expect(try collection.search([0], k: 5) == [])
    #expect(try collection.searchBatch([0, 1], k: 5) == [[], []])
    #expect(try collection.searchBatch([], k: 5) == [])
    try collection.upsert(ids: [4, 2], vectors: [1, -1])
    for k in [-1, 0] { #expect(try collection.search([0], k: k) == []) }
    #expect(try collection.search([0], k: .max).map(\.id) == [2, 4])
    #expect(try collection.searchBatch([0], k: .max)[0].map(\.id) == [2, 4])
  }

  @Test func smallCollectionsStaySmallAndDeadRowsAreGivenBack() throws {
    let collection = try VectorCollection(dimension: 384)
    var rng = SplitMix64(seed: 1)
    try collection.upsert(id: 1, vector: rng.floats(384))
    #expect(collection.allocatedBytes < 32_768)
    for _ in 0..<1000 { try collection.upsert(id: 1, vector: rng.floats(384)) }
    #expect(collection.allocatedBytes < 65_536)
    try collection.upsert(ids: Array(1...2000), vectors: rng.floats(2000 * 384))
    #expect(collection.remove(ids: 11...2000) == 1990)
    #expect(collection.remove(ids: 11...2000) == 0)
    #expect(collection.count == 10)
    #expect(collection.allocatedBytes < 1000 * 384 * 4 * 2)
    #expect(Set(collection.ids) == Set(1...10))
  }

  @Test func theLargestDimensionFillsSeveralChunks() throws {
    let dimension = VectorCollection.dimensionMax
    let collection = try VectorCollection(dimension: dimension, metric: .innerProduct)
    for id in Int64(0)..<70 {
      var vector = [Float](repeating: 0, count: dimension)
      (vector[0], vector[dimension - 1]) = (Float(id), 1)
      try collection.upsert(id: id, vector: vector)
    }
    var query = [Float](repeating: 0, count: dimension)
    (query[0], query[dimension - 1]) = (1, 1000)
    #expect(
      try collection.search(query, k: 2) == [VectorHit(id: 69, score: 1069), VectorHit(id: 68, score: 1068)])
    #expect(try collection.searchBatch(query, k: 1) == [[VectorHit(id: 69, score: 1069)]])
    collection.remove(ids: 0..<40)
    #expect(try collection.search(query, k: 100).map(\.id) == (40..<70).reversed())
  }

  @Test(arguments: VectorMetric.allCases)
  func halfPrecisionFindsNearlyTheSame(metric: VectorMetric) throws {
    var rng = SplitMix64(seed: 5)
    let (exact, half) = (
      try VectorCollection(dimension: 48, metric: metric),
      try VectorCollection(dimension: 48, metric: metric, storage: .float16)
    )
    let rows = rng.floats(1000 * 48)
    for collection in [exact, half] { try collection.upsert(ids: Array(0..<1000), vectors: rows) }
    var common = 0
    for _ in 0..<50 {
      let query = rng.floats(48)
      let (a, b) = (try exact.search(query, k: 10), try half.search(query, k: 10))
      common += Set(a.map(\.id)).intersection(b.map(\.id)).count
      for (x, y) in zip(a, b) { #expect(abs(x.score - y.score) <= 2e-3 * max(1, abs(x.score))) }
    }
    #expect(common >= 495)
  }
}
