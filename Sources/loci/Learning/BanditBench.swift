import ArgumentParser
import Foundation
import LociLearn
import LociProto

/// The learner of recommendations alone, in process, on a simulation from a file; needs no server.
struct BanditBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bandit", abstract: "Regret and speed of the bandits on a simulation from a file.",
    discussion: """
      The file: a line of JSON with steps, dimension and arms; then float32, little-endian: contexts (steps, \
      dimension), rewards (steps, arms), expected rewards (steps, arms).
      """)

  enum Algorithm: String, ExpressibleByArgument, CaseIterable { case linucb, thompson }

  @Argument(help: "The simulation.") var file: String
  @Option(help: "linucb or thompson.") var algorithm = Algorithm.linucb
  @Option(help: "Width of the bound, or scale of the draw.") var alpha = 1.0
  @Option(help: "Ridge of the regression.") var ridge = 1.0
  @Option(help: "Discount at each step; 1 forgets nothing.") var discount = 1.0
  @Option(help: "Of the draws.") var seed: UInt64 = 1
  @Flag(help: "Compute the chance of each chosen arm, as the server logs it.") var propensities = false

  func run() throws {
    let simulation = try BanditSimulation(path: file)
    var configuration = LinearBandit.Configuration(dimension: simulation.dimension)
    (configuration.ridge, configuration.discount) = (ridge, discount)
    var bandit = LinearBandit(configuration, arms: simulation.arms)
    let choice: ArmChoice = algorithm == .linucb ? .upperBound(width: alpha) : .thompson(scale: alpha)
    var generator = SeededGenerator(seed: seed)
    var regrets: [Double] = []
    var (regret, chances) = (0.0, 0.0)
    let begin = clock()
    for step in 0..<simulation.steps {
      let context = simulation.context(step)
      let estimates = bandit.estimates(context)
      let arm = choice.choose(estimates, using: &generator)
      if propensities { chances += choice.propensities(estimates)[arm] }
      bandit.update(arm: arm, context: context, reward: simulation.reward(step, arm))
      regret += simulation.regret(step, arm)
      if (step + 1) % max(1, simulation.steps / 100) == 0 { regrets.append(regret) }
    }
    let seconds = Double(clock() - begin) / 1e6  // CLOCKS_PER_SEC, by POSIX
    try JSONOutput.print(
      [
        "regret": regret, "regrets": regrets, "cpuSeconds": seconds,
        "meanPropensity": chances / Double(simulation.steps),
        "pairsPerSecond": Double(simulation.steps) / seconds
      ] as [String: Any])
  }
}

struct BanditSimulation {
  let steps, dimension, arms: Int
  private let values: [Float]

  private struct Header: Decodable { let steps, dimension, arms: Int }

  init(path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    guard let end = data.firstIndex(of: UInt8(ascii: "\n")) else {
      throw ValidationError("\(path) is no simulation: it has no header")
    }
    let header = try JSONDecoder().decode(Header.self, from: data[..<end])
    guard header.steps > 0, header.dimension > 0, header.arms > 0 else {
      throw ValidationError("\(path): steps, dimension and arms must be above 0")
    }
    (steps, dimension, arms) = (header.steps, header.dimension, header.arms)
    let body = data[(end + 1)...]
    guard body.count == 4 * header.steps * (header.dimension + 2 * header.arms) else {
      throw ValidationError("\(path): \(body.count) bytes do not fit its header")
    }
    let bytes = [UInt8](body)
    values = (0..<bytes.count / 4).map { index in
      Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[4 * index + $1]) << UInt32(8 * $1) })
    }
  }

  func context(_ step: Int) -> [Double] {
    values[step * dimension..<(step + 1) * dimension].map(Double.init)
  }

  func reward(_ step: Int, _ arm: Int) -> Double { Double(values[steps * dimension + step * arms + arm]) }

  /// Expected reward of the best arm less that of this one.
  func regret(_ step: Int, _ arm: Int) -> Double {
    let start = steps * (dimension + arms) + step * arms
    let expected = values[start..<start + arms]
    return Double((expected.max() ?? 0) - expected[start + arm])
  }
}
