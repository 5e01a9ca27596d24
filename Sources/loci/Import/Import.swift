import ArgumentParser
import Foundation
import LociClient
import LociProto

struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Import messages and memories from a file.",
    discussion: """
      jsonl: one JSON object a line; field names can be chosen, so that existing files work as they are. mem0: what \
      mem0 exports, as a list or one a line. mcp-memory: the file of the MCP memory server. loci: what \
      `loci export --all` wrote. Batches carry request ids made of the file's content, and what has an id that is \
      taken is passed over: an import can be run again, and stores nothing twice.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case jsonl, mem0, loci
    case graph = "mcp-memory"
  }

  enum Kind: String, ExpressibleByArgument, CaseIterable { case messages, memories }

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The file; - reads standard input.") var file: String
  @Option(help: "jsonl, mem0, mcp-memory or loci.") var format = Format.jsonl
  @Option(name: .customLong("as"), help: "What the lines of jsonl are: messages or memories.")
  var kind = Kind.messages
  @OptionGroup(title: "Fields of jsonl") var fields: LineFields
  @Option(help: "Field of jsonl and mem0 that names each item's agent, such as user_id. None: --agent.")
  var agentField: String?
  @Option(help: "Items in one call, 1 to 1000.") var batch = 200
  @Option(help: "Calls under way at once.") var inFlight = 4
  @Flag(help: "Return only when everything can be found by meaning.") var wait = false

  func validate() throws {
    guard (1...1_000).contains(batch) else { throw ValidationError("--batch must be 1 to 1000") }
    guard (1...256).contains(inFlight) else { throw ValidationError("--in-flight must be 1 to 256") }
    guard agentField == nil || format == .jsonl || format == .mem0 else {
      throw ValidationError("--agent-field goes with jsonl and mem0")
    }
  }

  func run() async throws {
    let source = try ImportSource(file: file)
    let exported = format == .loci ? try ExportFile(source, who.scope) : nil
    let records = if let exported { exported.records } else { try self.records(source) }
    let started = ContinuousClock.now
    let outcome = try await server.withClient { client in
      try await exported?.storeContexts(client)
      let outcome = try await store(records, client)
      try await exported?.storeSessions(client)
      if wait { try await waitForIndex(client) }
      return outcome
    }
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    if server.json {
      return try JSONOutput.print(
        ["imported": outcome.stored, "present": outcome.present, "seconds": seconds] as [String: Any])
    }
    let present = outcome.present > 0 ? ", \(outcome.present) were there already," : ""
    print("\(outcome.stored) \(unit) imported\(present) in \(String(format: "%.1f", seconds)) s")
  }

  private var unit: String {
    switch format {
    case .jsonl: kind.rawValue
    case .mem0, .graph: "memories"
    case .loci: "items"
    }
  }

  private func records(_ source: ImportSource) throws -> [ImportRecord] {
    switch format {
    case .jsonl:
      try fields.records(source, agent: who.agent, agentField: agentField, asMemories: kind == .memories)
    case .mem0: try Mem0Format(agent: who.agent, agentField: agentField).records(source)
    case .graph: try GraphFormat(agent: who.agent).records(source)
    case .loci: []
    }
  }

  /// Batches of one context go one after the other, so that its messages keep the order of the file.
  private func store(_ records: [ImportRecord], _ client: LociClient) async throws -> ImportWriter.Outcome {
    let writer = ImportWriter(client: client, tenant: who.tenant)
    let batches = ImportBatches.split(records, size: batch)
    var progress = Progress(total: records.count, unit: unit, isQuiet: server.json)
    var total = ImportWriter.Outcome()
    try await withThrowingTaskGroup(of: ImportWriter.Outcome.self) { group in
      var lanes = ImportBatches.lanes(batches).makeIterator()
      func startNext() {
        guard let lane = lanes.next() else { return }
        group.addTask {
          var outcome = ImportWriter.Outcome()
          for batch in lane {
            let part = try await writer.store(batch)
            outcome.stored += part.stored
            outcome.present += part.present
          }
          return outcome
        }
      }
      for _ in 0..<inFlight { startNext() }
      while let part = try await group.next() {
        total.stored += part.stored
        total.present += part.present
        progress.update(total.stored + total.present)
        startNext()
      }
    }
    progress.finish()
    return total
  }

  private func waitForIndex(_ client: LociClient) async throws {
    while true {
      let stats = try await client.admin.stats(V1.StatsRequest(scope: who.scope))
      if stats.pendingEmbeddings == 0 { return }
      try await Task.sleep(for: .milliseconds(200))
    }
  }
}

/// Which fields of a line are what.
struct LineFields: ParsableArguments {
  @Option(help: "Field of the text.") var textField = "text"
  @Option(help: "Field of the context's id.") var contextField = "context_id"
  @Option(help: "Field of the item's id.") var idField = "id"
  @Option(help: "Field of the speaker's name.") var nameField = "name"
  @Option(help: "Field of the role: user, assistant, system or tool.") var roleField = "role"
  @Option(help: "Field of the time in microseconds since 1970, or ISO 8601.") var timeField = "created_at_us"
  @Option(help: "Context for lines without one.") var context = "import"
  @Flag(name: .customLong("new-ids"), help: "Do not keep the items' own ids.") var newIDs = false

  func records(
    _ source: ImportSource, agent: String, agentField: String?, asMemories: Bool
  ) throws -> [ImportRecord] {
    try source.lines { entry in
      guard let text = entry.text(textField) else {
        throw entry.fail("has no text in '\(textField)'; choose the field with --text-field")
      }
      let owner = try agentField.map { field in
        guard let name = entry.text(field), !name.isEmpty else {
          throw entry.fail("has no agent in '\(field)'")
        }
        return name
      }
      let id = newIDs ? "" : entry.text(idField) ?? ""
      let context = entry.text(contextField) ?? context
      let time = try entry.time(timeField)
      let item: ImportRecord.Item =
        asMemories
        ? .memory(V1.MemoryDraft(id: id, text: text, contextID: context, createdAtUs: time))
        : .message(
          context: context,
          V1.MessageDraft(
            id: id, role: try role(entry), text: text, name: entry.text(nameField) ?? "", createdAtUs: time))
      return ImportRecord(agent: owner ?? agent, item: item)
    }
  }

  private func role(_ entry: ImportSource.Entry) throws -> V1.Role {
    guard let name = entry.text(roleField) else { return .user }
    guard let role = RoleArgument(rawValue: name) else { throw entry.fail("has '\(name)', which is no role") }
    return role.value
  }
}
