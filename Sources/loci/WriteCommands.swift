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
  @Option(name: .customLong("request-id"), help: "Protects a retry of this command: sent twice, stored once.")
  var requestID = ""
  @Flag(help: "Return only when the memory can be found by meaning.") var wait = false

  func run() async throws {
    let draft = V1.MemoryDraft(
      type: type.value, text: try Input.text(text), contextID: context, importance: importance)
    let request = V1.AddMemoriesRequest(
      scope: who.scope, memories: [draft],
      options: V1.WriteOptions(requestID: requestID, waitForIndex: wait))
    let answer = try await server.withClient { try await $0.memories.addMemories(request) }
    if server.json { return try JSONOutput.print(answer) }
    print("\(answer.memoryIDs.first ?? "")  \(Text.position(answer.position))")
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
