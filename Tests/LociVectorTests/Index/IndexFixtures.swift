@testable import LociVector
import LociTestKit

/// Clustered rows with a little noise, as real embeddings are, and the exact answer to compare with.
struct ClusteredRows {
  let dimension: Int
  let metric: VectorMetric
  /// Shape (n, dimension).
  let rows: [Float]
  let queries: [Float]
  var count: Int { rows.count / dimension }
  var queryCount: Int { queries.count / dimension }

  init(rows n: Int, queries m: Int = 20, dimension: Int, metric: VectorMetric, seed: UInt64) {
    (self.dimension, self.metric) = (dimension, metric)
    var rng = SplitMix64(seed: seed)
    let centres = (0..<max(1, n / 40)).map { _ in rng.floats(dimension) }
    func point(_ rng: inout SplitMix64) -> [Float] {
      let centre = centres[Int(rng.next() % UInt64(centres.count))]
      let noise = rng.floats(dimension)
      return (0..<dimension).map { centre[$0] + 0.6 * noise[$0] }
    }
    rows = (0..<n).flatMap { _ in point(&rng) }
    queries = (0..<m).flatMap { _ in point(&rng) }
  }

  func row(_ index: Int) -> [Float] { Array(rows[index * dimension..<(index + 1) * dimension]) }
  func query(_ index: Int) -> [Float] { Array(queries[index * dimension..<(index + 1) * dimension]) }

  /// In double precision.
  func score(_ a: [Float], _ b: [Float]) -> Double {
    var dot = 0.0, aa = 0.0, bb = 0.0, square = 0.0
    for (x, y) in zip(a, b) {
      dot += Double(x) * Double(y)
      aa += Double(x) * Double(x)
      bb += Double(y) * Double(y)
      square += (Double(x) - Double(y)) * (Double(x) - Double(y))
    }
    return switch metric {
    case .cosine: dot / (aa * bb).squareRoot()
    case .innerProduct: dot
    case .euclidean: -square
    }
  }

  /// The k best rows of those that `isLive` lets through.
  func exact(_ query: Int, k: Int, isLive: (Int) -> Bool = { _ in true }) -> [Int] {
    let q = self.query(query)
    return (0..<count).filter(isLive).map { ($0, score(q, row($0))) }
      .sorted { $0.1 > $1.1 }.prefix(k).map(\.0)
  }

  /// Mean share of the exact k best that `results` has.
  func recall(_ results: IndexResults, k: Int, isLive: (Int) -> Bool = { _ in true }) -> Double {
    var found = 0, wanted = 0
    for query in 0..<queryCount {
      let exact = exact(query, k: k, isLive: isLive)
      found += Set(exact).intersection(results.hits(query).map(\.row)).count
      wanted += exact.count
    }
    return wanted == 0 ? 1 : Double(found) / Double(wanted)
  }
}

/// A bit for each row, in whole words.
func bitmap(_ count: Int, _ isLive: (Int) -> Bool) -> [UInt64] {
  var words = [UInt64](repeating: 0, count: (count + 63) / 64)
  for row in 0..<count where isLive(row) { words[row / 64] |= 1 << UInt64(row % 64) }
  return words
}
