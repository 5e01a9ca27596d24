import CLociMath

/// Arithmetic on batches of embeddings, shape (n, dimension), row-major. Matrix products go through BLAS where that
/// is an optimised one.
package enum EmbeddingMath {
  /// Shape (n, m): the similarity of each of `a` with each of `b`: cosine, inner product, or negative squared
  /// distance. A zero vector has cosine 0 with all.
  package static func similarities(
    _ a: Span<Float>, _ b: Span<Float>, dimension: Int, metric: VectorMetric
  ) throws(VectorIndexError) -> [Float] {
    let n = try rowCount(a, dimension), m = try rowCount(b, dimension)
    var out = products(a, b, dimension: dimension, n, m)
    switch metric {
    case .innerProduct: break
    case .cosine:
      let (x, y) = (squaredNorms(a, dimension), squaredNorms(b, dimension))
      for i in 0..<n {
        for j in 0..<m {
          let scale = (x[i] * y[j]).squareRoot()
          out[i * m + j] = scale > 0 ? Float(min(1, max(-1, Double(out[i * m + j]) / scale))) : 0
        }
      }
    case .euclidean:
      let (x, y) = (squaredNorms(a, dimension), squaredNorms(b, dimension))
      for i in 0..<n {
        for j in 0..<m { out[i * m + j] = Float(min(0, 2 * Double(out[i * m + j]) - x[i] - y[j])) }
      }
    }
    return out
  }

  /// Shape (dimension,): the mean of the rows, or with `weights`, shape (n,), not negative, their weighted mean;
  /// zero when there are no rows or no weight. With `normalises`, of unit length unless zero.
  package static func pool(
    _ rows: Span<Float>, dimension: Int, weights: [Float]? = nil, normalises: Bool = false
  ) throws(VectorIndexError) -> [Float] {
    let n = try rowCount(rows, dimension)
    if let weights {
      guard weights.count == n else { throw .rowCountMismatch(got: weights.count, want: n) }
      guard weights.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
        throw .configuration("weights are not negative")
      }
    }
    var pooled = sum(rows, dimension) { weights?[$0] ?? 1 }
    let total = weights.map { $0.reduce(0) { $0 + Double($1) } } ?? Double(n)
    var scale = total > 0 ? 1 / total : 0
    if normalises {
      let length = pooled.reduce(0) { $0 + $1 * $1 }.squareRoot()
      scale = length > 0 ? 1 / length : 0
    }
    for j in pooled.indices { pooled[j] *= scale }
    return pooled.map(Float.init)
  }

  /// Shape (groups, dimension): the mean of the rows of each group, zero for an empty one.
  /// - Parameter labels: the group of each row, in 0..<groups.
  package static func centroids(
    _ rows: Span<Float>, dimension: Int, labels: [Int], groups: Int
  ) throws(VectorIndexError) -> [Float] {
    let n = try rowCount(rows, dimension)
    guard labels.count == n else { throw .rowCountMismatch(got: labels.count, want: n) }
    guard groups >= 0, labels.allSatisfy({ (0..<groups).contains($0) }) else {
      throw .configuration("labels are in 0..<groups")
    }
    var sums = [Double](repeating: 0, count: groups * dimension)
    var counts = [Double](repeating: 0, count: groups)
    for (row, label) in labels.enumerated() {
      counts[label] += 1
      for j in 0..<dimension { sums[label * dimension + j] += Double(rows[row * dimension + j]) }
    }
    return sums.indices.map { counts[$0 / dimension] > 0 ? Float(sums[$0] / counts[$0 / dimension]) : 0 }
  }

  static func mean(_ rows: Span<Float>, dimension: Int) -> [Float] {
    let n = rows.count / dimension
    return sum(rows, dimension) { _ in 1 }.map { n > 0 ? Float($0 / Double(n)) : 0 }
  }

  /// Shape (n, m): inner products.
  static func products(_ a: Span<Float>, _ b: Span<Float>, dimension: Int, _ n: Int, _ m: Int) -> [Float] {
    var out = [Float](repeating: 0, count: n * m)
    guard n > 0, m > 0 else { return out }
    let kernels = unsafe VectorKernels.best.table.pointee
    unsafe a.withUnsafeBufferPointer { a in
      unsafe b.withUnsafeBufferPointer { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return }
        if VectorKernels.best.usesBLAS {
          unsafe loci_scores_matrix(a, n, b, m, dimension, &out, m)
        } else {
          unsafe out.withUnsafeMutableBufferPointer { out in
            guard let out = out.baseAddress else { return }
            for i in 0..<n { unsafe kernels.dot_rows(a + i * dimension, b, m, dimension, out + i * m) }
          }
        }
      }
    }
    return out
  }

  private static func rowCount(_ rows: Span<Float>, _ dimension: Int) throws(VectorIndexError) -> Int {
    guard (1...ImageInput.dimensionMax).contains(dimension) else { throw .dimensionUnsupported(dimension) }
    let (n, rest) = rows.count.quotientAndRemainder(dividingBy: dimension)
    guard rest == 0 else { throw .shapeMismatch(values: rows.count, dimension: dimension) }
    if let problem = unsafe rows.withUnsafeBufferPointer({
      unsafe RowCheck.firstBad($0, dimension, .innerProduct)
    }) {
      throw problem
    }
    return n
  }

  private static func squaredNorms(_ rows: Span<Float>, _ dimension: Int) -> [Double] {
    (0..<rows.count / dimension).map { row in
      (0..<dimension).reduce(0.0) {
        let x = Double(rows[row * dimension + $1])
        return $0 + x * x
      }
    }
  }

  private static func sum(_ rows: Span<Float>, _ dimension: Int, _ weight: (Int) -> Float) -> [Double] {
    var sums = [Double](repeating: 0, count: dimension)
    for row in 0..<rows.count / dimension {
      let weight = Double(weight(row))
      for j in 0..<dimension { sums[j] += weight * Double(rows[row * dimension + j]) }
    }
    return sums
  }
}
