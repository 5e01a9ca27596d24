import CLociMath

/// The Cholesky factor of a symmetric positive definite matrix A, float64, shape (size, size), by LAPACK.
package struct Cholesky: Sendable {
  package let size: Int
  private let lower: [Double]

  /// `nil` when the matrix is not positive definite, or not finite. Reads its lower triangle. Cost: size³ / 3.
  package init?(_ matrix: [Double], size: Int) {
    precondition(matrix.count == size * size && size < 1 << 15, "a square matrix")
    var factor = matrix
    guard unsafe loci_cholesky(&factor, size) else { return nil }
    guard (0..<size).allSatisfy({ factor[$0 * size + $0].isFinite && factor[$0 * size + $0] > 0 }) else {
      return nil
    }
    self.size = size
    lower = factor
  }

  /// An upper bound of the reciprocal condition number, from the factor's diagonal; below about 1e-14 the matrix is
  /// singular but for rounding.
  package var reciprocalConditionMax: Double {
    let diagonal = (0..<size).map { lower[$0 * size + $0] }
    guard let least = diagonal.min(), let most = diagonal.max() else { return 1 }
    return (least / most) * (least / most)
  }

  /// A⁻¹ b, shape (size,).
  package func solve(_ right: [Double]) -> [Double] {
    precondition(right.count == size, "one right-hand side")
    var solution = right
    let solved = unsafe loci_cholesky_solve(lower, size, &solution, 1)
    precondition(solved, "dpotrs refuses malformed arguments only")
    return solution
  }

  /// A⁻¹, shape (size, size).
  package func inverse() -> [Double] {
    var matrix = lower
    let inverted = unsafe loci_cholesky_inverse(&matrix, size)
    precondition(inverted, "a factor has no zero on its diagonal")
    return matrix
  }

  /// xᵀ A⁻¹ x.
  package func inverseQuadratic(_ x: [Double]) -> Double {
    precondition(x.count == size, "one vector")
    var white = x
    unsafe loci_triangular_solve(lower, size, false, &white)
    return white.reduce(0) { $0 + $1 * $1 }
  }

  /// L⁻ᵀ z: with z standard normal, a draw with covariance A⁻¹.
  package func draw(_ z: [Double]) -> [Double] {
    precondition(z.count == size, "one vector")
    var drawn = z
    unsafe loci_triangular_solve(lower, size, true, &drawn)
    return drawn
  }
}

/// Small dense arithmetic in float64.
package enum DenseMatrix {
  /// matrix += weight · x xᵀ; matrix has shape (n, n), x (n,).
  package static func addOuter(_ x: [Double], weight: Double, to matrix: inout [Double]) {
    precondition(matrix.count == x.count * x.count, "shapes agree")
    unsafe loci_add_outer(x, x.count, weight, &matrix)
  }

  /// xᵀ M x.
  package static func quadratic(_ matrix: [Double], _ x: [Double]) -> Double {
    precondition(matrix.count == x.count * x.count, "shapes agree")
    return unsafe loci_quadratic_form(matrix, x, x.count)
  }

  package static func dot(_ a: [Double], _ b: [Double]) -> Double {
    precondition(a.count == b.count, "shapes agree")
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
  }

  /// Xᵀ diag(w) X, shape (dimension, dimension); rows has shape (n, dimension), weights (n,).
  package static func weightedGram(_ rows: [Double], weights: [Double], dimension: Int) -> [Double] {
    precondition(rows.count == weights.count * dimension, "shapes agree")
    var scratch = rows
    var out = [Double](repeating: 0, count: dimension * dimension)
    unsafe loci_weighted_gram(rows, weights, weights.count, dimension, &scratch, &out)
    return out
  }
}
