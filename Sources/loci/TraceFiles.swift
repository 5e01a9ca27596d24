import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociTrace

extension TraceCommand {
  struct ExportTrace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export",
      abstract: "A trace as OTLP protobuf (ExportTraceServiceRequest), or as JSON lines.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The trace's id.") var id: String
    @Argument(help: "File; a second one is made where the first would be too large for one message.")
    var path: String

    func run() async throws {
      try await server.withClient { client in
        var request = V1.ExportOtlpRequest(scope: who.scope, traceID: id)
        var files = 0
        repeat {
          let answer = try await client.traces.exportOtlp(request)
          let name = files == 0 ? path : "\(path).\(files)"
          try Data(answer.request).write(to: URL(fileURLWithPath: name))
          request.firstStep = answer.nextStep
          files += 1
        } while request.firstStep > 0
        print("\(files) file\(files == 1 ? "" : "s")")
      }
    }
  }

  struct ImportTraces: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Traces from a file: OTLP protobuf, or runs as JSON lines.")

    enum Format: String, ExpressibleByArgument, CaseIterable {
      case otlp, messages, chat
      case sweAgent = "swe-agent"
    }

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "File.") var path: String
    @Option(
      help:
        "otlp; messages (agents' messages), swe-agent (thought, action, observation), chat (roles and tool calls)."
    )
    var format: Format = .otlp

    func run() async throws {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      try await server.withClient { client in
        if format == .otlp {
          let answer = try await client.traces.importOtlp(
            V1.ImportOtlpRequest(scope: who.scope, request: [UInt8](data)))
          if server.json { return try JSONOutput.print(answer) }
          print("\(answer.added) added, \(answer.completed) completed, \(answer.rejected) without an id")
          return
        }
        try await importRuns(String(decoding: data, as: UTF8.self), client)
      }
    }

    private func importRuns(_ text: String, _ client: LociClient) async throws {
      guard let format = Trajectories.Format(rawValue: format.rawValue) else { return }
      let lines = text.split(separator: "\n")
      var progress = Progress(total: lines.count, unit: "runs", isQuiet: server.json)
      var steps = 0
      for (place, line) in lines.enumerated() {
        let run = try Trajectories.steps(of: String(line), number: place + 1, format: format)
        for start in stride(from: 0, to: run.count, by: 1_000) {
          let batch = Array(run[start..<min(run.count, start + 1_000)])
          _ = try await client.traces.writeSteps(V1.WriteStepsRequest(scope: who.scope, steps: batch))
        }
        steps += run.count
        progress.update(place + 1)
      }
      progress.finish()
      if server.json { return try JSONOutput.print(["traces": lines.count, "steps": steps]) }
      print("\(lines.count) traces, \(steps) steps")
    }
  }
}
