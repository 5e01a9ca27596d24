import ArgumentParser
import Foundation
import LociClient
import LociProto

extension TraceCommand {
  struct Debug: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Step through a recorded trace.",
      discussion: """
        Commands: step (s), over (o), out (u), back (b), continue (c), reverse (r), goto N (g), break CONDITION, \
        unbreak N, watch EXPRESSION, where (w), state, quit (q). Conditions: docs/trace.md.
        """)

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The trace's id.") var id: String
    @Option(help: "Where to begin; 0: before the first step.") var place: UInt32 = 0
    @Option(name: .customLong("break"), parsing: .singleValue, help: "Stop where this holds.")
    var breakpoints: [String] = []

    func run() async throws {
      try await server.withClient { client in
        var request = V1.DebugTraceRequest(
          scope: who.scope, traceID: id, place: place, command: .goto, targetPlace: place,
          breakpoints: breakpoints)
        try await move(&request, client)
        while true {
          if Text.isTerminal(.standardInput) { print("(\(request.place)) ", terminator: "") }
          guard let line = readLine() else { return }
          let parts = line.split(separator: " ", maxSplits: 1).map { String($0) }
          guard let command = parts.first else { continue }
          let argument = parts.count > 1 ? parts[1] : ""
          if command == "quit" || command == "q" { return }
          do {
            try await obey(command, argument, &request, client)
          } catch { print(CommandFailure(error)) }
        }
      }
    }

    private func obey(
      _ command: String, _ argument: String, _ request: inout V1.DebugTraceRequest, _ client: LociClient
    ) async throws {
      var next = request
      switch command {
      case "step", "s": next.command = .step
      case "over", "o": next.command = .over
      case "out", "u": next.command = .out
      case "back", "b": next.command = .back
      case "continue", "c": next.command = .continue
      case "reverse", "r": next.command = .reverse
      case "where", "w", "state": (next.command, next.targetPlace) = (.goto, next.place)
      case "goto", "g":
        guard let target = UInt32(argument) else { return print("goto NUMBER") }
        (next.command, next.targetPlace) = (.goto, target)
      case "break":
        next.breakpoints.append(argument)
        (next.command, next.targetPlace) = (.goto, next.place)
      case "unbreak":
        guard let number = Int(argument), next.breakpoints.indices.contains(number - 1) else {
          return print("unbreak NUMBER, 1 to \(next.breakpoints.count)")
        }
        next.breakpoints.remove(at: number - 1)
        (next.command, next.targetPlace) = (.goto, next.place)
      case "watch":
        next.watches.append(argument)
        (next.command, next.targetPlace) = (.goto, next.place)
      default: return print("no such command; see loci trace debug --help")
      }
      try await move(&next, client)
      request = next
    }

    private func move(_ request: inout V1.DebugTraceRequest, _ client: LociClient) async throws {
      let answer = try await client.traces.debugTrace(request)
      request.place = answer.place
      if server.json { return try JSONOutput.print(answer) }
      guard let step = answer.step else { return print("before the first of \(answer.places) steps") }
      let stopped = answer.breakpoint > 0 ? "  breakpoint \(answer.breakpoint)" : answer.ended ? "  end" : ""
      print("\(answer.place)/\(answer.places)  depth \(answer.depth)  \(Text.step(step))\(stopped)")
      if !step.input.isEmpty { print("  in:  \(Text.line(step.input))") }
      if !step.output.isEmpty { print("  out: \(Text.line(step.output))") }
      for variable in answer.state { print("  \(variable.name) = \(Text.line(variable.value))") }
      for (expression, value) in zip(request.watches, answer.watches) { print("  \(expression): \(value)") }
    }
  }
}
