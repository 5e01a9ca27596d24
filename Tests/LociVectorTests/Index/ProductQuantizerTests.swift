import Testing

@testable import LociVector
import LociTestKit

struct ProductQuantizerTests {
  private let data = ClusteredRows(rows: 1200, dimension: 16, metric: .euclidean, seed: 61)

  private func trained(subspaces: Int, bits: Int, rotations: Int = 0, rows: [Float]? = nil) throws
    -> ProductQuantizer
  {
    var configuration = ProductQuantizer.Configuration(subspaces: subspaces, bits: bits)
    configuration.rotations = rotations
    let rows = rows ?? data.rows
    return try ProductQuantizer(rows: rows.span, dimension: 16, configuration: configuration)
  }

  private func relativeError(_ quantizer: ProductQuantizer, _ rows: [Float]) throws -> Double {
    let back = try quantizer.decode(quantizer.encode(rows.span))
    let error = zip(rows, back).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
    return error / rows.reduce(0.0) { $0 + Double($1) * Double($1) }
  }

  @Test(arguments: [4, 8], [0, 3])
  func theReportedErrorIsThatOfTheCodes(bits: Int, rotations: Int) throws {
    let quantizer = try trained(subspaces: 4, bits: bits, rotations: rotations)
    let codes = try quantizer.encode(data.rows.span)
    #expect(codes.count == 1200 * 4 && codes.allSatisfy { Int($0) < 1 << bits })
    #expect(abs(try relativeError(quantizer, data.rows) - quantizer.trainingError) < 1e-3)
  }

  @Test func moreBitsAndMoreSubspacesErrLess() throws {
    let coarse = try trained(subspaces: 2, bits: 4).trainingError
    let fine = try trained(subspaces: 8, bits: 4).trainingError
    let wide = try trained(subspaces: 8, bits: 8).trainingError
    #expect(coarse > 1.3 * fine && fine > 1.3 * wide)
  }

  @Test func codesAreTheNearestCodewords() throws {
    let quantizer = try trained(subspaces: 4, bits: 4)
    let codes = try quantizer.encode(data.queries.span)
    for (query, m) in [(0, 0), (3, 2), (19, 3)] {
      let part = data.query(query)[m * 4..<m * 4 + 4]
      let distances = (0..<16).map { c in
        part.enumerated().reduce(Float(0)) {
          let d = $1.element - quantizer.codebook[(m * 4 + $1.offset) * 16 + c]
          return $0 + d * d
        }
      }
      #expect(distances[Int(codes[query * 4 + m])] <= (distances.min() ?? 0) + 1e-5)
    }
  }

  /// Rows whose variance lies askew to the subspaces: the rotation has something to gain.
  @Test func rotationsReduceTheError() throws {
    var rng = SplitMix64(seed: 5)
    let mixing = (0..<16).map { _ in rng.floats(16) }
    let rows = (0..<1500).flatMap { _ -> [Float] in
      let latent = rng.floats(16).enumerated().map { $1 * Float(pow2(-$0 / 2)) }
      return (0..<16).map { j in (0..<16).reduce(Float(0)) { $0 + latent[$1] * mixing[$1][j] } }
    }
    let plain = try trained(subspaces: 4, bits: 4, rows: rows)
    let rotated = try trained(subspaces: 4, bits: 4, rotations: 12, rows: rows)
    #expect(rotated.trainingError < 0.95 * plain.trainingError)
    let rotation = try #require(rotated.rotation)
    for (a, b) in [(0, 0), (0, 1), (7, 7), (3, 12)] {
      let product = (0..<16).reduce(Float(0)) { $0 + rotation[a * 16 + $1] * rotation[b * 16 + $1] }
      #expect(abs(product - (a == b ? 1 : 0)) < 1e-4)
    }
  }

  @Test func trainingIsReproducibleAndRefusesNonsense() throws {
    #expect(try trained(subspaces: 4, bits: 4).codebook == trained(subspaces: 4, bits: 4).codebook)
    for (subspaces, bits) in [(3, 4), (0, 4), (4, 5)] {
      #expect(throws: VectorIndexError.self) { try trained(subspaces: subspaces, bits: bits) }
    }
    let quantizer = try trained(subspaces: 4, bits: 8)
    #expect(throws: VectorIndexError.shapeMismatch(values: 15, dimension: 16)) {
      try quantizer.encode([Float](repeating: 0, count: 15).span)
    }
    #expect(try quantizer.encode([Float]().span).isEmpty && quantizer.decode([]).isEmpty)
  }

  private func pow2(_ exponent: Int) -> Double {
    exponent < 0 ? 1 / Double(1 << -exponent) : Double(1 << exponent)
  }
}
