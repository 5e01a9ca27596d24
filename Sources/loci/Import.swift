import ArgumentParser
import Foundation
import LociClient
import LociCore
import LociProto

struct Import: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Import messages or memories from a JSONL file.",
    discussion: """
      One JSON object a line. Field names can be chosen, so that existing files work as they are. Batches carry \
      request ids made of the file's content: an import that was cut off can be run again, and stores nothing twice.
      """)

  enum Kind: String, ExpressibleByArgument, CaseIterable { case messages, memories }

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "The file; - reads standard input.") var file: String
  @Option(name: .customLong("as"), help: "messages or memories.") var kind = Kind.messages
  @Option(help: "Field of the text.") var textField = "text"
  @Option(help: "Field of the context's id.") var contextField = "context_id"
  @Option(help: "Field of the item's id.") var idField = "id"
  @Option(help: "Field of the speaker's name.") var nameField = "name"
  @Option(help: "Field of the role: user, assistant, system or tool.") var roleField = "role"
  @Option(help: "Field of the time in microseconds since 1970, or ISO 8601.") var timeField = "created_at_us"
  @Option(help: "Context for lines without one.") var context = "import"
  @Option(help: "Items in one call, 1 to 1000.") var batch = 200
  @Option(help: "Calls under way at once.") var inFlight = 4
  @Flag(name: .customLong("new-ids"), help: "Do not keep the items' own ids.") var newIDs = false
  @Flag(help: "Return only when everything can be found by meaning.") var wait = false

  func validate() throws {
    guard (1...1_000).contains(batch) else { throw ValidationError("--batch must be 1 to 1000") }
    guard (1...256).contains(inFlight) else { throw ValidationError("--in-flight must be 1 to 256") }
  }

  func run() async throws {
    let records = try read()
    let batches = ImportBatches.split(records, size: batch)
    let started = ContinuousClock.now
    try await server.withClient { client in
      var progress = Progress(total: records.count, unit: kind.rawValue, isQuiet: server.json)
      var done = 0
      // Batches of one context go one after the other, so that its messages keep the order of the file.
      try await withThrowingTaskGroup(of: Int.self) { group in
        var lanes = ImportBatches.lanes(batches, count: inFlight).makeIterator()
        func startNext() {
          guard let lane = lanes.next() else { return }
          group.addTask {
            var stored = 0
            for batch in lane { stored += try await send(batch, client) }
            return stored
          }
        }
        for _ in 0..<inFlight { startNext() }
        while let stored = try await group.next() {
          done += stored
          progress.update(done)
          startNext()
        }
      }
      if wait { try await waitForIndex(client) }
      progress.finish()
    }
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    if server.json {
      return try JSONOutput.print(["imported": records.count, "seconds": seconds] as [String: Any])
    }
    print("\(records.count) \(kind.rawValue) imported in \(String(format: "%.1f", seconds)) s")
  }

  private func send(_ batch: ImportBatch, _ client: LociClient) async throws -> Int {
    let options = V1.WriteOptions(requestID: batch.requestID)
    switch kind {
    case .messages:
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: who.scope, contextID: batch.context, messages: batch.records.map(\.message),
          createContext: true, options: options))
    case .memories:
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: who.scope, memories: batch.records.map(\.memory), options: options))
    }
    return batch.records.count
  }

  private func waitForIndex(_ client: LociClient) async throws {
    while true {
      let stats = try await client.admin.stats(V1.StatsRequest(scope: who.scope))
      if stats.pendingEmbeddings == 0 { return }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private func read() throws -> [ImportRecord] {
    let data =
      file == "-"
      ? try FileHandle.standardInput.readToEnd() ?? Data()
      : try Data(contentsOf: URL(fileURLWithPath: file), options: .alwaysMapped)
    var records: [ImportRecord] = []
    for (number, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
        throw ValidationError("\(file): line \(number + 1) is not a JSON object")
      }
      records.append(try record(object, line: number + 1))
    }
    return records
  }

  private func record(_ object: [String: Any], line: Int) throws -> ImportRecord {
    guard let text = object[textField] as? String else {
      throw ValidationError(
        "\(file): line \(line) has no text in '\(textField)'; choose the field with --text-field")
    }
    let role = try (object[roleField] as? String).map { name in
      guard let role = RoleArgument(rawValue: name) else {
        throw ValidationError("\(file): line \(line): '\(name)' is not a role")
      }
      return role.value
    }
    return ImportRecord(
      id: newIDs ? "" : object[idField].flatMap { $0 as? String } ?? "", text: text,
      context: object[contextField] as? String ?? context, name: object[nameField] as? String ?? "",
      role: role ?? .user, createdAtUs: try time(object[timeField], line: line))
  }

  private func time(_ value: Any?, line: Int) throws -> Int64 {
    switch value {
    case let number as NSNumber: return number.int64Value
    case let text as String:
      guard let date = try? Date(text, strategy: .iso8601) else {
        throw ValidationError("\(file): line \(line): '\(text)' is not a time")
      }
      return Int64(date.timeIntervalSince1970 * 1e6)
    default: return 0
    }
  }
}

struct ImportRecord: Sendable {
  var id: String
  var text: String
  var context: String
  var name: String
  var role: V1.Role
  var createdAtUs: Int64

  var message: V1.MessageDraft {
    V1.MessageDraft(id: id, role: role, text: text, name: name, createdAtUs: createdAtUs)
  }

  var memory: V1.MemoryDraft {
    V1.MemoryDraft(id: id, text: text, contextID: context, createdAtUs: createdAtUs)
  }
}

struct ImportBatch: Sendable {
  let context: String
  let records: [ImportRecord]
  let requestID: String
}

enum ImportBatches {
  /// What one call may carry, well below a frame.
  private static let bytesMax = 2 << 20

  /// Runs of lines of one context, at most `size` items and `bytesMax` bytes each.
  static func split(_ records: [ImportRecord], size: Int) -> [ImportBatch] {
    var batches: [ImportBatch] = []
    var open: [ImportRecord] = []
    var bytes = 0
    func close() {
      guard let first = open.first else { return }
      let requestID = "import-\(String(fingerprint(open, batches.count), radix: 16))"
      batches.append(ImportBatch(context: first.context, records: open, requestID: requestID))
      open = []
      bytes = 0
    }
    for record in records {
      let cost = record.text.utf8.count + 512
      if let first = open.first,
        ExactText(first.context) != ExactText(record.context) || open.count == size || bytes + cost > bytesMax
      {
        close()
      }
      open.append(record)
      bytes += cost
    }
    close()
    return batches
  }

  /// Batches of one context in one lane, in order; lanes can run side by side.
  static func lanes(_ batches: [ImportBatch], count: Int) -> [[ImportBatch]] {
    var lanes: [[ImportBatch]] = []
    var places: [String: Int] = [:]
    for batch in batches {
      if let place = places[batch.context] {
        lanes[place].append(batch)
      } else {
        places[batch.context] = lanes.count
        lanes.append([batch])
      }
    }
    return lanes
  }

  private static func fingerprint(_ records: [ImportRecord], _ number: Int) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(number)
    for record in records {
      for part in [record.context, record.id, record.name, record.text] {
        for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3
      }
    }
    return hash
  }
}
