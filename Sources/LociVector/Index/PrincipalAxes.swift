import CLociMath

/// Principal component analysis: the directions in which rows vary most, by LAPACK's symmetric eigenproblem.
package struct PrincipalAxes: Sendable {
  package let dimension: Int
  /// Axes kept, at most `dimension`.
  package let count: Int
  /// Shape (dimension,): subtracted first. Zero unless centred.
  package let mean: [Float]
  /// Shape (count, dimension), orthonormal rows, of falling variance.
  package let axes: [Float]
  /// Variance along each axis; without centring the mean square.
  package let variances: [Float]
  /// Of all axes, those not kept too.
  package let totalVariance: Float

  /// Fits `rows`, shape (n, dimension), row-major, finite. O(n × dimension² + dimension³).
  /// - Parameter isCentred: whether the mean is subtracted. Inner products are kept only without.
  /// - Throws: `dimensionUnsupported`, `rowsUnsupported` (none), `shapeMismatch`, `notFinite`, `configuration`,
  ///   `factorisationFailed`.
  package init(
    rows: Span<Float>, dimension: Int, count: Int, isCentred: Bool = true
  ) throws(VectorIndexError) {
    let n = try ImageInput.check(rows, dimension, .innerProduct)
    guard (1...dimension).contains(count) else { throw .configuration("count is in 1...dimension") }
    var mean = [Float](repeating: 0, count: dimension)
    if isCentred { mean = EmbeddingMath.mean(rows, dimension: dimension) }
    var moment = [Float](repeating: 0, count: dimension * dimension)
    var block = [Float](repeating: 0, count: min(n, PrincipalAxes.blockRows) * dimension)
    for start in stride(from: 0, to: n, by: PrincipalAxes.blockRows) {
      let rowCount = min(PrincipalAxes.blockRows, n - start)
      for row in 0..<rowCount {
        for j in 0..<dimension { block[row * dimension + j] = rows[(start + row) * dimension + j] - mean[j] }
      }
      unsafe loci_add_second_moment(block, rowCount, dimension, &moment)
    }
    for i in moment.indices { moment[i] /= Float(n) }
    var values = [Float](repeating: 0, count: dimension)
    guard unsafe loci_eigen_symmetric(&moment, dimension, &values) else { throw .factorisationFailed }
    (self.dimension, self.count, self.mean) = (dimension, count, mean)
    // Eigenvalues rise.
    axes = (0..<count).flatMap { axis in
      moment[(dimension - 1 - axis) * dimension..<(dimension - axis) * dimension]
    }
    variances = (0..<count).map { max(0, values[dimension - 1 - $0]) }
    totalVariance = values.reduce(0) { $0 + max(0, $1) }
  }

  private static let blockRows = 1024

  /// Shape (n, count): rows along the axes. With `whitens`, each axis is divided by its deviation, so that all vary
  /// alike; axes of almost no variance give zero.
  package func project(_ rows: Span<Float>, whitens: Bool = false) throws(VectorIndexError) -> [Float] {
    let (n, rest) = rows.count.quotientAndRemainder(dividingBy: dimension)
    guard rest == 0 else { throw .shapeMismatch(values: rows.count, dimension: dimension) }
    var centred = [Float](repeating: 0, count: rows.count)
    for i in centred.indices { centred[i] = rows[i] - mean[i % dimension] }
    var out = EmbeddingMath.products(centred.span, axes.span, dimension: dimension, n, count)
    guard whitens else { return out }
    let floor = (variances.first ?? 0) * 1e-9
    for i in out.indices {
      let variance = variances[i % count]
      out[i] = variance > floor ? out[i] / variance.squareRoot() : 0
    }
    return out
  }
}
