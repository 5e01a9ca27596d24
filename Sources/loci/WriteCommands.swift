import ArgumentParser
import Foundation
import LociClient
import LociProto

struct Append: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Append a message to a context, which is made when it is not there.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The context's id.") var context: String
  @Argument(help: "The text; - reads standard input.") var text: String
  @Option(help: "user, assistant, system or tool.") var role = RoleArgument.user
  @Option(help: "The speaker's name.") var name = ""
  @Option(help: "W3C trace id, 32 hex digits.") var trace = ""
  @Option(name: .customLong("request-id"), help: "Protects a retry of this command: sent twice, stored once.")
  var requestID = ""
  @Flag(help: "Return only when the message can be found by meaning.") var wait = false

  func run() async throws {
    let draft = V1.MessageDraft(role: role.value, text: try Input.text(text), name: name, traceID: trace)
    let request = V1.AppendRequest(
      scope: who.scope, contextID: context, messages: [draft], createContext: true,
      options: V1.WriteOptions(requestID: requestID, waitForIndex: wait))
    let answer = try await server.withClient { try await $0.contexts.append(request) }
    if server.json { return try JSONOutput.print(answer) }
    print("\(answer.messageIDs.first ?? "")  number \(answer.firstNumber)  \(Text.position(answer.position))")
  }
}

struct Add: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Add a memory.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The text; - reads standard input.") var text: String
  @Option(help: "working, episodic, semantic, procedural or long-term.") var type = MemoryTypeArgument
    .semantic
  @Option(help: "0 to 1.") var importance: Float?
  @Option(help: "The context it comes from.") var context = ""
  @Option(help: "How sure it is, 0 to 1.") var confidence: Float?
  @Option(help: "user, agent, tool or inferred.") var source: MemorySourceArgument?
  @Option(help: "untrusted, low, medium or high.") var trust: TrustArgument?
  @Option(help: "A tag. Repeatable.") var tag: [String] = []
  @Option(name: .customLong("ttl-seconds"), help: "Expires this long from now; 0: by the agent's policy.")
  var ttlSeconds: Int64 = 0
  @Option(help: "The memory that this one replaces.") var supersedes = ""
  @Option(help: "keep, exact or near: what is not stored again.") var duplicates = DuplicatesArgument.keep
  @Option(name: .customLong("request-id"), help: "Protects a retry of this command: sent twice, stored once.")
  var requestID = ""
  @Flag(help: "Return only when the memory can be found by meaning.") var wait = false

  func run() async throws {
    let draft = V1.MemoryDraft(
      type: type.value, text: try Input.text(text), contextID: context, importance: importance,
      confidence: confidence, source: source?.value ?? .unspecified, trust: trust?.value ?? .unspecified,
      tags: tag, ttlMs: ttlSeconds &* 1_000, supersedesID: supersedes)
    let request = V1.AddMemoriesRequest(
      scope: who.scope, memories: [draft],
      options: V1.WriteOptions(requestID: requestID, waitForIndex: wait), duplicates: duplicates.value)
    let answer = try await server.withClient { try await $0.memories.addMemories(request) }
    if server.json { return try JSONOutput.print(answer) }
    let known = answer.duplicatePlaces.isEmpty ? "" : "  known already"
    print("\(answer.memoryIDs.first ?? "")  \(Text.position(answer.position))\(known)")
  }
}

enum MemorySourceArgument: String, ExpressibleByArgument, CaseIterable {
  case user, agent, tool, inferred

  var value: V1.MemorySource {
    switch self {
    case .user: .user
    case .agent: .agent
    case .tool: .tool
    case .inferred: .inferred
    }
  }
}

enum TrustArgument: String, ExpressibleByArgument, CaseIterable {
  case untrusted, low, medium, high

  var value: V1.TrustClass {
    switch self {
    case .untrusted: .untrusted
    case .low: .low
    case .medium: .medium
    case .high: .high
    }
  }
}

enum DuplicatesArgument: String, ExpressibleByArgument, CaseIterable {
  case keep, exact, near

  var value: V1.DuplicatePolicy {
    switch self {
    case .keep: .keep
    case .exact: .exact
    case .near: .near
    }
  }
}

enum RoleArgument: String, ExpressibleByArgument, CaseIterable {
  case user, assistant, system, tool

  var value: V1.Role {
    switch self {
    case .user: .user
    case .assistant: .assistant
    case .system: .system
    case .tool: .tool
    }
  }
}

enum MemoryTypeArgument: String, ExpressibleByArgument, CaseIterable {
  case working, episodic, semantic, procedural
  case longTerm = "long-term"

  var value: V1.MemoryType {
    switch self {
    case .working: .working
    case .episodic: .episodic
    case .semantic: .semantic
    case .procedural: .procedural
    case .longTerm: .longTerm
    }
  }
}

enum Input {
  /// The argument itself, or standard input for "-".
  static func text(_ argument: String) throws -> String {
    guard argument == "-" else { return argument }
    let data = try FileHandle.standardInput.readToEnd() ?? Data()
    guard let text = String(validating: data, as: UTF8.self) else {
      throw ValidationError("standard input is not UTF-8")
    }
    return text
  }
}

extension Text {
  static func position(_ position: V1.Position?) -> String {
    position.map { "position \($0.shard):\($0.sequence)" } ?? ""
  }
}
