import Testing

@testable import LociVector
import LociTestKit

struct EmbeddingMathTests {
  @Test(arguments: VectorMetric.allCases, [1, 3, 17])
  func similaritiesAreThoseOfThePairs(metric: VectorMetric, dimension: Int) throws {
    let data = ClusteredRows(rows: 9, queries: 5, dimension: dimension, metric: metric, seed: 4)
    let out = try EmbeddingMath.similarities(
      data.rows.span, data.queries.span, dimension: dimension, metric: metric)
    #expect(out.count == 45)
    for i in 0..<9 {
      for j in 0..<5 {
        #expect(abs(Double(out[i * 5 + j]) - data.score(data.row(i), data.query(j))) < 1e-4)
      }
    }
  }

  @Test func zeroVectorsHaveNoCosine() throws {
    let out = try EmbeddingMath.similarities(
      [0, 0, 1, 0].span, [0, 2].span, dimension: 2, metric: .cosine)
    #expect(out == [0, 0])
  }

  @Test func poolingIsAMean() throws {
    let rows: [Float] = [1, 2, 3, 6]
    #expect(try EmbeddingMath.pool(rows.span, dimension: 2) == [2, 4])
    #expect(try EmbeddingMath.pool(rows.span, dimension: 2, weights: [3, 1]) == [1.5, 3])
    #expect(try EmbeddingMath.pool(rows.span, dimension: 2, weights: [0, 0]) == [0, 0])
    #expect(try EmbeddingMath.pool([3, 4].span, dimension: 2, normalises: true) == [0.6, 0.8])
    #expect(try EmbeddingMath.pool([Float]().span, dimension: 2) == [0, 0])
    #expect(throws: VectorIndexError.rowCountMismatch(got: 1, want: 2)) {
      try EmbeddingMath.pool(rows.span, dimension: 2, weights: [1])
    }
  }

  @Test func centroidsAreMeansOfGroups() throws {
    let rows: [Float] = [1, 0, 3, 0, 5, 5]
    let out = try EmbeddingMath.centroids(rows.span, dimension: 2, labels: [0, 0, 2], groups: 3)
    #expect(out == [2, 0, 0, 0, 5, 5])
    #expect(throws: VectorIndexError.self) {
      try EmbeddingMath.centroids(rows.span, dimension: 2, labels: [0, 0, 3], groups: 3)
    }
  }

  /// Rows that vary along two known directions only.
  @Test func axesAreFound() throws {
    var rng = SplitMix64(seed: 17)
    let (u, v): ([Float], [Float]) = ([0.6, 0.8, 0, 0], [0, 0, 1, 0])
    let rows = (0..<3000).flatMap { _ -> [Float] in
      let (a, b) = (rng.floats(1)[0] * 5, rng.floats(1)[0])
      return (0..<4).map { 7 + a * u[$0] + b * v[$0] }
    }
    let axes = try PrincipalAxes(rows: rows.span, dimension: 4, count: 3)
    let along = (0..<4).reduce(Float(0)) { $0 + axes.axes[$1] * u[$1] }
    #expect(abs(abs(along) - 1) < 1e-3)
    #expect(abs(axes.variances[0] - 25.0 / 3) < 0.5 && abs(axes.variances[1] - 1.0 / 3) < 0.05)
    #expect(axes.variances[2] < 1e-3)
    #expect(abs(axes.totalVariance - axes.variances.reduce(0, +)) < 1e-2)
    let white = try axes.project(rows.span, whitens: true)
    for axis in 0..<2 {
      let values = stride(from: axis, to: white.count, by: 3).map { white[$0] }
      let mean = values.reduce(0, +) / Float(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)
      #expect(abs(mean) < 1e-3 && abs(variance - 1) < 1e-2)
    }
    // A rotation keeps distances.
    let full = try PrincipalAxes(rows: rows.span, dimension: 4, count: 4).project(rows.span)
    let data = ClusteredRows(rows: 1, dimension: 4, metric: .euclidean, seed: 0)
    let before = data.score(Array(rows[0..<4]), Array(rows[4..<8]))
    #expect(abs(before - data.score(Array(full[0..<4]), Array(full[4..<8]))) < 1e-3 * (1 - before))
  }
}
