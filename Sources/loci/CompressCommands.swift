import ArgumentParser
import Foundation
import LociClient
import LociProto

/// `loci compress`: a file, standard input, or a stored context.
struct Compress: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shrink a text, a JSONL file of messages, or a stored context.",
    discussion: """
      A .jsonl file has one object a line with "text", and perhaps "id", "role", "name", "created_at_us". Any other \
      file is a text whose lines are texts. --archive keeps the raw texts for `loci expand`.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "A file; - is standard input.") var file: String?
  @Option(help: "A stored context instead of a file.") var context = ""
  @Option(help: "Tokens to keep for each token, above 0, at most 1.") var ratio: Float = 0.3
  @Option(help: "Tokens to keep; instead of --ratio.") var tokens: UInt32 = 0
  @Option(help: "adaptive, semantic, hierarchical or structural.") var strategy = "adaptive"
  @Option(help: "Keep what has to do with this question, whole texts, best first.") var question = ""
  @Option(help: "The least retention to accept, 0 to 1.") var floor: Float = 0
  @Option(help: "Write the raw texts to this file, compressed.") var archive: String?
  @Flag(help: "Only what it would come to, at several sizes.") var plan = false

  func run() async throws {
    guard (file == nil) != context.isEmpty else {
      throw ValidationError("give a file or --context, not both")
    }
    guard let chosen = CompressionNames.strategies[strategy] else {
      throw ValidationError("no strategy \(strategy); there are \(CompressionNames.strategies.keys.sorted())")
    }
    let texts = try file.map(CompressionInput.read) ?? []
    guard plan else { return try await compress(texts, chosen) }
    let answer = try await server.withClient {
      try await $0.compression.planCompression(
        V1.PlanCompressionRequest(
          texts: texts, scope: context.isEmpty ? nil : who.scope, contextID: context, strategy: chosen))
    }
    if server.json { return try JSONOutput.print(answer) }
    print("tokens \(answer.counter)")
    print("ratio    before     after  items  empty  retention")
    for plan in answer.plans {
      let figures = plan.figures ?? V1.CompressionFigures()
      print(
        String(
          format: "%5.2f %9d %9d %6d %6d %10.3f", Double(plan.ratio), Int(figures.tokensBefore),
          Int(figures.tokensAfter), Int(figures.items), Int(figures.itemsEmpty),
          Double(plan.retention?.overall ?? 0)))
    }
  }

  private func compress(_ texts: [V1.CompressionText], _ strategy: V1.CompressionStrategy) async throws {
    let target = V1.CompressionTarget(
      ratio: ratio, tokenBudget: tokens, strategy: strategy, retentionFloor: floor, question: question)
    let answer = try await server.withClient {
      try await $0.compression.compress(
        V1.CompressRequest(
          texts: texts, scope: context.isEmpty ? nil : who.scope, contextID: context, target: target,
          omitArchive: archive == nil))
    }
    if let archive { try Data(answer.archive).write(to: URL(filePath: archive)) }
    if server.json { return try JSONOutput.print(answer) }
    print(answer.text)
    let figures = answer.figures ?? V1.CompressionFigures()
    FileHandle.standardError.write(Data((Text.figures(figures, answer.retention) + "\n").utf8))
    if answer.floorRaised {
      FileHandle.standardError.write(Data("more tokens than asked for, to keep the floor\n".utf8))
    }
  }
}

/// `loci expand`: the raw texts again.
struct Expand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The raw texts of an archive or of a compaction.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "An archive that `loci compress --archive` wrote.") var file: String?
  @Option(help: "A compaction instead of a file.") var compaction = ""
  @Option(name: .customLong("id"), parsing: .singleValue, help: "Only this text; repeatable.")
  var ids: [String] = []

  func run() async throws {
    guard (file == nil) != compaction.isEmpty else {
      throw ValidationError("give an archive or --compaction, not both")
    }
    let archive = try file.map { [UInt8](try Data(contentsOf: URL(filePath: $0))) } ?? []
    try await server.withClient { client in
      var page = V1.Page(size: 1_000)
      repeat {
        let answer = try await client.compression.expand(
          V1.ExpandRequest(
            archive: archive, scope: compaction.isEmpty ? nil : who.scope, compactionID: compaction, ids: ids,
            page: page))
        if server.json {
          try JSONOutput.print(answer)
        } else {
          for text in answer.texts { print(Text.speech(text)) }
        }
        page.token = answer.page?.nextToken ?? ""
      } while !page.token.isEmpty
    }
  }
}

/// `loci compression`: compactions of stored contexts.
struct Compression: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compactions of stored contexts.",
    subcommands: [Compact.self, Memories.self, Undo.self, Report.self, Policy.self])

  struct Compact: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compact the older messages of a context. They stay readable and searchable.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The context's id.") var context: String
    @Option(help: "Newest messages that stay as they are; 0: what the policy says.") var keep: UInt32 = 0
    @Option(help: "Tokens to keep for each token; 0: what the policy says.") var ratio: Float = 0

    func run() async throws {
      let target = ratio > 0 ? V1.CompressionTarget(ratio: ratio) : nil
      let answer = try await server.withClient {
        try await $0.compression.compactContext(
          V1.CompactContextRequest(scope: who.scope, contextID: context, keepNewest: keep, target: target))
      }
      if server.json { return try JSONOutput.print(answer) }
      print(answer.text)
      let compaction = answer.compaction ?? V1.Compaction()
      print(
        "\(compaction.id)  messages \(compaction.fromNumber) to \(compaction.untilNumber)  "
          + Text.figures(compaction.figures ?? V1.CompressionFigures(), compaction.retention))
    }
  }

  struct Memories: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Fold the agent's older memories into digests. `loci expand --compaction` shows what they cover.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Memories above which there is something to do; 0: what the policy says.") var max: UInt32 =
      0
    @Option(help: "Tokens to keep for each token; 0: what the policy says.") var ratio: Float = 0

    func run() async throws {
      let target = ratio > 0 ? V1.CompressionTarget(ratio: ratio) : nil
      let answer = try await server.withClient {
        try await $0.compression.compactMemories(
          V1.CompactMemoriesRequest(scope: who.scope, memoriesMax: max, target: target))
      }
      if server.json { return try JSONOutput.print(answer) }
      guard let compaction = answer.compaction else { return print("nothing to fold") }
      for digest in compaction.digests {
        print("\(digest.memoryID)  for \(digest.coveredIDs.count) memories\n\(digest.text)\n")
      }
      print(
        "\(compaction.id)  "
          + Text.figures(compaction.figures ?? V1.CompressionFigures(), compaction.retention))
    }
  }

  struct Undo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take a compaction back.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The compaction's id.") var id: String

    func run() async throws {
      let answer = try await server.withClient {
        try await $0.compression.undoCompaction(V1.UndoCompactionRequest(scope: who.scope, compactionID: id))
      }
      if server.json { return try JSONOutput.print(answer) }
      print("taken back")
    }
  }

  struct Report: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Compactions, newest first, with what they keep.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "Only of this context.") var context: String?

    func run() async throws {
      let request = V1.ReportCompactionsRequest(scope: who.scope, contextID: context ?? "")
      try await server.withClient { client in
        let answer = try await client.compression.reportCompactions(request)
        let stats = try await client.compression.getCompressionStats(
          V1.GetCompressionStatsRequest(scope: who.scope))
        if server.json { return try JSONOutput.print(["report": answer as Any, "stats": stats]) }
        print("context           messages       tokens         raw bytes      cold  kept  when")
        for one in answer.compactions { print(Text.compaction(one)) }
        let figures = stats.figures ?? V1.CompressionFigures()
        print("\(stats.compactions) compactions of \(stats.contexts) contexts: " + Text.figures(figures, nil))
        for one in answer.memoryCompactions {
          print("\(one.id)  \(one.digests.count) digests  \(Text.time(one.createdAtUs))")
        }
        if stats.memoryCompactions > 0 {
          print(
            "\(stats.memoryCompactions) compactions of memories: "
              + Text.figures(stats.memoryFigures ?? V1.CompressionFigures(), nil))
        }
      }
    }
  }

  struct Policy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show when contexts compact themselves, or set it with --automatic or --manual.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "A context; none: all of the agent's.") var context: String?
    @Flag(help: "Compact in the background.") var automatic = false
    @Flag(help: "Compact when asked only.") var manual = false
    @Option(help: "Share of max_history at which a context is compacted.") var threshold: Float = 0.9
    @Option(help: "Newest messages that stay as they are.") var keep: UInt32 = 20
    @Option(help: "Tokens to keep for each token.") var ratio: Float = 0.3
    @Option(help: "Of the agent: memories above which older ones are folded; 0: never.") var memoriesMax:
      UInt32 =
        0
    @Option(help: "Of the agent: snapshots that a session keeps; 0: all.") var snapshotsMax: UInt32 = 0

    func run() async throws {
      guard !(automatic && manual) else { throw ValidationError("--automatic or --manual, not both") }
      try await server.withClient { client in
        if automatic || manual {
          let policy = V1.CompressionPolicy(
            automatic: automatic, threshold: threshold, keepNewest: keep,
            target: V1.CompressionTarget(ratio: ratio), memoriesMax: memoriesMax, snapshotsMax: snapshotsMax)
          _ = try await client.compression.setCompressionPolicy(
            V1.SetCompressionPolicyRequest(scope: who.scope, contextID: context ?? "", policy: policy))
        }
        let answer = try await client.compression.getCompressionPolicy(
          V1.GetCompressionPolicyRequest(scope: who.scope, contextID: context ?? ""))
        if server.json { return try JSONOutput.print(answer) }
        let policy = answer.policy ?? V1.CompressionPolicy()
        print(
          "\(policy.automatic ? "automatic" : "manual"), at \(policy.threshold) of max_history, "
            + "the newest \(policy.keepNewest) stay (\(answer.origin))")
      }
    }
  }
}

enum CompressionNames {
  static let strategies: [String: V1.CompressionStrategy] = [
    "adaptive": .adaptive, "semantic": .semantic, "hierarchical": .hierarchical, "structural": .structural
  ]
}

/// Texts of a file.
enum CompressionInput {
  private struct Line: Decodable {
    var id: String?
    var role: String?
    var name: String?
    var text: String
    var created_at_us: Int64?
  }

  static func read(_ path: String) throws -> [V1.CompressionText] {
    let data =
      path == "-"
      ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(filePath: path))
    let lines = data.split(separator: UInt8(ascii: "\n"))
    guard path.hasSuffix(".jsonl") else {
      return lines.map { V1.CompressionText(role: .user, text: String(decoding: $0, as: UTF8.self)) }
    }
    return try lines.enumerated().map { number, bytes in
      guard let line = try? JSONDecoder().decode(Line.self, from: bytes) else {
        throw ValidationError("\(path):\(number + 1) is not an object with \"text\"")
      }
      let role: V1.Role =
        switch line.role {
        case "assistant": .assistant
        case "system": .system
        case "tool": .tool
        default: .user
        }
      return V1.CompressionText(
        id: line.id ?? "", role: role, name: line.name ?? "", text: line.text,
        createdAtUs: line.created_at_us ?? 0)
    }
  }
}

extension Text {
  static func figures(_ figures: V1.CompressionFigures, _ retention: V1.Retention?) -> String {
    var parts = ["\(figures.items) texts", "\(figures.tokensBefore) → \(figures.tokensAfter) tokens"]
    if figures.archiveBytes > 0 {
      parts.append("raw \(bytes(figures.bytesBefore)), cold \(bytes(figures.archiveBytes))")
    }
    if let retention {
      parts.append(
        String(
          format: "kept: artifacts %.3f, rare words %.3f, found again %.3f", Double(retention.artifacts),
          Double(retention.facts), Double(retention.retrieval)))
    }
    return parts.joined(separator: "  ")
  }

  static func compaction(_ one: V1.Compaction) -> String {
    let figures = one.figures ?? V1.CompressionFigures()
    return String(
      format: "%@ %6d–%-6d %7d→%-6d %10@ %10@ %5.3f  ", pad(one.contextID, 16) as NSString,
      Int(one.fromNumber),
      Int(one.untilNumber), Int(figures.tokensBefore), Int(figures.tokensAfter),
      bytes(figures.bytesBefore) as NSString, bytes(figures.archiveBytes) as NSString,
      Double(one.retention?.overall ?? 0)) + time(one.createdAtUs)
  }

  static func speech(_ text: V1.CompressionText) -> String {
    text.name.isEmpty ? text.text : "\(text.name): \(text.text)"
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text.count >= width
      ? String(text.prefix(width)) : text + String(repeating: " ", count: width - text.count)
  }
}
