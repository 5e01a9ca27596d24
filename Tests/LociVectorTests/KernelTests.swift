import CLociMath
import Testing

@testable import LociVector
import LociTestKit

/// Every level this machine has, the scalar reference included.
let levels: [InstructionLevel] = Set(InstructionLevel.allCases.map { VectorKernels(cap: $0).level })
  .sorted { $0.rawValue < $1.rawValue }

/// Lengths around each vector width, its double, and the dimension of the default encoder.
let oddSizes = [0, 1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 127, 384, 385]

struct KernelTests {
  private let reference = unsafe VectorKernels(cap: .scalar).table.pointee

  @Test func theMachineHasTheScalarLevelAndTheBestIsUsed() {
    #expect(levels.first == .scalar)
    #expect(VectorKernels.best.level == levels.last)
  }

  @Test(arguments: levels, oddSizes)
  func pairsAgreeWithTheReference(level: InstructionLevel, n: Int) {
    var rng = SplitMix64(seed: UInt64(n) + 1)
    let (a, b) = (rng.floats(n), rng.floats(n))
    let kernels = unsafe VectorKernels(cap: level).table.pointee
    // Each sum has its own rounding; the bound is that of the plain sum of magnitudes.
    let bound = 1e-6 * Float(n + 1)
    #expect(abs(unsafe kernels.dot(a, b, n) - reference.dot(a, b, n)) <= bound)
    #expect(abs(unsafe kernels.squared_l2(a, b, n) - reference.squared_l2(a, b, n)) <= 4 * bound)
  }

  @Test(arguments: levels, oddSizes)
  func blocksGiveTheBitsOfSinglePairs(level: InstructionLevel, dimension: Int) {
    var rng = SplitMix64(seed: UInt64(dimension) + 7)
    let kernels = unsafe VectorKernels(cap: level).table.pointee
    for rows in [0, 1, 3, 4, 5, 9] {
      let (query, matrix) = (rng.floats(dimension), rng.floats(rows * dimension))
      var halves = [UInt16](repeating: 0, count: matrix.count)
      unsafe kernels.f16_from_f32(matrix, &halves, matrix.count)
      var rounded = matrix
      unsafe kernels.f32_from_f16(halves, &rounded, matrix.count)
      var scores = [[Float]](repeating: [Float](repeating: .nan, count: rows), count: 4)
      unsafe kernels.dot_rows(query, matrix, rows, dimension, &scores[0])
      unsafe kernels.negative_l2_rows(query, matrix, rows, dimension, &scores[1])
      unsafe kernels.dot_rows_f16(query, halves, rows, dimension, &scores[2])
      unsafe kernels.negative_l2_rows_f16(query, halves, rows, dimension, &scores[3])
      for row in 0..<rows {
        let range = row * dimension..<(row + 1) * dimension
        let (exact, half) = (Array(matrix[range]), Array(rounded[range]))
        #expect(unsafe scores[0][row] == kernels.dot(query, exact, dimension))
        #expect(unsafe scores[1][row] == -kernels.squared_l2(query, exact, dimension))
        #expect(unsafe scores[2][row] == kernels.dot(query, half, dimension))
        #expect(unsafe scores[3][row] == -kernels.squared_l2(query, half, dimension))
      }
    }
  }

  @Test(arguments: levels)
  func selectionFindsWhatReachesTheThreshold(level: InstructionLevel) {
    var rng = SplitMix64(seed: 3)
    let kernels = unsafe VectorKernels(cap: level).table.pointee
    for n in oddSizes {
      var scores = rng.floats(n).map { ($0 * 4).rounded() }  // many equal to the threshold
      if n > 2 { (scores[n - 1], scores[n / 2]) = (.nan, .infinity) }
      for threshold in [-Float.infinity, -1, 0, 2, .infinity] {
        var positions = [UInt32](repeating: 0, count: n)
        let found = unsafe kernels.select_at_least(scores, n, threshold, &positions)
        #expect(positions.prefix(found).map(Int.init) == scores.indices.filter { scores[$0] >= threshold })
      }
    }
  }

  @Test(arguments: levels, oddSizes)
  func oneBadElementIsNoticedWhereverItIs(level: InstructionLevel, n: Int) {
    var rng = SplitMix64(seed: 4)
    let kernels = unsafe VectorKernels(cap: level).table.pointee
    var values = rng.floats(n)
    if n > 1 { (values[0], values[1]) = (.greatestFiniteMagnitude, -.leastNonzeroMagnitude) }
    #expect(unsafe kernels.all_finite(values, n))
    for index in values.indices {
      let kept = values[index]
      for bad in [Float.nan, .infinity, -.infinity, Float(bitPattern: 0xffa0_0001)] {
        values[index] = bad
        #expect(unsafe !kernels.all_finite(values, n))
      }
      values[index] = kept
    }
  }

  @Test(arguments: levels, oddSizes)
  func normalisingGivesUnitLength(level: InstructionLevel, n: Int) {
    var rng = SplitMix64(seed: UInt64(n))
    let table = unsafe VectorKernels(cap: level).table
    for scale: Float in [1, 1e-30, 0x1p-140, 1e30, 3e38] {
      let values = rng.floats(n).map { $0 * scale }
      var unit = values
      let norm = unsafe loci_normalise(table, values, &unit, n)
      let length = unit.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let expected = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(expected == 0 ? length == 0 : abs(length - 1) < 1e-5)
      #expect(abs(Double(norm) - expected) <= 1e-5 * expected + 1e-45 || expected > 3.4e38)
    }
  }

  @Test func matrixProductAgreesWithTheReference() {
    var rng = SplitMix64(seed: 11)
    for (m, n, dimension) in [(0, 3, 5), (1, 1, 1), (3, 7, 17), (5, 33, 65), (16, 64, 384)] {
      let (queries, rows) = (rng.floats(m * dimension), rng.floats(n * dimension))
      let stride = n + 3
      var scores = [Float](repeating: 9, count: m * stride)
      unsafe loci_scores_matrix(queries, m, rows, n, dimension, &scores, stride)
      for i in 0..<m {
        for j in 0..<n {
          let expected = (0..<dimension).reduce(Float(0)) {
            $0 + queries[i * dimension + $1] * rows[j * dimension + $1]
          }
          #expect(abs(scores[i * stride + j] - expected) <= 1e-6 * Float(dimension + 1))
        }
        #expect(scores[i * stride + n..<(i + 1) * stride].allSatisfy { $0 == 9 })
      }
    }
    #expect(!VectorKernels.blasName.isEmpty)
  }
}
