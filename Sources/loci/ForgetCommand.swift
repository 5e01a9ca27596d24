import ArgumentParser
import Foundation
import LociClient
import LociProto
import LociWire

struct Forget: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Erase for good: from every index at once, then from the log and the files.",
    discussion: """
      Prints the proof: the position after which nothing returns it, a count for each index, and when the files were \
      written anew. Backups made before still hold it.
      """)

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Option(help: "A memory's id; repeat it for more.") var memory: [String] = []
  @Option(help: "A message's id; repeat it for more.") var message: [String] = []
  @Option(help: "A context's id, with its messages and memories; repeat it for more.") var context: [String] =
    []
  @Option(help: "Messages and memories that mention this, or have it as an attribute's value.") var subject:
    String?
  @Flag(help: "Everything of the agent, but for its keys, grants and audit log.") var wholeAgent = false
  @Option(help: "Kept with the proof, such as a ticket's number.") var reason: String?
  @Flag(help: "Do not wait until the files are written anew.") var noWait = false
  @Flag(help: "Do not ask.") var yes = false

  func run() async throws {
    guard yes || Self.isConfirmed("This cannot be undone. Erase? [y/N] ") else { throw ExitCode.failure }
    var options = CallOptions()
    options.timeout = .seconds(86_400)
    let request = V1.ForgetRequest(
      scope: who.scope, memoryIDs: memory, messageIDs: message, contextIDs: context, subject: subject ?? "",
      wholeAgent: wholeAgent, reason: reason ?? "", noWait: noWait)
    let erasure = try await server.withClient { client in
      try await client.erasure.forget(request, options: options).erasure
    }
    guard let erasure else { return }
    if server.json { return try JSONOutput.print(erasure) }
    let counts = erasure.counts.map { "\($0.count) \($0.index)" }.joined(separator: ", ")
    print("erasure \(erasure.id)")
    print("deleted    \(counts.isEmpty ? "nothing that was still there" : counts)")
    if let position = erasure.position {
      print("position   shard \(position.shard), event \(position.sequence)")
    }
    print(
      erasure.rewrittenAtUs == 0
        ? "files      not written anew yet"
        : "files      written anew \(Text.time(erasure.rewrittenAtUs)), \(erasure.recordsRedacted) records redacted"
    )
  }

  private static func isConfirmed(_ question: String) -> Bool {
    FileHandle.standardError.write(Data(question.utf8))
    return readLine()?.lowercased().hasPrefix("y") ?? false
  }
}
