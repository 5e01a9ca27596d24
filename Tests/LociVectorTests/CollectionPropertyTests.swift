import Testing

@testable import LociVector
import LociTestKit

/// A collection of small integers, whose scores are exact in float32, so that answers must be equal.
struct CollectionPropertyTests {
  @Test(arguments: [VectorMetric.innerProduct, .euclidean], UInt64(1)...8)
  func agreesWithADictionary(metric: VectorMetric, seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let dimension = Int.random(in: 1...40, using: &rng)
    let storage = VectorStorage.allCases.randomElement(using: &rng) ?? .float32
    let level = levels.randomElement(using: &rng) ?? .scalar
    let collection = try VectorCollection(
      dimension: dimension, metric: metric, storage: storage,
      kernels: VectorKernels(cap: level, usesBLAS: Bool.random(using: &rng)))
    var model: [Int64: [Float]] = [:]
    for _ in 0..<60 {
      let ids = (0..<Int.random(in: 1...40, using: &rng)).map { _ in Int64.random(in: -150...150, using: &rng)
      }
      switch Int.random(in: 0..<4, using: &rng) {
      case 0, 1:
        let vectors = rng.integers(ids.count * dimension)
        try collection.upsert(ids: ids, vectors: vectors)
        for (row, id) in ids.enumerated() {
          model[id] = Array(vectors[row * dimension..<(row + 1) * dimension])
        }
      case 2:
        #expect(collection.remove(ids: ids) == Set(ids).intersection(model.keys).count)
        for id in ids { model[id] = nil }
      default:
        try check(collection, model, ids, &rng)
      }
    }
    try check(collection, model, Array(model.keys), &rng)
    #expect(Set(collection.ids) == Set(model.keys))
    for (id, vector) in model { #expect(collection.vector(of: id) == vector) }
  }

  private func check(
    _ collection: VectorCollection, _ model: [Int64: [Float]], _ ids: [Int64], _ rng: inout SplitMix64
  ) throws {
    // 66 queries need two passes over the rows.
    let number = Int.random(in: 0..<8, using: &rng) == 0 ? 66 : Int.random(in: 1...3, using: &rng)
    let queries = (0..<number).map { _ in rng.integers(collection.dimension) }
    let k = Int.random(in: 1...30, using: &rng)
    let matrix = queries.flatMap { $0 }
    let wanted = Set(ids)
    let filters: [(VectorFilter, (Int64) -> Bool)] = [
      (.all, { _ in true }), (.matching { $0 % 3 == 0 }, { $0 % 3 == 0 }), (.ids(wanted), wanted.contains),
      (.ids([7]), { $0 == 7 })
    ]
    let ranked = queries.map { query in
      model.map { VectorHit(id: $0.key, score: score(query, $0.value, collection.metric)) }
        .sorted { ($0.score, -$0.id) > ($1.score, -$1.id) }
    }
    for (filter, passes) in filters {
      let expected = ranked.map { $0.filter { passes($0.id) }.prefix(k) }
      #expect(try collection.search(queries[0], k: k, filter: filter) == Array(expected[0]))
      let batch = try collection.searchBatch(matrix, k: k, filter: filter)
      #expect(batch == expected.map { Array($0) })
    }
    #expect(
      try collection.scores(of: ids, query: queries[0])
        == ids.map { id in model[id].map { score(queries[0], $0, collection.metric) } })
  }

  private func score(_ a: [Float], _ b: [Float], _ metric: VectorMetric) -> Float {
    var sum: Float = 0
    for i in a.indices { sum += metric == .euclidean ? -(a[i] - b[i]) * (a[i] - b[i]) : a[i] * b[i] }
    return sum
  }

  @Test(arguments: VectorStorage.allCases)
  func cosineAgreesWithDoublePrecision(storage: VectorStorage) throws {
    var rng = SplitMix64(seed: 21)
    let collection = try VectorCollection(dimension: 65, storage: storage)
    let rows = (0..<300).map { _ in rng.floats(65).map { $0 * 100 } }
    let matrix = rows.flatMap { $0 }
    try collection.upsert(ids: Array(0..<300), vectors: matrix)
    let query = rng.floats(65)
    for hit in try collection.search(query, k: 300) {
      let row = rows[Int(hit.id)]
      let (product, a, b) = zip(query, row).reduce((0.0, 0.0, 0.0)) {
        let (x, y) = (Double($1.0), Double($1.1))
        return ($0.0 + x * y, $0.1 + x * x, $0.2 + y * y)
      }
      #expect(abs(Double(hit.score) - product / (a * b).squareRoot()) < (storage == .float32 ? 1e-6 : 1e-3))
    }
    let batch = try collection.searchBatch(query, k: 300)
    #expect(try batch == [collection.search(query, k: 300)])
  }
}

extension SplitMix64 {
  fileprivate mutating func integers(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(Int(next() % 9)) - 4 }
  }
}
