import Testing

@testable import LociVector
import LociTestKit

struct TopKTests {
  @Test(arguments: [0, 1, 2, 3, 7, 16, 100, 500])
  func keepsTheBestByScoreThenLowerIdWhateverTheOrder(k: Int) {
    var rng = SplitMix64(seed: UInt64(k))
    // Few distinct scores, so that most decisions are ties.
    let all = (0..<300).map { VectorHit(id: $0, score: Float.random(in: 0..<8, using: &rng).rounded()) }
    let expected = all.sorted { ($0.score, -$0.id) > ($1.score, -$1.id) }.prefix(k)
    for _ in 0..<5 {
      var top = TopK(capacity: k)
      for hit in all.shuffled(using: &rng) {
        top.push(score: hit.score, id: hit.id, slot: RowSlot(packed: 0))
      }
      #expect(top.sorted() == Array(expected))
    }
  }

  @Test func thresholdIsTheWorstKeptOnceFull() {
    var top = TopK(capacity: 2)
    #expect(top.threshold == -.infinity)
    top.push(score: 3, id: 1, slot: RowSlot(packed: 0))
    #expect(top.threshold == -.infinity)
    top.push(score: 5, id: 2, slot: RowSlot(packed: 0))
    #expect(top.threshold == 3)
    top.push(score: 4, id: 3, slot: RowSlot(packed: 0))
    #expect(top.threshold == 4)
    var none = TopK(capacity: 0)
    #expect(none.threshold == .infinity)
    none.push(score: 1, id: 1, slot: RowSlot(packed: 0))
    #expect(none.sorted() == [])
  }

  @Test func notANumberIsNeverKept() {
    var top = TopK(capacity: 3)
    top.push(score: .nan, id: 1, slot: RowSlot(packed: 0))
    top.push(score: -.infinity, id: 2, slot: RowSlot(packed: 0))
    #expect(top.sorted() == [VectorHit(id: 2, score: -.infinity)])
  }
}
