import LociCore
import Testing

@testable import LociVector
import LociTestKit

struct ConcurrencyTests {
  /// Each write replaces all ids at once by the same value: a search must never see two values, nor miss an
  /// id.
  @Test func searchesSeeEachWriteEntirelyOrNotAtAll() async throws {
    let collection = try VectorCollection(dimension: 4, metric: .innerProduct)
    let ids = Array(Int64(0)..<40)
    @Sendable func write(_ value: Float) throws {
      try collection.upsert(ids: ids, vectors: [Float](repeating: value, count: ids.count * 4))
    }
    try write(0)
    let done = Flag()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { done.raise() }
        for round in 1...100 { try write(Float(round)) }
      }
      for _ in 0..<3 {
        group.addTask {
          var last: Float = 0
          repeat {
            let hits = try collection.search([1, 0, 0, 0], k: 100)
            #expect(hits.map(\.id) == ids)
            #expect(Set(hits.map(\.score)).count == 1)
            #expect(hits[0].score >= last)
            last = hits[0].score
            let batch = try collection.searchBatch([1, 0, 0, 0], k: 100)
            #expect(batch[0].map(\.id) == ids)
            #expect(try collection.scores(of: [3, 99], query: [0, 1, 0, 0])[1] == nil)
          } while !done.isRaised
        }
      }
      try await group.waitForAll()
    }
    #expect(try collection.search([1, 0, 0, 0], k: 1)[0].score == 100)
  }

  @Test func whatAWriterRemovedItNeverFindsAgain() async throws {
    let collection = try VectorCollection(dimension: 8)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<3 {
        group.addTask {
          var rng = SplitMix64(seed: UInt64(writer))
          for round in 0..<30 {
            let ids = (0..<20).map { Int64(writer * 10_000 + round * 20 + $0) }
            try collection.upsert(ids: ids, vectors: rng.floats(160))
            let gone = ids.filter { _ in Bool.random(using: &rng) }
            #expect(collection.remove(ids: gone) == gone.count)
            let found = Set(try collection.search(rng.floats(8), k: 10_000).map(\.id))
            #expect(found.isDisjoint(with: gone))
            #expect(found.isSuperset(of: Set(ids).subtracting(gone)))
          }
        }
      }
      try await group.waitForAll()
    }
  }
}

private final class Flag: Sendable {
  private let value = Locked(false)
  var isRaised: Bool { value.withLock { $0 } }
  func raise() { value.withLock { $0 = true } }
}
