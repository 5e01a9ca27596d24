import Foundation
import LociVector

/// Logistic regression with a Gaussian prior, fitted by Newton's method; the prior's precision is `ridge` for every
/// coefficient but the intercept. The Hessian at the optimum gives the uncertainty (Laplace).
package struct LogisticModel: Sendable {
  /// Shape (dimension,), and the intercept last if there is one.
  package let coefficients: [Double]
  /// Inverse Hessian, shape (n, n) over `coefficients`.
  package let covariance: [Double]
  package let hasIntercept: Bool
  package let iterations: Int
  /// Whether the last step was below the tolerance.
  package let converged: Bool

  /// - Parameters:
  ///   - rows: shape (n, dimension), row-major.
  ///   - labels: shape (n,), 0 to 1.
  ///   - weights: shape (n,), not negative; `nil`: all 1.
  ///   - ridge: above 0 when the data alone do not determine the coefficients.
  /// - Returns: `nil` when the Hessian is singular: `ridge` is 0 and the features are dependent or separate.
  package static func fit(
    rows: [Double], dimension: Int, labels: [Double], weights: [Double]? = nil, ridge: Double,
    intercept: Bool = true, iterationsMax: Int = 100
  ) -> LogisticModel? {
    let count = labels.count
    precondition(rows.count == count * dimension, "shapes agree")
    let size = dimension + (intercept ? 1 : 0)
    let design = intercept ? withOnes(rows, dimension, count) : rows
    var beta = [Double](repeating: 0, count: size)
    var value = objective(beta, design, size, labels, weights, ridge, intercept)
    var (iterations, converged) = (0, false)
    while iterations < iterationsMax, !converged {
      iterations += 1
      guard
        let (gradient, factor) = derivatives(beta, design, size, labels, weights, ridge, intercept)
      else { return nil }
      let step = factor.solve(gradient)
      // Halved until the objective falls: Newton overshoots far from the optimum.
      var scale = 1.0
      while true {
        let candidate = zip(beta, step).map { $0 - scale * $1 }
        let next = objective(candidate, design, size, labels, weights, ridge, intercept)
        if next <= value + 1e-12 * abs(value) || scale < 1e-8 {
          (beta, value) = (candidate, next)
          break
        }
        scale /= 2
      }
      converged = step.allSatisfy { abs($0) * scale < 1e-10 }
    }
    guard let (_, factor) = derivatives(beta, design, size, labels, weights, ridge, intercept) else {
      return nil
    }
    return LogisticModel(
      coefficients: beta, covariance: factor.inverse(), hasIntercept: intercept, iterations: iterations,
      converged: converged)
  }

  /// Log-odds of a row, shape (dimension,).
  package func logOdds(_ row: [Double]) -> Double {
    DenseMatrix.dot(coefficients, hasIntercept ? row + [1] : row)
  }

  package func probability(_ row: [Double]) -> Double { Self.sigmoid(logOdds(row)) }

  /// Of the log-odds.
  package func deviation(_ row: [Double]) -> Double {
    max(0, DenseMatrix.quadratic(covariance, hasIntercept ? row + [1] : row)).squareRoot()
  }

  /// Of a coefficient.
  package func deviation(of index: Int) -> Double {
    max(0, covariance[index * coefficients.count + index]).squareRoot()
  }

  static func sigmoid(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }

  private static func withOnes(_ rows: [Double], _ dimension: Int, _ count: Int) -> [Double] {
    var design: [Double] = []
    design.reserveCapacity(count * (dimension + 1))
    for row in 0..<count {
      design += rows[row * dimension..<(row + 1) * dimension]
      design.append(1)
    }
    return design
  }

  private static func scores(_ beta: [Double], _ design: [Double], _ size: Int, _ count: Int) -> [Double] {
    (0..<count).map { row in
      var sum = 0.0
      for j in 0..<size { sum += design[row * size + j] * beta[j] }
      return sum
    }
  }

  /// Negative log-posterior.
  private static func objective(
    _ beta: [Double], _ design: [Double], _ size: Int, _ labels: [Double], _ weights: [Double]?,
    _ ridge: Double, _ intercept: Bool
  ) -> Double {
    var sum = 0.0
    for (row, score) in scores(beta, design, size, labels.count).enumerated() {
      let softplus = score > 0 ? score + log1p(exp(-score)) : log1p(exp(score))
      sum += (weights?[row] ?? 1) * (softplus - labels[row] * score)
    }
    for j in 0..<(intercept ? size - 1 : size) { sum += 0.5 * ridge * beta[j] * beta[j] }
    return sum
  }

  private static func derivatives(
    _ beta: [Double], _ design: [Double], _ size: Int, _ labels: [Double], _ weights: [Double]?,
    _ ridge: Double, _ intercept: Bool
  ) -> (gradient: [Double], factor: Cholesky)? {
    var gradient = [Double](repeating: 0, count: size)
    var curvature = [Double](repeating: 0, count: labels.count)
    for (row, score) in scores(beta, design, size, labels.count).enumerated() {
      let p = sigmoid(score)
      let weight = weights?[row] ?? 1
      curvature[row] = weight * p * (1 - p)
      for j in 0..<size { gradient[j] += weight * (p - labels[row]) * design[row * size + j] }
    }
    var hessian = DenseMatrix.weightedGram(design, weights: curvature, dimension: size)
    for j in 0..<(intercept ? size - 1 : size) {
      gradient[j] += ridge * beta[j]
      hessian[j * size + j] += ridge
    }
    guard let factor = Cholesky(hessian, size: size), factor.reciprocalConditionMax > 1e-14 else {
      return nil
    }
    return (gradient, factor)
  }
}
