import ArgumentParser
import Foundation
import LociClient
import LociProto

/// `loci summarize`: a file, standard input, or a stored context.
struct Summarize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "A shorter text: a language model's where the server has one, else made of the text's own words.",
    discussion: "Files are read as `loci compress` reads them.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var who: ScopeOptions
  @Argument(help: "A file; - is standard input.") var file: String?
  @Option(help: "A stored context instead of a file.") var context = ""
  @Option(help: "Tokens of the summary.") var tokens: UInt32 = 500
  @Flag(help: "Never ask a model.") var extractive = false

  func run() async throws {
    guard (file == nil) != context.isEmpty else {
      throw ValidationError("give a file or --context, not both")
    }
    let texts = try file.map(CompressionInput.read) ?? []
    let answer = try await server.withClient {
      try await $0.compression.summarize(
        V1.SummarizeRequest(
          texts: texts, scope: context.isEmpty ? nil : who.scope, contextID: context, tokenBudget: tokens,
          extractive: extractive))
    }
    if server.json { return try JSONOutput.print(answer) }
    print(answer.text)
    var notes = ["\(answer.coveredIDs.count) texts  \(answer.tokensBefore) → \(answer.tokensAfter) tokens"]
    notes.append(answer.model.isEmpty ? "of the texts' own words" : "by \(answer.model)")
    if !answer.fallbackReason.isEmpty { notes.append("the model \(answer.fallbackReason)") }
    if !answer.unsupported.isEmpty {
      notes.append("stands in no text: \(answer.unsupported.joined(separator: " "))")
    }
    FileHandle.standardError.write(Data((notes.joined(separator: "\n") + "\n").utf8))
  }
}
