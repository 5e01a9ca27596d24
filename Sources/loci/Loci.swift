import ArgumentParser
import LociServer

/// The command line: a server, and everything a person wants to ask of one.
@main
struct Loci: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loci",
    abstract: "Context and memory for AI agents.",
    discussion: """
      Start a server with `loci serve`; the other commands talk to it. Every command takes --json. \
      Shell completions: loci --generate-completion-script bash|zsh|fish
      """,
    version: Node.version,
    subcommands: [
      Serve.self, Append.self, History.self, SessionCommand.self, Add.self, Search.self, FeedbackCommand.self,
      ExperienceCommand.self, RecommendCommand.self, LearnCommand.self, Import.self, Export.self,
      Vectors.self,
      TraceCommand.self, AuditCommand.self, Compress.self, Summarize.self, Expand.self, Compression.self,
      Stats.self, Health.self, Keys.self, Grants.self, QuotaCommand.self, WhoAmI.self, Certificates.self,
      Doctor.self,
      Forget.self, Backup.self, Restore.self, Models.self,
      Bench.self,
      Config.self
    ])
}
