import LociLearn
import LociVector
import Testing

@Suite struct LearnerTests {
  private let references: References
  init() throws { references = try References.load() }

  @Test(arguments: [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64]) func aFactorSolves(size: Int) throws {
    var generator = SeededGenerator(seed: UInt64(size))
    let rows = (0..<size * size).map { _ in generator.normal() }
    var matrix = DenseMatrix.weightedGram(
      rows, weights: [Double](repeating: 1, count: size), dimension: size)
    for i in 0..<size { matrix[i * size + i] += 1 }
    let factor = try #require(Cholesky(matrix, size: size))
    let right = (0..<size).map { _ in generator.normal() }
    let solution = factor.solve(right)
    let inverse = factor.inverse()
    for i in 0..<size {
      let product = (0..<size).reduce(0.0) { $0 + matrix[i * size + $1] * solution[$1] }
      #expect(close(product, right[i], 1e-9))
      for j in 0..<size {
        let cell = (0..<size).reduce(0.0) { $0 + matrix[i * size + $1] * inverse[$1 * size + j] }
        #expect(close(cell, i == j ? 1 : 0, 1e-9))
      }
    }
    #expect(close(factor.inverseQuadratic(right), DenseMatrix.quadratic(inverse, right), 1e-9))
    // A draw of z has covariance A⁻¹: its quadratic form in A is |z|².
    let drawn = factor.draw(right)
    #expect(close(DenseMatrix.quadratic(matrix, drawn), DenseMatrix.dot(right, right), 1e-9))
  }

  @Test func whatIsNotPositiveDefiniteHasNoFactor() {
    #expect(Cholesky([1, 2, 2, 1], size: 2) == nil)
    #expect(Cholesky([0], size: 1) == nil)
    #expect(Cholesky([.nan], size: 1) == nil)
  }

  @Test func linUCBIsThatOfMabwiser() {
    let reference = references.bandit
    var configuration = LinearBandit.Configuration(dimension: reference.dimension)
    configuration.ridge = reference.ridge
    var bandit = LinearBandit(configuration, arms: reference.arms)
    for ((context, arm), reward) in zip(zip(reference.contexts, reference.decisions), reference.rewards) {
      bandit.update(arm: arm, context: context, reward: reward)
    }
    for (query, bounds) in zip(reference.query, reference.upperBounds) {
      let found = bandit.estimates(query).map { $0.mean + reference.alpha * $0.deviation }
      #expect(zip(found, bounds).allSatisfy { close($0, $1, 1e-9) })
    }
  }

  @Test func logisticRegressionIsThatOfScikitLearnAndStatsmodels() throws {
    let reference = references.logistic
    let regular = try #require(
      LogisticModel.fit(
        rows: reference.rows, dimension: 3, labels: reference.labels, ridge: reference.ridge))
    #expect(regular.converged)
    #expect(zip(regular.coefficients, reference.ridgeCoefficients).allSatisfy { close($0, $1, 1e-5) })
    let plain = try #require(
      LogisticModel.fit(rows: reference.rows, dimension: 3, labels: reference.labels, ridge: 0))
    #expect(zip(plain.coefficients, reference.plainCoefficients).allSatisfy { close($0, $1, 1e-6) })
    for index in 0..<4 {
      #expect(close(plain.deviation(of: index), reference.plainDeviations[index], 1e-6))
    }
  }

  @Test func weightsAreRepetitions() throws {
    let rows = [0.5, -1, 2, 0.3], labels = [1.0, 0, 1, 0]
    let weighted = try #require(
      LogisticModel.fit(rows: rows, dimension: 1, labels: labels, weights: [2, 1, 1, 3], ridge: 0.1))
    let repeated = try #require(
      LogisticModel.fit(
        rows: [0.5, 0.5, -1, 2, 0.3, 0.3, 0.3], dimension: 1, labels: [1, 1, 0, 1, 0, 0, 0], ridge: 0.1))
    #expect(zip(weighted.coefficients, repeated.coefficients).allSatisfy { close($0, $1, 1e-9) })
  }

  @Test func separatedDataNeedAPrior() throws {
    let rows = [-2.0, -1, 1, 2], labels = [0.0, 0, 1, 1]
    let model = try #require(LogisticModel.fit(rows: rows, dimension: 1, labels: labels, ridge: 0.01))
    #expect(model.converged && model.coefficients[0].isFinite && model.coefficients[0] > 0)
    #expect(LogisticModel.fit(rows: [1, 1, 1, 1], dimension: 2, labels: [0, 1], ridge: 0) == nil)
  }

  @Test func strengthsAreThoseOfScikitLearn() throws {
    let reference = references.bradleyTerry
    let model = try #require(
      BradleyTerry(
        reference.pairs.map { .init(winner: $0[0], loser: $0[1]) }, items: reference.items,
        ridge: reference.ridge))
    #expect(zip(model.strengths, reference.strengths).allSatisfy { close($0, $1, 1e-5) })
    #expect(close(model.chance(0, over: 3) + model.chance(3, over: 0), 1, 1e-12))
    #expect(model.deviation(of: 0) > 0)
    #expect(BradleyTerry([], items: 3)?.strengths == [0, 0, 0])
    #expect(BradleyTerry([], items: 3, ridge: 0) == nil)
  }

  @Test func aValueOfABanditIsItsUpdates() {
    var generator = SeededGenerator(seed: 5)
    var configuration = LinearBandit.Configuration(dimension: 4)
    configuration.discount = 0.99
    var first = LinearBandit(configuration, arms: 3)
    var second = first
    for step in 0..<300 {
      let context = (0..<4).map { _ in generator.normal() }
      let (arm, reward) = (step % 3, generator.uniform())
      first.update(arm: arm, context: context, reward: reward)
      second.update(arm: arm, context: context, reward: reward)
      // Looking in between changes nothing that lasts.
      if step % 7 == 0 { _ = second.estimates(context) }
    }
    var a = first, b = second
    let (x, y) = (a.estimates([1, 0, 0, 0]), b.estimates([1, 0, 0, 0]))
    for (one, other) in zip(x, y) { #expect(close(one.mean, other.mean, 0.02)) }
  }

  @Test func whatIsNotTriedAnyMoreGrowsUncertain() {
    var configuration = LinearBandit.Configuration(dimension: 1)
    configuration.discount = 0.98
    var bandit = LinearBandit(configuration, arms: 2)
    for _ in 0..<50 { bandit.update(arm: 0, context: [1], reward: 1) }
    let before = bandit.estimates([1])[0].deviation
    for _ in 0..<200 { bandit.update(arm: 1, context: [1], reward: 0.5) }
    #expect(bandit.estimates([1])[0].deviation > 2 * before)
  }
}
