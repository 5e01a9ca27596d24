import ArgumentParser
import Foundation
import LociClient
import LociProto

struct History: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print the most recent messages.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The context's id; none: all of the agent's.") var context: String?
  @Option(name: [.short, .customLong("count")], help: "How many messages, 1 to 1000.") var count: Int32 = 20

  func run() async throws {
    let request = V1.ListMessagesRequest(
      scope: who.scope, contextID: context ?? "", newestFirst: true, page: V1.Page(size: count))
    let answer = try await server.withClient { try await $0.contexts.listMessages(request) }
    if server.json { return try JSONOutput.print(answer) }
    for message in answer.messages.reversed() {
      let speaker = message.name.isEmpty ? Text.role(message.role) : message.name
      let place = context == nil ? "\(message.contextID)#\(message.number)" : "#\(message.number)"
      print("\(Text.time(message.createdAtUs))  \(place)  \(speaker): \(message.text)")
    }
  }
}

struct Search: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find messages or memories by meaning and by words.")

  enum Place: String, ExpressibleByArgument, CaseIterable { case messages, memories }
  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case semantic, keyword, hybrid
    var value: V1.SearchMode {
      switch self {
      case .semantic: .semantic
      case .keyword: .keyword
      case .hybrid: .hybrid
      }
    }
  }

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "What to look for.") var query: String
  @Option(name: .customLong("in"), help: "messages or memories.") var place = Place.messages
  @Option(name: [.customShort("k"), .customLong("limit")], help: "How many results, 1 to 1000.") var limit:
    Int32 = 10
  @Option(help: "semantic, keyword or hybrid.") var mode = Mode.hybrid
  @Option(help: "Only this context.") var context: String?
  @Flag(help: "Show what each score is made of.") var explain = false
  @Flag(help: "Wait until everything written so far can be found by meaning.") var wait = false

  func run() async throws {
    let filter = context.map { V1.Filter(contextIDs: [$0]) }
    try await server.withClient { client in
      switch place {
      case .messages:
        let answer = try await client.contexts.searchMessages(
          V1.SearchMessagesRequest(
            scope: who.scope, query: query, limit: limit, mode: mode.value, filter: filter, explain: explain,
            waitForIndex: wait))
        if server.json { return try JSONOutput.print(answer) }
        for hit in answer.hits {
          guard let message = hit.message else { continue }
          let speaker = message.name.isEmpty ? Text.role(message.role) : message.name
          print(
            hit.score, hit.explanation, "\(message.contextID)#\(message.number)",
            "\(speaker): \(message.text)")
        }
        print(answer.report, count: answer.hits.count)
      case .memories:
        let answer = try await client.memories.searchMemories(
          V1.SearchMemoriesRequest(
            scope: who.scope, query: query, limit: limit, mode: mode.value, filter: filter, explain: explain,
            waitForIndex: wait))
        if server.json { return try JSONOutput.print(answer) }
        for hit in answer.hits {
          guard let memory = hit.memory else { continue }
          print(hit.score, hit.explanation, memory.id, memory.text)
        }
        print(answer.report, count: answer.hits.count)
      }
    }
  }

  private func print(_ score: Float, _ parts: V1.Explanation?, _ place: String, _ text: String) {
    Swift.print(String(format: "%6.2f  ", score) + "\(place)  \(Text.line(text))")
    guard let parts else { return }
    Swift.print(
      String(
        format:
          "        meaning %.3f (rank %d, z %.2f)  words %.2f (rank %d, z %.2f)  recency %.2f  importance %.2f",
        parts.cosine, parts.semanticRank, parts.semanticZ, parts.bm25, parts.exactRank, parts.exactZ,
        parts.recency, parts.importance))
  }

  private func print(_ report: V1.SearchReport?, count: Int) {
    guard let report else { return }
    var line = "\(count) found in \(String(format: "%.1f", Double(report.elapsedUs) / 1_000)) ms"
    line += "  (\(report.vectorsScanned) vectors, \(report.keywordMatches) by words"
    if report.pendingEmbeddings > 0 { line += ", \(report.pendingEmbeddings) not yet indexed by meaning" }
    Swift.print(line + ")")
  }
}

struct Stats: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Print what the server holds and does.")

  @OptionGroup var server: ServerOptions
  @Option(help: "Also count what this agent has; needs --agent.") var tenant: String?
  @Option(help: "Also count what this agent has; needs --tenant.") var agent: String?

  func run() async throws {
    var request = V1.StatsRequest()
    if let tenant, let agent { request.scope = V1.Scope(tenant: tenant, agent: agent) }
    let answer = try await server.withClient { try await $0.admin.stats(request) }
    if server.json { return try JSONOutput.print(answer) }
    print("shard   events   contexts   messages   memories       disk   commits  commands/commit")
    for shard in answer.shards {
      let share = shard.commits > 0 ? Double(shard.commands) / Double(shard.commits) : 0
      print(
        String(
          format: "%5d %8llu %10llu %10llu %10llu %10@ %9llu %16.1f", shard.shard, shard.sequence,
          shard.contexts, shard.messages, shard.memories, Text.bytes(shard.diskBytes) as NSString,
          shard.commits,
          share))
    }
    print("\nnot yet indexed by meaning  \(answer.pendingEmbeddings)")
    print("resident memory             \(Text.bytes(answer.residentBytes))")
    print("connections                 \(answer.connections)")
    if request.scope != nil {
      print(
        "agent                       \(answer.contexts) contexts, \(answer.messages) messages, \(answer.memories) memories"
      )
    }
    guard !answer.methods.isEmpty else { return }
    print("\nmethod                                        calls  failures     p50 us     p99 us")
    for method in answer.methods where method.calls > 0 {
      print(
        method.method.padding(toLength: 40, withPad: " ", startingAt: 0)
          + String(
            format: " %10llu %9llu %10llu %10llu", method.calls, method.failures, method.p50Us, method.p99Us))
    }
  }
}

struct Health: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask the server how it is; exit 1 unless it serves.")

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let answer = try await server.withClient { try await $0.admin.health(V1.HealthRequest()) }
    if server.json {
      try JSONOutput.print(answer)
    } else {
      print("\(answer.status)  version \(answer.version)  up \(answer.uptimeUs / 1_000_000) s")
      for problem in answer.problems { print("- \(problem)") }
    }
    if answer.status == .notServing { throw ExitCode.failure }
  }
}
