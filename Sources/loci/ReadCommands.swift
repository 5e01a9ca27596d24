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
  @Option(help: "Memories: only those with this tag. Repeatable.") var tag: [String] = []
  @Option(help: "Another wording of the query. Repeatable.") var also: [String] = []
  @Option(help: "How much a hit that resembles a better one loses, 0 to 1.") var diversity: Float = 0
  @Option(help: "Messages: turns to show around each, 0 to 10.") var around: Int32 = 0
  @Option(name: .customLong("deadline-ms"), help: "Return the best so far after this long; 0: no such end.")
  var deadlineMs: Int32 = 0
  @Flag(help: "Narrow to the time that the query names: \"last week\", \"in May 2023\".") var time = false
  @Flag(help: "Messages: compare each by itself, without the turns around it.") var single = false
  @Option(help: "Search what these agents own, as far as the caller may read it. Repeatable.")
  var other: [String] = []
  @Flag(help: "Search what every agent of the tenant owns that the caller may read.") var everyone = false
  @Option(name: .customLong("why-not"), help: "Say why this message or memory is not among the results.")
  var whyNot: String?
  @Flag(help: "Show what each score is made of.") var explain = false
  @Flag(help: "Wait until everything written so far can be found by meaning.") var wait = false

  func run() async throws {
    let filter = V1.Filter(contextIDs: context.map { [$0] } ?? [], tags: tag)
    let offset = TimeZone.current.secondsFromGMT() / 60
    let options = V1.SearchOptions(
      granularity: single ? .item : .unspecified, diversity: diversity, deadlineMs: deadlineMs,
      moreQueries: also, timeExpressions: time, utcOffsetMinutes: Int32(offset), neighbours: around)
    try await server.withClient { client in
      if let whyNot { return try await explainMiss(of: whyNot, filter, options, client) }
      if everyone || !other.isEmpty { return try await searchAgents(filter, options, client) }
      switch place {
      case .messages:
        let answer = try await client.contexts.searchMessages(
          V1.SearchMessagesRequest(
            scope: who.scope, query: query, limit: limit, mode: mode.value, filter: filter, explain: explain,
            waitForIndex: wait, options: options))
        if server.json { return try JSONOutput.print(answer) }
        for hit in answer.hits {
          guard let message = hit.message else { continue }
          for turn in hit.before { printAround(turn) }
          print(hit.score, hit.explanation, "\(message.contextID)#\(message.number)", line(message))
          for turn in hit.after { printAround(turn) }
        }
        print(answer.report, count: answer.hits.count)
      case .memories:
        let answer = try await client.memories.searchMemories(
          V1.SearchMemoriesRequest(
            scope: who.scope, query: query, limit: limit, mode: mode.value, filter: filter, explain: explain,
            waitForIndex: wait, options: options))
        if server.json { return try JSONOutput.print(answer) }
        for hit in answer.hits {
          guard let memory = hit.memory else { continue }
          print(hit.score, hit.explanation, memory.id, memory.text)
        }
        print(answer.report, count: answer.hits.count)
      }
    }
  }

  private typealias Miss = (
    reason: V1.MissReason, rank: UInt32, score: Float, last: Float, parts: V1.Explanation?
  )

  private func explainMiss(
    of id: String, _ filter: V1.Filter, _ options: V1.SearchOptions, _ client: LociClient
  ) async throws {
    let miss: Miss
    switch place {
    case .messages:
      let answer = try await client.contexts.explainMessageMiss(
        V1.ExplainMessageMissRequest(
          search: V1.SearchMessagesRequest(
            query: query, limit: limit, mode: mode.value, filter: filter, waitForIndex: wait, options: options
          ),
          messageID: id, scope: who.scope))
      if server.json { return try JSONOutput.print(answer) }
      miss = (answer.reason, answer.rank, answer.score, answer.lastScore, answer.explanation)
    case .memories:
      let answer = try await client.memories.explainMiss(
        V1.ExplainMissRequest(
          search: V1.SearchMemoriesRequest(
            query: query, limit: limit, mode: mode.value, filter: filter, waitForIndex: wait, options: options
          ),
          memoryID: id, scope: who.scope))
      if server.json { return try JSONOutput.print(answer) }
      miss = (answer.reason, answer.rank, answer.score, answer.lastScore, answer.explanation)
    }
    var text = Self.reasons[miss.reason] ?? "\(miss.reason)"
    if miss.rank > 0 {
      text += String(
        format: "; rank %d, score %.2f, the last hit has %.2f", miss.rank, miss.score, miss.last)
    }
    Swift.print("\(id): \(text)")
    printParts(miss.parts)
  }

  private func searchAgents(
    _ filter: V1.Filter, _ options: V1.SearchOptions, _ client: LociClient
  ) async throws {
    let answer = try await client.state.searchAgents(
      V1.SearchAgentsRequest(
        scope: V1.Scope(tenant: who.tenant), agents: everyone ? [] : other,
        target: place == .messages ? .messages : .memories, query: query, limit: limit, mode: mode.value,
        filter: filter, explain: explain, options: options))
    if server.json { return try JSONOutput.print(answer) }
    for hit in answer.memories {
      guard let memory = hit.hit?.memory else { continue }
      print(hit.hit?.score ?? 0, hit.hit?.explanation, "\(hit.agent)  \(memory.id)", memory.text)
    }
    for hit in answer.messages {
      guard let message = hit.hit?.message else { continue }
      let place = "\(hit.agent)  \(message.contextID)#\(message.number)"
      print(hit.hit?.score ?? 0, hit.hit?.explanation, place, line(message))
    }
    let milliseconds = String(format: "%.1f", Double(answer.elapsedUs) / 1_000)
    Swift.print("\(answer.searchedAgents.count) agents searched in \(milliseconds) ms")
    if !answer.refusedAgents.isEmpty {
      Swift.print("not yours to read: \(answer.refusedAgents.joined(separator: ", "))")
    }
  }

  private static let reasons: [V1.MissReason: String] = [
    .found: "it is among the results", .notThere: "the agent has nothing of this id",
    .expired: "it has expired",
    .superseded: "a newer memory replaced it", .filtered: "the filter leaves it out",
    .notIndexed: "its embedding is still being made, and it has no word of the query",
    .notACandidate: "neither meaning nor words brought it among the candidates", .rank: "it ranks too low"
  ]

  private func line(_ message: V1.Message) -> String {
    "\(message.name.isEmpty ? Text.role(message.role) : message.name): \(message.text)"
  }

  private func printAround(_ message: V1.Message) {
    Swift.print("        \(message.contextID)#\(message.number)  \(Text.line(line(message)))")
  }

  private func print(_ score: Float, _ parts: V1.Explanation?, _ place: String, _ text: String) {
    Swift.print(String(format: "%6.2f  ", score) + "\(place)  \(Text.line(text))")
    printParts(parts)
  }

  private func printParts(_ parts: V1.Explanation?) {
    guard let parts else { return }
    Swift.print(
      String(
        format:
          "        meaning %.3f (rank %d, z %.2f)  words %.2f (rank %d, z %.2f)  recency %.2f  importance %.2f",
        parts.cosine, parts.semanticRank, parts.semanticZ, parts.bm25, parts.exactRank, parts.exactZ,
        parts.recency, parts.importance))
    guard parts.windowBm25Wide > 0 || parts.windowCosine != 0 else { return }
    Swift.print(
      String(
        format:
          "        around it: meaning %.3f  words %.2f, %.2f  coverage %.2f  speaker %.0f  date %.2f  cues %.2f",
        parts.windowCosine, parts.windowBm25Narrow, parts.windowBm25Wide, parts.coverage, parts.speaker,
        parts.date, parts.cues))
  }

  private func print(_ report: V1.SearchReport?, count: Int) {
    guard let report else { return }
    var line = "\(count) found in \(String(format: "%.1f", Double(report.elapsedUs) / 1_000)) ms"
    line += "  (\(report.vectorsScanned) vectors, \(report.keywordMatches) by words"
    if report.partial { line += ", ended by its deadline" }
    if let range = report.timeRange {
      line += ", from \(Text.time(range.fromUs)) to \(Text.time(range.untilUs))"
    }
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
