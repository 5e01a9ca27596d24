import Foundation
import Testing

/// What other libraries computed from the same data: scripts/learning-references wrote it.
struct References: Decodable {
  struct Logistic: Decodable {
    let rows, labels: [Double]
    let ridge: Double
    let ridgeCoefficients, plainCoefficients, plainDeviations: [Double]
  }
  struct Pairs: Decodable {
    let items: Int
    let pairs: [[Int]]
    let ridge: Double
    let strengths: [Double]
  }
  struct Bandit: Decodable {
    let arms, dimension: Int
    let alpha, ridge: Double
    let contexts: [[Double]]
    let decisions: [Int]
    let rewards: [Double]
    let query, upperBounds: [[Double]]
  }
  struct Statistics: Decodable {
    let wilson, fisher: [[Double]]
    let pValues, qValues: [Double]
    let normal, student, beta: [[Double]]
  }
  let logistic: Logistic
  let bradleyTerry: Pairs
  let bandit: Bandit
  let statistics: Statistics

  static func load(file: String = #filePath) throws -> References {
    let path = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(
      "references.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(References.self, from: Data(contentsOf: path))
  }
}

func close(_ a: Double, _ b: Double, _ tolerance: Double) -> Bool {
  a == b || abs(a - b) <= tolerance * max(1, abs(b))
}
