import ArgumentParser
import LociClient
import LociProto
import LociWire

struct LearnCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "learn", abstract: "Learning cycles, adjustments, and consolidation of memories.",
    subcommands: [
      Cycle.self, Cycles.self, Adjustments.self, Decide.self, Tuning.self, Decisions.self,
      Consolidate.self, Policy.self, Undo.self, Weak.self
    ])

  struct Cycle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Learn now.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions

    func run() async throws {
      let request = V1.RunLearningCycleRequest(scope: who.scope)
      let answer = try await server.withClient { try await $0.learning.runLearningCycle(request) }
      if server.json { return try JSONOutput.print(answer) }
      guard let cycle = answer.cycle else { return }
      print(
        "\(cycle.decisions) decisions, \(cycle.experiences) experiences, \(cycle.feedback) feedbacks")
      LearnCommand.show(cycle)
    }
  }

  static func show(_ cycle: V1.LearningCycle) {
    if cycle.learners.isEmpty { return print("too little to learn from yet") }
    var table = Table("learner", "kind", "measure", "before", "learned", "gain", "tested", "verdict")
    for one in cycle.learners {
      table.add(
        one.learner, one.taskKind, one.measure, Text.estimate(one.baseline), Text.estimate(one.learned),
        Text.estimate(one.gain), "\(one.testedOn)", one.helps ? "helps" : "no gain shown")
    }
    print(table.text)
    if !cycle.adjustmentIDs.isEmpty {
      print("\(cycle.adjustmentIDs.count) adjustments moved: see loci learn adjustments")
    }
  }

  struct Cycles: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Past cycles, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: Int32 = 5

    func run() async throws {
      let request = V1.ListLearningCyclesRequest(scope: who.scope, page: V1.Page(size: count))
      let answer = try await server.withClient { try await $0.learning.listLearningCycles(request) }
      if server.json { return try JSONOutput.print(answer) }
      for cycle in answer.cycles {
        print("\(Text.time(cycle.atUs))  \(cycle.id)")
        LearnCommand.show(cycle)
      }
    }
  }

  struct Adjustments: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What is changed because of what was learned.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Flag(help: "With their evidence and history.") var history = false

    func run() async throws {
      let request = V1.ListAdjustmentsRequest(scope: who.scope, page: V1.Page(size: 200))
      let answer = try await server.withClient { try await $0.learning.listAdjustments(request) }
      if server.json { return try JSONOutput.print(answer) }
      var table = Table("id", "state", "kind of task", "gain", "change")
      for one in answer.adjustments {
        table.add(
          one.id, Text.adjustmentState(one.state), one.taskKind, Text.estimate(one.expectedGain),
          Text.adjustment(one))
      }
      print(table.text)
      guard history else { return }
      for one in answer.adjustments {
        print("\n\(one.id)  \(one.hypothesis)")
        for line in one.evidence { print("    \(line)") }
        for step in one.history {
          print("  \(Text.time(step.atUs))  \(Text.adjustmentState(step.state)): \(step.reason)")
        }
      }
    }
  }

  struct Decide: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Move an adjustment by hand.")

    enum State: String, ExpressibleByArgument, CaseIterable {
      case trial, adopt, reject, undo
      var value: V1.AdjustmentState {
        switch self {
        case .trial: .trial
        case .adopt: .adopted
        case .reject: .rejected
        case .undo: .rolledBack
        }
      }
    }

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The adjustment's id.") var id: String
    @Argument(help: "trial, adopt, reject or undo.") var state: State
    @Argument(help: "Why.") var reason = ""

    func run() async throws {
      let request = V1.DecideAdjustmentRequest(
        scope: who.scope, adjustmentID: id, state: state.value, reason: reason)
      let answer = try await server.withClient { try await $0.learning.decideAdjustment(request) }
      if server.json { return try JSONOutput.print(answer) }
      if let one = answer.adjustment { print("\(Text.adjustmentState(one.state))  \(Text.adjustment(one))") }
    }
  }

  struct Tuning: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The values in force for a unit of work.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The unit: a session or a task.") var unit: String
    @Option(help: "The kind of task.") var kind = ""

    func run() async throws {
      let request = V1.GetTuningRequest(scope: who.scope, unit: unit, taskKind: kind)
      let answer = try await server.withClient { try await $0.learning.getTuning(request) }
      if server.json { return try JSONOutput.print(answer) }
      if answer.values.isEmpty { print("nothing is changed for this unit") }
      for one in answer.values {
        let subject = one.subject.isEmpty ? "" : " of \(one.subject)"
        print(
          "\(Text.adjustmentKind(one.kind))\(subject) = \(Text.number(one.value))\(one.onTrial ? " (trial)" : "")"
        )
      }
    }
  }

  struct Decisions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Every decision with its propensities and outcome, a JSON object a line.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Only of this kind of task.") var kind = ""

    func run() async throws {
      let request = V1.ExportDecisionsRequest(scope: who.scope, taskKind: kind)
      try await server.withClient { client in
        for try await chunk in client.learning.exportDecisions(request) {
          for decision in chunk.decisions { try JSONOutput.print(decision) }
        }
      }
    }
  }
}
