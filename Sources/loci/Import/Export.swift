import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print messages as JSONL, oldest first; `loci import` reads it back.",
    discussion: """
      With --all also contexts, memories, sessions and their variables, each line with its kind; `loci import --format \
      loci` reads that.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Option(help: "Only this context.") var context: String?
  @Flag(help: "Contexts, messages, memories and sessions.") var all = false
  @Option(name: [.short, .long], help: "File to write; none: standard output.") var output: String?

  func validate() throws {
    guard !all || context == nil else { throw ValidationError("--all goes without --context") }
  }

  func run() async throws {
    let file = try output.map(Self.create) ?? FileHandle.standardOutput
    try await server.withClient { client in
      if all {
        try await Self.pages(
          { V1.ListContextsRequest(scope: who.scope, page: $0) },
          { try await client.contexts.listContexts($0) },
          { ($0.contexts, $0.page) }
        ) { try Self.write($0.map(ExportLine.context), to: file) }
      }
      try await messages(client, file)
      guard all else { return }
      try await Self.pages(
        { V1.ListMemoriesRequest(scope: who.scope, page: $0) },
        { try await client.memories.listMemories($0) },
        { ($0.memories, $0.page) }
      ) { try Self.write($0.map(ExportLine.memory), to: file) }
      try await sessions(client, file)
    }
    if output != nil { try file.close() }
  }

  private func messages(_ client: LociClient, _ file: FileHandle) async throws {
    var options = CallOptions()
    options.timeout = .seconds(86_400)
    let request = V1.ExportRequest(scope: who.scope, contextID: context ?? "")
    for try await chunk in client.contexts.export(request, options: options) {
      try Self.write(chunk.messages.map { ExportLine.message($0, isNamed: all) }, to: file)
    }
  }

  private func sessions(_ client: LociClient, _ file: FileHandle) async throws {
    var sessions: [V1.Session] = []
    try await Self.pages(
      { V1.ListSessionsRequest(scope: who.scope, page: $0) }, { try await client.sessions.listSessions($0) },
      { ($0.sessions, $0.page) }
    ) { sessions += $0 }
    // A parent comes before its children.
    for session in sessions.sorted(by: { ($0.createdAtUs, $0.id) < ($1.createdAtUs, $1.id) }) {
      var variables: [V1.Variable] = []
      try await Self.pages(
        { V1.GetVariablesRequest(scope: who.scope, sessionID: session.id, page: $0) },
        { try await client.sessions.getVariables($0) }, { ($0.variables, $0.page) }
      ) { variables += $0 }
      try Self.write([ExportLine.session(session, variables)], to: file)
    }
  }

  /// Every page of a list.
  private static func pages<Request, Answer, Item>(
    _ request: (V1.Page) -> Request, _ call: (Request) async throws -> Answer,
    _ items: (Answer) -> ([Item], V1.PageInfo?), _ take: ([Item]) throws -> Void
  ) async throws {
    var page = V1.Page(size: 500)
    while true {
      let (found, info) = items(try await call(request(page)))
      try take(found)
      guard let token = info?.nextToken, !token.isEmpty else { return }
      page.token = token
    }
  }

  private static func write(_ objects: [[String: Any]], to file: FileHandle) throws {
    var lines = Data()
    for object in objects {
      lines += try JSONSerialization.data(
        withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
      lines.append(UInt8(ascii: "\n"))
    }
    try file.write(contentsOf: lines)
  }

  private static func create(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else { throw ValidationError("cannot write \(path)") }
    return file
  }
}
