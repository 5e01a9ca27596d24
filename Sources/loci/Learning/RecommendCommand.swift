import ArgumentParser
import LociClient
import LociProto

struct RecommendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recommend", abstract: "Which strategy to take for a task, and what came of it.",
    subcommands: [Strategy.self, Report.self], defaultSubcommand: Strategy.self)

  struct Strategy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Rank strategies, and choose one.")

    enum Explore: String, ExpressibleByArgument, CaseIterable {
      case thompson, ucb, none
      var value: V1.Exploration {
        switch self {
        case .thompson: .thompson
        case .ucb: .ucb
        case .none: V1.Exploration.none
        }
      }
    }

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @OptionGroup var what: TaskOptions
    @Option(
      name: .customLong("strategy"), parsing: .singleValue,
      help: "A strategy to choose from, NAME or NAME=COST; none: all that are known.")
    var strategies: [Assignment] = []
    @Option(help: "thompson, ucb or none.") var explore = Explore.thompson
    @Option(help: "Reward that a unit of cost is worth.") var costWeight = 0.0
    @Flag(help: "Only look; remember no decision.") var dryRun = false

    func run() async throws {
      let options = strategies.map {
        V1.StrategyOption(strategy: $0.change.name, cost: Double($0.change.value) ?? 0)
      }
      let request = V1.RecommendStrategyRequest(
        scope: who.scope, task: what.task, strategies: options, exploration: explore.value,
        costWeight: costWeight, dryRun: dryRun)
      let answer = try await server.withClient { try await $0.learning.recommendStrategy(request) }
      if server.json { return try JSONOutput.print(answer) }
      var table = Table("", "strategy", "reward", "n", "alike", "cost", "chance")
      for one in answer.ranking {
        table.add(
          one.strategy == answer.chosen ? "*" : "", one.strategy, Text.estimate(one.reward),
          "\(one.samples)", Text.estimate(one.success), Text.number(one.cost), Text.number(one.propensity))
      }
      print(table.text)
      print("\n\(answer.reason)")
      if !answer.informative.isEmpty { print("To learn more, try '\(answer.informative)'.") }
      if !answer.decisionID.isEmpty { print("decision \(answer.decisionID)") }
    }
  }

  struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say how a decision turned out.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The decision's id.") var id: String
    @Argument(help: "How well it went, 0 to 1.") var reward: Double
    @Option(help: "What it cost.") var cost = 0.0
    @Option(help: "Who says so.") var rater = ""

    func run() async throws {
      let request = V1.ReportOutcomeRequest(
        scope: who.scope, decisionID: id, reward: reward, cost: cost, rater: rater)
      let answer = try await server.withClient { try await $0.learning.reportOutcome(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(Text.position(answer.position))
    }
  }
}
