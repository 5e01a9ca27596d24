import ArgumentParser
import Foundation
import LociClient
import LociProto

struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Load a running server and print rate and latency.",
    subcommands: [
      EchoBench.self, AppendBench.self, SearchBench.self, LoadBench.self, EncodeBench.self, StepsBench.self,
      BanditBench.self
    ])
}

/// What every load has.
struct LoadOptions: ParsableArguments {
  @Option(help: "How long, seconds.") var seconds: Double = 5
  @Option(help: "Seconds before measuring starts.") var warmUp: Double = 0.5

  func validate() throws {
    guard seconds > 0, seconds <= 3_600 else { throw ValidationError("--seconds must be 0 to 3600") }
    guard warmUp >= 0, warmUp <= 600 else { throw ValidationError("--warm-up must be 0 to 600") }
  }
}

struct EchoBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "echo", abstract: "Unary echo: the wire alone.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var load: LoadOptions
  @Option(help: "Calls under way on one connection.") var inFlight = 1
  @Option(help: "Bytes of payload.") var payloadBytes = 64

  func run() async throws {
    let request = V1.EchoRequest(payload: (0..<payloadBytes).map { UInt8(truncatingIfNeeded: $0) })
    let result = try await server.withClient { client in
      await ClosedLoop(callers: inFlight, load).run(on: client.executor) { _, _ in
        try await client.admin.echo(request).payload.count == request.payload.count
      }
    }
    try result.print(json: server.json)
  }
}

struct AppendBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "append",
    abstract: "Durable appends, one message a call, each caller with a context of its own.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @OptionGroup var load: LoadOptions
  @Option(help: "Callers, each with one call under way.") var callers = 1
  @Option(help: "Bytes of text in a message.") var textBytes = 200
  @Option(help: "Agents that the callers are spread over.") var agents = 16

  func run() async throws {
    let texts = SampleText(bytes: textBytes)
    let run = UInt32.random(in: 0...UInt32.max)
    let result = try await server.withClient { client in
      await ClosedLoop(callers: callers, load).run(on: client.executor) { caller, call in
        let answer = try await client.contexts.append(
          V1.AppendRequest(
            scope: V1.Scope(tenant: who.tenant, agent: "\(who.agent)-\(caller % max(1, agents))"),
            contextID: "bench-\(run)-\(caller)",
            messages: [V1.MessageDraft(role: .user, text: texts.text(caller, call))], createContext: true))
        return answer.messageIDs.count == 1
      }
    }
    try result.print(json: server.json)
  }
}

struct SearchBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Memory searches with queries from a JSONL file, given as text or vector.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @OptionGroup var load: LoadOptions
  @Option(help: "JSONL with \"text\" or \"vector\" in each line; \"expected\" ids make it measure recall.")
  var queries: String
  @Option(help: "Callers, each with one call under way.") var callers = 1
  @Option(name: .customLong("k"), help: "Results asked for.") var limit: Int32 = 10
  @Option(help: "semantic, keyword or hybrid.") var mode = Search.Mode.semantic

  private struct Query: Decodable {
    var text: String?
    var vector: [Float]?
    var expected: [String]?
  }

  func run() async throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: queries))
    let decoded = try data.split(separator: UInt8(ascii: "\n")).map { line in
      try JSONDecoder().decode(Query.self, from: line)
    }
    guard !decoded.isEmpty else { throw ValidationError("\(queries) holds no query") }
    let requests = decoded.map { query in
      V1.SearchMemoriesRequest(
        scope: who.scope, query: query.text ?? "", embedding: query.vector ?? [], limit: limit,
        mode: mode.value)
    }
    var result = try await server.withClient { client in
      var result = await ClosedLoop(callers: callers, load).run(on: client.executor) { caller, call in
        let answer = try await client.memories.searchMemories(requests[(caller &+ call) % requests.count])
        return !answer.hits.isEmpty
      }
      result.recall = try await recall(client, requests, decoded)
      return result
    }
    result.recallAt = Int(limit)
    try result.print(json: server.json)
  }

  /// Share of the expected ids among the first k, over all queries that name some.
  private func recall(
    _ client: LociClient, _ requests: [V1.SearchMemoriesRequest], _ queries: [Query]
  ) async throws -> Double? {
    var (found, wanted) = (0, 0)
    for (request, query) in zip(requests, queries) {
      guard let expected = query.expected?.prefix(Int(limit)), !expected.isEmpty else { continue }
      let answer = try await client.memories.searchMemories(request)
      let ids = Set(answer.hits.compactMap { $0.memory?.id })
      found += expected.count { ids.contains($0) }
      wanted += expected.count
    }
    return wanted > 0 ? Double(found) / Double(wanted) : nil
  }
}

struct LoadBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Add memories with given vectors from a JSONL file (id, text, vector).")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The file.") var file: String
  @Option(help: "Memories in one call.") var batch = 500

  private struct Item: Decodable {
    var id: String
    var text: String
    var vector: [Float]
  }

  func run() async throws {
    let started = ContinuousClock.now
    let data = try Data(contentsOf: URL(fileURLWithPath: file), options: .alwaysMapped)
    let lines = data.split(separator: UInt8(ascii: "\n"))
    try await server.withClient { client in
      var progress = Progress(total: lines.count, unit: "memories", isQuiet: server.json)
      for start in stride(from: 0, to: lines.count, by: batch) {
        let drafts = try lines[start..<min(start + batch, lines.count)].map { line in
          let item = try JSONDecoder().decode(Item.self, from: line)
          return V1.MemoryDraft(id: item.id, text: item.text, embedding: item.vector)
        }
        _ = try await client.memories.addMemories(V1.AddMemoriesRequest(scope: who.scope, memories: drafts))
        progress.update(start + drafts.count)
      }
      progress.finish()
    }
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    if server.json {
      try JSONOutput.print(["memories": lines.count, "seconds": seconds] as [String: Any])
    } else {
      print("\(lines.count) memories in \(String(format: "%.1f", seconds)) s")
    }
  }
}
