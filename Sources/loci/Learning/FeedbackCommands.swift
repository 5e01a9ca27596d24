import ArgumentParser
import LociClient
import LociProto

struct FeedbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feedback", abstract: "What people and systems thought of what was done.",
    subcommands: [Give.self, List.self, Analyze.self, Metric.self])

  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case rating, up, down, comment, issue, suggestion, correction
    var value: V1.FeedbackKind {
      switch self {
      case .rating: .rating
      case .up, .down: .thumb
      case .comment: .comment
      case .issue: .issue
      case .suggestion: .suggestion
      case .correction: .correction
      }
    }
  }

  enum TargetName: String, ExpressibleByArgument, CaseIterable {
    case trace, step, message, memory, strategy, session, tool, experience
    var value: V1.TargetKind {
      switch self {
      case .trace: .trace
      case .step: .step
      case .message: .message
      case .memory: .memory
      case .strategy: .strategy
      case .session: .session
      case .tool: .tool
      case .experience: .experience
      }
    }
  }

  struct Give: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give feedback.",
      discussion:
        "loci feedback give strategy careful rating 4 --rater anna; loci feedback give trace ID issue TEXT")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "What it is about.") var target: TargetName
    @Argument(help: "Its id or name.") var id: String
    @Argument(help: "rating, up, down, comment, issue, suggestion or correction.") var kind: Kind
    @Argument(help: "The rating, or the text.") var words: [String] = []
    @Option(help: "The scale of a rating, MIN-MAX.") var scale = "1-5"
    @Option(help: "Who gives it.") var rater = ""
    @Option(help: "The strategy in use.") var strategy = ""
    @Option(help: "The tool in use.") var tool = ""
    @Option(name: .customLong("kind"), help: "The kind of task.") var taskKind = ""

    func run() async throws {
      var feedback = V1.Feedback(
        kind: kind.value, target: V1.Target(kind: target.value, id: id), rater: rater, strategy: strategy,
        tool: tool, taskKind: taskKind)
      switch kind {
      case .up: feedback.value = 1
      case .down: feedback.value = 0
      case .rating:
        guard let value = words.first.flatMap({ Double($0) }) else {
          throw ValidationError("a rating is a number")
        }
        let bounds = scale.split(separator: "-").compactMap { Double($0) }
        guard bounds.count == 2 else { throw ValidationError("--scale is MIN-MAX") }
        (feedback.value, feedback.scaleMin, feedback.scaleMax) = (value, bounds[0], bounds[1])
        feedback.text = words.dropFirst().joined(separator: " ")
      case .comment, .issue, .suggestion, .correction: feedback.text = words.joined(separator: " ")
      }
      let request = V1.GiveFeedbackRequest(scope: who.scope, feedback: [feedback])
      let answer = try await server.withClient { try await $0.feedback.giveFeedback(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(answer.feedbackIDs.joined(separator: "\n"))
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Feedback, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: Int32 = 20

    func run() async throws {
      let request = V1.ListFeedbackRequest(scope: who.scope, page: V1.Page(size: count))
      let answer = try await server.withClient { try await $0.feedback.listFeedback(request) }
      if server.json { return try JSONOutput.print(answer) }
      var table = Table("when", "kind", "about", "value", "rater", "text")
      for one in answer.feedback {
        let isRated = one.kind == .rating || one.kind == .thumb
        table.add(
          Text.time(one.createdAtUs), "\(one.kind)", Text.line(one.target?.id ?? "", 24),
          isRated ? Text.number(one.value, 1) : "", one.rater, Text.line(one.text, 50))
      }
      print(table.text)
    }
  }

  struct Metric: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Report a measurement.")

    enum Direction: String, ExpressibleByArgument, CaseIterable { case higher, lower }

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The metric's name.") var name: String
    @Argument(help: "Its value.") var value: Double
    @Option(help: "Its unit.") var unit = ""
    @Option(help: "Which way is better: higher or lower.") var better = Direction.lower
    @Option(help: "The strategy in use.") var strategy = ""

    func run() async throws {
      let sample = V1.MetricSample(
        name: name, value: value, unit: unit,
        direction: better == .higher ? .higherIsBetter : .lowerIsBetter, strategy: strategy)
      let request = V1.ReportMetricsRequest(scope: who.scope, samples: [sample])
      let answer = try await server.withClient { try await $0.feedback.reportMetrics(request) }
      if server.json { return try JSONOutput.print(answer) }
      print(Text.position(answer.position))
    }
  }

  struct Analyze: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Trends, change points, clusters of issues, disagreement.")

    enum Grouping: String, ExpressibleByArgument, CaseIterable {
      case strategy, tool, target, kind, all
      var value: V1.FeedbackGrouping {
        switch self {
        case .strategy: .strategy
        case .tool: .tool
        case .target: .target
        case .kind: .taskKind
        case .all: .all
        }
      }
    }

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "strategy, tool, target, kind or all.") var by = Grouping.strategy

    func run() async throws {
      let request = V1.AnalyzeFeedbackRequest(scope: who.scope, grouping: by.value)
      let answer = try await server.withClient { try await $0.feedback.analyzeFeedback(request) }
      if server.json { return try JSONOutput.print(answer) }
      var groups = Table("group", "count", "score", "positive", "per 100", "agreement", "issues")
      for group in answer.groups {
        groups.add(
          group.name.isEmpty ? "(none)" : Text.line(group.name, 30), "\(group.count)",
          Text.estimate(group.score), Text.estimate(group.positive),
          (group.trend?.samples ?? 0) > 2 ? Text.number(group.trend?.value ?? 0) : "—",
          Text.number(group.agreement), "\(group.issues)")
      }
      print(groups.text)
      for issue in answer.issues.prefix(10) {
        print("\n\(issue.count) × \(Text.line(issue.representative, 90))")
        print("    \(issue.terms.joined(separator: ", "))")
      }
      if !answer.findings.isEmpty { print() }
      for finding in answer.findings { print("- \(finding)") }
    }
  }
}
