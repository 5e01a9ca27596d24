import Foundation
import LociVector

/// A ridge regression of the reward on the context for each arm, with its uncertainty: what LinUCB (Li et al. 2010,
/// algorithm 1) and linear Thompson sampling (Agrawal and Goyal 2013) choose by.
///
/// For arm a, A = λI + Σ γ^age x xᵀ and b = Σ γ^age r x; θ = A⁻¹ b, and a context's mean is θᵀx with deviation
/// √(xᵀ A⁻¹ x). Age counts updates of all arms, so that an arm that is not tried any more grows uncertain.
/// A value: the same updates in the same order give the same bits.
package struct LinearBandit: Sendable {
  package struct Configuration: Sendable, Equatable {
    /// Numbers of a context.
    package var dimension: Int
    /// λ > 0.
    package var ridge = 1.0
    /// γ in (0, 1]; 1 forgets nothing.
    package var discount = 1.0

    package init(dimension: Int) { self.dimension = dimension }
  }

  package struct ArmEstimate: Sendable, Equatable {
    package var mean: Double
    /// √(xᵀ A⁻¹ x), in deviations of the noise.
    package var deviation: Double

    package init(mean: Double, deviation: Double) {
      self.mean = mean
      self.deviation = deviation
    }
  }

  package let configuration: Configuration
  private var arms: [Arm]
  private var step = 0

  package init(_ configuration: Configuration, arms: Int) {
    precondition(configuration.dimension > 0 && configuration.ridge > 0, "a prior")
    precondition(configuration.discount > 0 && configuration.discount <= 1, "a discount")
    self.configuration = configuration
    self.arms = (0..<arms).map { _ in Arm(configuration) }
  }

  package var armCount: Int { arms.count }

  package mutating func addArm() { arms.append(Arm(configuration)) }

  /// Weighted updates that an arm has had.
  package func samples(of arm: Int) -> Int { arms[arm].samples }

  /// Coefficients, shape (dimension,).
  package mutating func coefficients(of arm: Int) -> [Double] {
    arms[arm].refresh(at: step, configuration)
    return arms[arm].theta
  }

  /// Learns one outcome. Cost: dimension³.
  /// - Parameter weight: how much it counts, 0 to 1.
  package mutating func update(arm: Int, context: [Double], reward: Double, weight: Double = 1) {
    precondition(context.count == configuration.dimension, "a context of this bandit")
    step += 1
    arms[arm].add(context, reward: reward, weight: weight, at: step, configuration)
  }

  /// Of every arm. Cost: arms · dimension².
  package mutating func estimates(_ context: [Double]) -> [ArmEstimate] {
    precondition(context.count == configuration.dimension, "a context of this bandit")
    return arms.indices.map { index in
      arms[index].refresh(at: step, configuration)
      let variance = DenseMatrix.quadratic(arms[index].inverse, context)
      return ArmEstimate(
        mean: DenseMatrix.dot(arms[index].theta, context), deviation: max(0, variance).squareRoot())
    }
  }

  private struct Arm: Sendable {
    /// Discounted sums as of `summedAt`.
    var gram: [Double]
    var sums: [Double]
    var summedAt = 0
    var samples = 0
    /// As of `refreshedAt`.
    var inverse: [Double]
    var theta: [Double]
    var refreshedAt = 0
    var isStale = false

    init(_ configuration: Configuration) {
      let n = configuration.dimension
      gram = [Double](repeating: 0, count: n * n)
      sums = [Double](repeating: 0, count: n)
      theta = sums
      inverse = gram
      for i in 0..<n { inverse[i * n + i] = 1 / configuration.ridge }
    }

    mutating func add(
      _ context: [Double], reward: Double, weight: Double, at step: Int, _ configuration: Configuration
    ) {
      if configuration.discount < 1, summedAt < step {
        let factor = pow(configuration.discount, Double(step - summedAt))
        for i in gram.indices { gram[i] *= factor }
        for i in sums.indices { sums[i] *= factor }
      }
      summedAt = step
      DenseMatrix.addOuter(context, weight: weight, to: &gram)
      for i in sums.indices { sums[i] += weight * reward * context[i] }
      samples += 1
      isStale = true
    }

    /// Sums that only aged are factorised again once they have lost 2 %.
    mutating func refresh(at step: Int, _ configuration: Configuration) {
      let hasAged =
        samples > 0 && configuration.discount < 1
        && pow(configuration.discount, Double(step - refreshedAt)) < 0.98
      guard isStale || hasAged else { return }
      let factor = configuration.discount < 1 ? pow(configuration.discount, Double(step - summedAt)) : 1
      let n = configuration.dimension
      var matrix = gram
      if factor != 1 { for i in matrix.indices { matrix[i] *= factor } }
      for i in 0..<n { matrix[i * n + i] += configuration.ridge }
      // A sum of outer products plus a positive diagonal is positive definite; only infinities could fail.
      guard let cholesky = Cholesky(matrix, size: n) else { return }
      theta = cholesky.solve(factor == 1 ? sums : sums.map { $0 * factor })
      inverse = cholesky.inverse()
      refreshedAt = step
      isStale = false
    }
  }
}
