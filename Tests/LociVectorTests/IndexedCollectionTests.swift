import LociTestKit
import Testing

@testable import LociVector

/// An indexed collection against the rows it stands on.
struct IndexedCollectionTests {
  private static let dimension = 32

  @Test func answersAreExactInScoreAndNearlyInRows() throws {
    var random = SplitMix64(seed: 7)
    let collection = try Self.collection(rows: 40_000, &random)
    #expect(collection.claimBuild() && !collection.claimBuild(), "one builds")
    collection.build()
    #expect(!collection.claimBuild(), "nothing has changed")
    var found = 0
    for _ in 0..<200 {
      // Near some row, as a question is near its answer.
      let row = try #require(collection.vector(of: Int64.random(in: 0..<40_000, using: &random)))
      let query = zip(row, Self.vector(&random)).map { $0 + $1 * 0.5 }.unit
      let exact = try collection.rows.search(query, k: 10)
      let hits = try collection.search(query, k: 10)
      #expect(hits.count == 10)
      for hit in hits { #expect(try collection.rows.scores(of: [hit.id], query: query) == [hit.score]) }
      #expect(zip(hits, hits.dropFirst()).allSatisfy { ($0.score, $1.id) > ($1.score, $0.id) })
      found += Set(exact.map(\.id)).intersection(hits.map(\.id)).count
    }
    #expect(Double(found) / 2_000 > 0.95)
  }

  /// What was written after the build is found, what was removed or replaced is not, filters see every row.
  @Test func changesSinceTheBuildCount() throws {
    var random = SplitMix64(seed: 8)
    let collection = try Self.collection(rows: 20_000, &random)
    #expect(collection.claimBuild())
    collection.build()
    for id in Int64(50_000)..<50_100 {
      let vector = Self.vector(&random)
      try collection.upsert(ids: [id], vectors: vector)
      #expect(try collection.search(vector, k: 1).first?.id == id)
    }
    for id in Int64(0)..<100 {
      let old = try #require(collection.vector(of: id))
      if id.isMultiple(of: 2) {
        collection.remove(ids: [id])
      } else {
        let new = Self.vector(&random)
        try collection.upsert(ids: [id], vectors: new)
        #expect(try collection.search(new, k: 1).first?.id == id)
      }
      let hits = try collection.search(old, k: 20)
      #expect(hits.count == 20 && hits.first?.id != id)
      #expect(try hits.allSatisfy { try collection.rows.scores(of: [$0.id], query: old) == [$0.score] })
    }
    let query = Self.vector(&random)
    let some = Set(stride(from: Int64(1), to: 20_000, by: 7))
    #expect(
      try collection.search(query, k: 10, filter: .ids(some))
        == collection.rows.search(query, k: 10, filter: .ids(some)))
  }

  /// Removing most of what an index covers leaves searches whole: they look at all rows then.
  @Test func aSearchIsNeverShort() throws {
    var random = SplitMix64(seed: 9)
    let collection = try Self.collection(rows: 17_000, &random)
    #expect(collection.claimBuild())
    collection.build()
    collection.remove(ids: Array(0..<16_950))
    let query = Self.vector(&random)
    #expect(try collection.search(query, k: 40) == collection.rows.search(query, k: 40))
    #expect(!collection.claimBuild(), "too small for an index")
    #expect(throws: VectorError.self) { try collection.search([1, 2], k: 1) }
    #expect(throws: VectorError.self) {
      try collection.search([Float](repeating: .nan, count: Self.dimension), k: 1)
    }
  }

  @Test func buildsSearchesAndWritesAtOnce() async throws {
    var random = SplitMix64(seed: 10)
    let collection = try Self.collection(rows: 17_000, &random)
    let queries = (0..<50).map { _ in Self.vector(&random) }
    let added = (0..<2_000).map { _ in Self.vector(&random) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { if collection.claimBuild() { collection.build() } }
      group.addTask {
        for (number, vector) in added.enumerated() {
          let id = Int64(100_000 + number)
          try collection.upsert(ids: [id], vectors: vector)
          let nearest = try collection.search(vector, k: 1).first
          #expect(nearest?.id == id)
          if number.isMultiple(of: 3) { collection.remove(ids: [id]) }
        }
      }
      group.addTask {
        for query in queries {
          let hits = try collection.search(query, k: 10)
          #expect(hits.count == 10)
        }
      }
      try await group.waitForAll()
    }
    #expect(collection.count == 17_000 + 2_000 - 667)
  }

  private static func collection(rows: Int, _ random: inout SplitMix64) throws -> IndexedCollection {
    let collection = IndexedCollection(
      try VectorCollection(dimension: dimension, metric: .innerProduct, storage: .float16))
    // In clusters, as texts are.
    let centres = (0..<100).map { _ in vector(&random) }
    for start in stride(from: 0, to: rows, by: 1_000) {
      let count = min(1_000, rows - start)
      var vectors: [Float] = []
      for _ in 0..<count {
        let centre = centres[Int.random(in: 0..<100, using: &random)]
        vectors += zip(centre, vector(&random)).map { $0 + $1 * 0.7 }.unit
      }
      try collection.upsert(ids: (start..<start + count).map(Int64.init), vectors: vectors)
    }
    return collection
  }

  private static func vector(_ random: inout SplitMix64) -> [Float] {
    (0..<dimension).map { _ in Float.random(in: -1...1, using: &random) }.unit
  }
}

extension [Float] {
  fileprivate var unit: [Float] {
    let length = reduce(0) { $0 + $1 * $1 }.squareRoot()
    return map { $0 / length }
  }
}
