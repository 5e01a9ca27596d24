import ArgumentParser
import LociClient
import LociProto

/// A task on the command line.
struct TaskOptions: ParsableArguments {
  @Argument(help: "What is to be done.") var text: String
  @Option(help: "The kind of task.") var kind = ""
  @Option(name: .customLong("feature"), parsing: .singleValue, help: "A fact of the task, NAME=VALUE.")
  var features: [Assignment] = []

  var task: V1.Task {
    V1.Task(
      text: text, kind: kind,
      features: features.map { V1.Attribute(key: $0.change.name, value: $0.change.value) })
  }
}

struct ExperienceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "experience", abstract: "Tasks that were done, how, and what came of it.",
    subcommands: [Record.self, List.self, Similar.self, Patterns.self, Delete.self])

  enum Outcome: String, ExpressibleByArgument, CaseIterable { case success, failure }

  struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Record an experience.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @OptionGroup var what: TaskOptions
    @Argument(help: "success or failure.") var outcome: Outcome
    @Option(help: "How it was done.") var strategy = ""
    @Option(help: "The steps, with commas.") var steps = ""
    @Option(help: "How well, 0 to 1.") var reward: Double?
    @Option(help: "What it cost.") var cost = 0.0
    @Option(name: .customLong("duration-ms"), help: "How long it took.") var durationMs: Int64 = 0

    func run() async throws {
      let experience = V1.Experience(
        task: what.task, steps: steps.split(separator: ",").map { String($0) }, strategy: strategy,
        success: outcome == .success, reward: reward, cost: cost, durationMs: durationMs)
      let request = V1.RecordExperiencesRequest(scope: who.scope, experiences: [experience])
      let answer = try await server.withClient { try await $0.experiences.recordExperiences(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("\(answer.experienceIDs.first ?? "")  \(Text.position(answer.position))")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Experiences, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Only of this kind of task.") var kind = ""
    @Option(help: "Only with this strategy.") var strategy = ""
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: Int32 = 20

    func run() async throws {
      let request = V1.ListExperiencesRequest(
        scope: who.scope, taskKind: kind, strategy: strategy, page: V1.Page(size: count))
      let answer = try await server.withClient { try await $0.experiences.listExperiences(request) }
      if server.json { return try JSONOutput.print(answer) }
      var table = Table("when", "kind", "strategy", "result", "steps", "cost", "task")
      for one in answer.experiences { table.add(one) }
      print(table.text)
    }
  }

  struct Similar: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Experiences like a task, and how each strategy fared in them.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @OptionGroup var what: TaskOptions
    @Option(help: "Steps done so far, with commas.") var steps = ""
    @Option(help: "Likeness at least, 0 to 1.") var threshold: Double?
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 200.") var count: Int32 = 10

    func run() async throws {
      let request = V1.FindSimilarExperiencesRequest(
        scope: who.scope, task: what.task, steps: steps.split(separator: ",").map { String($0) },
        limit: count, threshold: threshold)
      let answer = try await server.withClient { try await $0.experiences.findSimilarExperiences(request) }
      if server.json { return try JSONOutput.print(answer) }
      guard answer.matches > 0 else {
        print("nothing alike among \(answer.candidates) candidates")
        return
      }
      var experiences = Table("likeness", "result", "strategy", "task")
      for one in answer.experiences {
        experiences.add(
          Text.number(one.similarity), one.experience?.success == true ? "success" : "failure",
          one.experience?.strategy ?? "", Text.line(one.experience?.task?.text ?? "", 60))
      }
      var strategies = Table("strategy", "n", "success", "cost")
      for one in answer.strategies {
        strategies.add(
          one.strategy.isEmpty ? "(none)" : one.strategy, "\(one.count)", Text.estimate(one.success),
          Text.number(one.cost))
      }
      print("\(experiences.text)\n\n\(strategies.text)\n\nall: \(Text.estimate(answer.success))")
    }
  }

  struct Patterns: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sequences of steps that tell success from failure.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Only of this kind of task.") var kind = ""
    @Option(help: "Share of experiences at least.") var support = 0.1
    @Option(help: "Steps at most, 1 to 12.") var length: Int32 = 4
    @Flag(help: "Also what may be chance.") var all = false

    func run() async throws {
      let request = V1.FindPatternsRequest(
        scope: who.scope, taskKind: kind, supportMin: support, lengthMax: length,
        includeInsignificant: all)
      let answer = try await server.withClient { try await $0.experiences.findPatterns(request) }
      if server.json { return try JSONOutput.print(answer) }
      var table = Table("lift", "q", "in", "of them well", "steps")
      for one in answer.patterns {
        table.add(
          Text.number(one.lift), Text.number(one.qValue, 4), "\(one.count)", "\(one.successes)",
          one.steps.joined(separator: " → "))
      }
      if !answer.patterns.isEmpty { print(table.text + "\n") }
      print(
        "\(answer.patterns.count) of \(answer.tested) patterns, in \(answer.experiences) experiences, "
          + "\(answer.successes) of them well")
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete experiences.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "Their ids.") var ids: [String]

    func run() async throws {
      let request = V1.DeleteExperiencesRequest(scope: who.scope, experienceIDs: ids)
      let answer = try await server.withClient { try await $0.experiences.deleteExperiences(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("deleted \(answer.experiencesDeleted)  \(Text.position(answer.position))")
    }
  }
}

extension Table {
  fileprivate mutating func add(_ one: V1.Experience) {
    add(
      Text.time(one.createdAtUs), one.task?.kind ?? "", one.strategy, one.success ? "success" : "failure",
      "\(one.steps.count)", Text.number(one.cost), Text.line(one.task?.text ?? "", 50))
  }
}
