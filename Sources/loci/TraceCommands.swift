import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Traces: what agents did, step by step.",
    subcommands: [
      List.self, Show.self, Tail.self, SearchTraces.self, Analyze.self, Compare.self, Replay.self, Debug.self,
      ExportTrace.self, ImportTraces.self, Policy.self, Delete.self
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The agent's traces, newest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Flag(help: "Only failed ones.") var failed = false
    @Flag(help: "Only running ones.") var running = false
    @Option(help: "Only of this session.") var session = ""
    @Option(help: "Only with a step of this name.") var step = ""
    @Option(help: "Only with this in the error.") var error = ""
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 1000.") var count: Int32 = 20

    func run() async throws {
      let statuses: [V1.TraceStatus] = (failed ? [.error] : []) + (running ? [.running] : [])
      let filter = V1.TraceFilter(
        statuses: statuses, sessionID: session, stepName: step, errorContains: error)
      let request = V1.ListTracesRequest(scope: who.scope, filter: filter, page: V1.Page(size: count))
      let answer = try await server.withClient { try await $0.traces.listTraces(request) }
      if server.json { return try JSONOutput.print(answer) }
      for trace in answer.traces { print(Text.trace(trace)) }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A trace as a tree, with a waterfall of its time.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The trace's id.") var id: String
    @Option(help: "Number of the first step.") var from: UInt32 = 1
    @Option(name: [.short, .customLong("count")], help: "How many steps, 1 to 10000.") var count: UInt32 = 500
    @Flag(help: "With inputs and outputs.") var texts = false

    func run() async throws {
      let request = V1.GetTraceRequest(
        scope: who.scope, traceID: id, firstStep: from, count: count, outline: !texts && !server.json)
      let answer = try await server.withClient { try await $0.traces.getTrace(request) }
      if server.json { return try JSONOutput.print(answer) }
      if let trace = answer.trace { print(Text.trace(trace)) }
      for line in Waterfall(answer.steps, texts: texts).lines { print(line) }
      if answer.nextStep > 0 { print("… more: --from \(answer.nextStep)") }
    }
  }

  struct Tail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Steps as they are written, until interrupted.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Only of this trace.") var trace = ""
    @Option(help: "Only of this name.") var name = ""
    @Flag(help: "Only failed ones.") var errors = false

    func run() async throws {
      let request = V1.TailStepsRequest(scope: who.scope, traceID: trace, name: name, errorsOnly: errors)
      try await server.withClient { client in
        for try await answer in client.traces.tailSteps(
          request, options: CallOptions(timeout: .seconds(86_400)))
        {
          for step in answer.steps {
            if server.json { try JSONOutput.print(step) } else { print(Text.step(step)) }
          }
        }
      }
    }
  }

  struct SearchTraces: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "search", abstract: "Steps by the words in them, best first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "Words.") var query: String
    @Option(help: "Only in this trace.") var trace = ""
    @Option(name: [.short, .customLong("count")], help: "How many, 1 to 100.") var count: UInt32 = 10

    func run() async throws {
      let request = V1.SearchStepsRequest(scope: who.scope, query: query, traceID: trace, limit: count)
      let answer = try await server.withClient { try await $0.traces.searchSteps(request) }
      if server.json { return try JSONOutput.print(answer) }
      for hit in answer.hits {
        guard let step = hit.step else { continue }
        print(String(format: "%6.2f  ", hit.score) + "\(step.traceID)#\(step.number)  " + Text.step(step))
      }
    }
  }

  struct Analyze: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Patterns, critical path, performance, and where and why it failed.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The trace's id.") var id: String
    @Flag(name: .customLong("known-failed"), help: "Look for the mistake though no step says that it failed.")
    var knownFailed = false

    func run() async throws {
      let request = V1.AnalyzeTraceRequest(scope: who.scope, traceID: id, knownFailed: knownFailed)
      let answer = try await server.withClient { try await $0.traces.analyzeTrace(request) }
      if server.json { return try JSONOutput.print(answer) }
      for line in Text.analysis(answer) { print(line) }
    }
  }

  struct Compare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Two traces side by side: what differs.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "A trace's id.") var id: String
    @Argument(help: "Another's.") var other: String

    func run() async throws {
      let request = V1.CompareTracesRequest(scope: who.scope, traceID: id, otherTraceID: other)
      let answer = try await server.withClient { try await $0.traces.compareTraces(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("\(answer.sameSteps) steps are the same, \(answer.differences.count) are not")
      for difference in answer.differences.prefix(100) {
        let fields = difference.fields.joined(separator: ", ")
        switch difference.kind {
        case .onlyFirst: print("  -#\(difference.step)")
        case .onlyOther: print("  +#\(difference.otherStep)")
        default:
          print(
            "  #\(difference.step) → #\(difference.otherStep)  \(fields)  \(Text.micros(difference.durationDeltaUs))"
          )
        }
      }
    }
  }

  struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The steps again, in the order they began.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The trace's id.") var id: String
    @Option(help: "First place.") var from: UInt32 = 0
    @Option(help: "Last place.") var to: UInt32 = 0
    @Option(help: "1 is the recorded pace, 2 twice as fast; 0: at once.") var speed = 0.0
    @Flag(help: "With the hash of each step.") var audit = false

    func run() async throws {
      let request = V1.ReplayTraceRequest(
        scope: who.scope, traceID: id, fromPlace: from, toPlace: to, mode: audit ? .audit : .debug,
        speed: speed)
      try await server.withClient { client in
        for try await answer in client.traces.replayTrace(
          request, options: CallOptions(timeout: .seconds(86_400)))
        {
          if server.json {
            try JSONOutput.print(answer)
            continue
          }
          guard let step = answer.step else { continue }
          print("\(answer.place)  \(Text.step(step))\(audit ? "  " + answer.sha256.prefix(16) : "")")
        }
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete traces with all they hold.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "Ids.") var ids: [String]

    func run() async throws {
      let request = V1.DeleteTracesRequest(scope: who.scope, traceIDs: ids)
      let answer = try await server.withClient { try await $0.traces.deleteTraces(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("deleted \(answer.deleted)  \(Text.position(answer.position))")
    }
  }
}
