import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print every message as JSONL, oldest first; `loci import` reads it back.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Option(help: "Only this context.") var context: String?
  @Option(name: [.short, .long], help: "File to write; none: standard output.") var output: String?

  func run() async throws {
    let file = try output.map(Self.create) ?? FileHandle.standardOutput
    var options = CallOptions()
    options.timeout = .seconds(86_400)
    let request = V1.ExportRequest(scope: who.scope, contextID: context ?? "")
    try await server.withClient { client in
      for try await chunk in client.contexts.export(request, options: options) {
        var lines = Data()
        for message in chunk.messages {
          lines += try JSONSerialization.data(
            withJSONObject: Self.line(message), options: [.sortedKeys, .withoutEscapingSlashes])
          lines.append(UInt8(ascii: "\n"))
        }
        try file.write(contentsOf: lines)
      }
    }
    if output != nil { try file.close() }
  }

  private static func create(_ path: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else { throw ValidationError("cannot write \(path)") }
    return file
  }

  /// Field names as `import` expects them.
  private static func line(_ message: V1.Message) -> [String: Any] {
    var line: [String: Any] = [
      "id": message.id, "context_id": message.contextID, "number": NSNumber(value: message.number),
      "role": Text.role(message.role), "text": message.text,
      "created_at_us": NSNumber(value: message.createdAtUs)
    ]
    if !message.name.isEmpty { line["name"] = message.name }
    if !message.traceID.isEmpty { line["trace_id"] = message.traceID }
    if !message.toolCallID.isEmpty { line["tool_call_id"] = message.toolCallID }
    if !message.attributes.isEmpty {
      line["attributes"] = Dictionary(
        message.attributes.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    }
    return line
  }
}
