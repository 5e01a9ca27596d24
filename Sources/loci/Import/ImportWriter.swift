import LociClient
import LociProto
import LociWire

/// Stores batches over one connection.
struct ImportWriter: Sendable {
  let client: LociClient
  let tenant: String

  struct Outcome: Sendable {
    var stored = 0
    /// Those whose id is taken: they came with an earlier import.
    var present = 0
  }

  /// A batch of which something is there already is halved until what is new is stored.
  func store(_ batch: ImportBatch) async throws -> Outcome {
    do {
      try await send(batch)
      return Outcome(stored: batch.count)
    } catch let status as RPCStatus where status.code == .alreadyExists {
      if batch.count == 1 { return Outcome(present: 1) }
      var outcome = Outcome()
      for half in batch.halves {
        let part = try await store(half)
        outcome.stored += part.stored
        outcome.present += part.present
      }
      return outcome
    }
  }

  private func send(_ batch: ImportBatch) async throws {
    let scope = V1.Scope(tenant: tenant, agent: batch.agent)
    let options = V1.WriteOptions(requestID: batch.requestID)
    switch batch.content {
    case .messages(let context, let drafts):
      _ = try await client.contexts.append(
        V1.AppendRequest(
          scope: scope, contextID: context, messages: drafts, createContext: true, options: options))
    case .memories(let drafts):
      _ = try await client.memories.addMemories(
        V1.AddMemoriesRequest(scope: scope, memories: drafts, options: options))
    }
  }
}
