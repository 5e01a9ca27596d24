import ArgumentParser
import LociClient
import LociProto

extension LearnCommand {
  struct Consolidate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Merge duplicate memories, link superseded and contradicting ones.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Only memories of this context.") var context = ""
    @Option(help: "Write digests of clusters of so many; 0: none.") var digests: UInt32 = 0
    @Flag(help: "Report, and change nothing.") var dryRun = false

    func run() async throws {
      let request = V1.ConsolidateMemoriesRequest(
        scope: who.scope, filter: V1.Filter(contextIDs: context.isEmpty ? [] : [context]),
        digestClusterMin: digests, dryRun: dryRun)
      let answer = try await server.withClient { try await $0.learning.consolidateMemories(request) }
      if server.json { return try JSONOutput.print(answer) }
      guard let done = answer.consolidation else { return }
      var table = Table("found", "sure", "from", "to", "why")
      for link in done.links {
        table.add(
          "\(link.relation)", Text.number(link.confidence), Text.line(link.fromID, 36),
          Text.line(link.toID, 36), link.reason)
      }
      if !done.links.isEmpty { print(table.text) }
      let merged = done.links.count { $0.relation == .duplicate }
      print("\(done.memoriesRead) memories, \(merged) merged, \(done.links.count - merged) in conflict")
      if !done.id.isEmpty, !done.links.isEmpty { print("to undo: loci learn undo \(done.id)") }
    }
  }

  struct Policy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "When the server consolidates the agent's memories unasked; without options, shows it.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Flag(inversion: .prefixedNo, help: "When a session has ended.") var atSessionEnd: Bool?
    @Option(help: "When so many memories are new; 0: not by number.") var after: UInt32?

    func run() async throws {
      let policy = try await server.withClient { client in
        var policy =
          try await client.memories.getMemoryPolicy(V1.GetMemoryPolicyRequest(scope: who.scope)).policy
          ?? V1.MemoryPolicy()
        guard atSessionEnd != nil || after != nil else { return policy }
        if let atSessionEnd { policy.consolidateAtSessionEnd = atSessionEnd }
        if let after { policy.consolidateAfterMemories = after }
        _ = try await client.memories.setMemoryPolicy(
          V1.SetMemoryPolicyRequest(scope: who.scope, policy: policy))
        return policy
      }
      if server.json { return try JSONOutput.print(policy) }
      let number = policy.consolidateAfterMemories
      print("when a session has ended: \(policy.consolidateAtSessionEnd ? "yes" : "no")")
      print("when memories are new: \(number == 0 ? "no" : "\(number)")")
    }
  }

  struct Undo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Undo a consolidation.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Argument(help: "The consolidation's id.") var id: String

    func run() async throws {
      let request = V1.UndoConsolidationRequest(scope: who.scope, consolidationID: id)
      let answer = try await server.withClient { try await $0.learning.undoConsolidation(request) }
      if server.json { return try JSONOutput.print(answer) }
      print("\(answer.memoriesRestored) restored, \(answer.memoriesChanged) changed back")
    }
  }

  struct Weak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Memories that hardly anybody uses, weakest first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var who: ScopeOptions
    @Option(help: "Strength below which, 0 to 1.") var below = 0.1

    func run() async throws {
      let request = V1.ListWeakMemoriesRequest(scope: who.scope, strengthMax: below)
      let answer = try await server.withClient { try await $0.learning.listWeakMemories(request) }
      if server.json { return try JSONOutput.print(answer) }
      var table = Table("strength", "uses", "id", "text")
      for one in answer.memories {
        table.add(
          Text.number(one.strength), "\(one.uses)", one.memory?.id ?? "",
          Text.line(one.memory?.text ?? "", 60))
      }
      print(table.text)
    }
  }
}
