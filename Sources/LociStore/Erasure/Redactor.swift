import LociCore
import LociProto

/// Takes what was forgotten out of a log's events, one after the other. What is left has the same effect but for the
/// content: items keep their numbers and texts their length, so that everything after applies as it did.
struct Redactor {
  struct Target {
    let scope: Scope
    /// The number of the event that says it is forgotten.
    let sequence: LogSequence
    let messages: Set<String>
    let memories: Set<String>
    let contexts: Set<String>
    let isWholeAgent: Bool

    init(_ forgotten: LogV1.DataForgotten, scope: Scope, sequence: LogSequence) {
      self.scope = scope
      self.sequence = sequence
      messages = Set(forgotten.messageIDs)
      memories = Set(forgotten.memoryIDs)
      contexts = Set(forgotten.contextIDs)
      isWholeAgent = forgotten.wholeAgent
    }
  }

  /// What applying the event as it was did to the shard's counters.
  struct Footprint {
    let firstItem: Int64
    let lastItem: Int64
    let makesScope: Bool
  }

  private let targets: [Scope: [Target]]
  /// Rows and texts of forgotten items met so far.
  private var items: Set<Int64> = []
  private var texts: Set<[UInt8]> = []
  /// Digests that stand for forgotten memories.
  private var digests: Set<String> = []

  init(_ targets: [Target]) { self.targets = Dictionary(grouping: targets, by: \.scope) }

  /// The event without what was forgotten, or nil when it has nothing of it.
  mutating func redact(
    _ event: LogV1.Event, at sequence: LogSequence, _ footprint: Footprint
  ) throws -> LogV1.Event? {
    guard let scope = try? Scope(tenant: event.tenant, agent: event.agent), let targets = targets[scope]
    else {
      return nil
    }
    var redacted = event
    for target in targets where sequence < target.sequence {
      if target.isWholeAgent {
        guard !Self.isKept(redacted.kind) else { continue }
        redacted.kind = erased(footprint)
      } else {
        redacted.kind = try redact(redacted.kind, target, footprint)
      }
    }
    return redacted == event ? nil : redacted
  }

  private func erased(_ footprint: Footprint) -> LogV1.Event.Kind {
    .erased(LogV1.Erased(lastItem: footprint.lastItem, makesScope: footprint.makesScope))
  }

  /// What stays of an agent that is forgotten: who may reach it, what was done to it, and what stands for erased events.
  private static func isKept(_ kind: LogV1.Event.Kind?) -> Bool {
    switch kind {
    case .accessKeyCreated, .accessKeyRevoked, .grantSet, .grantRemoved, .accessRefused, .auditRecorded,
      .auditHeadSigned, .auditRulesSet, .auditAlertsDelivered, .dataForgotten, .logRewritten, .erased,
      .requestsForgotten, nil:
      true
    default: false
    }
  }

  private mutating func redact(
    _ kind: LogV1.Event.Kind?, _ target: Target, _ footprint: Footprint
  ) throws -> LogV1.Event.Kind? {
    switch kind {
    case .messagesAppended(var appended):
      let isInContext = target.contexts.contains(appended.contextID)
      for place in try places(
        appended.messages, footprint, { isInContext || target.messages.contains($0.id) })
      {
        remember(appended.messages[place].text)
        appended.messages[place] = redact(appended.messages[place])
      }
      return .messagesAppended(appended)
    case .messagesRestored(var restored):
      let isInContext = target.contexts.contains(restored.contextID)
      let named = try places(restored.messages, footprint) {
        isInContext || target.messages.contains($0.message?.id ?? "")
      }
      for place in named {
        guard let message = restored.messages[place].message else { continue }
        remember(message.text)
        restored.messages[place].message = redact(message)
      }
      return .messagesRestored(restored)
    case .memoriesAdded(var added):
      for place in try places(added.memories, footprint, { target.memories.contains($0.id) }) {
        remember(added.memories[place].text)
        added.memories[place] = redact(added.memories[place])
      }
      return .memoriesAdded(added)
    case .memoryUpdated(var updated):
      if let memory = updated.memory, target.memories.contains(memory.id) || digests.contains(memory.id) {
        remember(memory.text)
        updated.memory = redact(memory)
      }
      return .memoryUpdated(updated)
    case .itemsEmbedded(let embedded): return .itemsEmbedded(redact(embedded))
    case .contextCreated(var created):
      if target.contexts.contains(created.id) { (created.title, created.attributes) = ("", []) }
      return .contextCreated(created)
    case .contextUpdated(var updated):
      if target.contexts.contains(updated.id) { (updated.title, updated.attributes) = ("", []) }
      return .contextUpdated(updated)
    case .requestAnswered(var request):
      // A retry finds that it was answered, and no content.
      if texts.contains(where: { request.answer.contains(part: $0) }) { request.answer = [] }
      return .requestAnswered(request)
    case .memoriesConsolidated(var done):
      done.consolidation = try redact(consolidation: done.consolidation, target)
      return .memoriesConsolidated(done)
    case .memoriesCompacted(let compacted):
      return .memoriesCompacted(try redact(compacted, target, footprint))
    // Undone all of them before anything is forgotten: together they change nothing, and a block or a dictionary may
    // hold any of the agent's texts.
    case .contextCompacted, .compactionUndone, .coldDictionaryTrained: return erased(footprint)
    default: return kind
    }
  }

  /// Which items of an event that gives each a row of its own are forgotten. Their rows are remembered.
  private mutating func places<Item>(
    _ list: [Item], _ footprint: Footprint, _ isForgotten: (Item) -> Bool
  ) throws -> [Int] {
    let places = list.indices.filter { isForgotten(list[$0]) }
    guard !places.isEmpty else { return [] }
    guard footprint.lastItem - footprint.firstItem + 1 == Int64(list.count) else {
      throw LociError.internalError(detail: "an event of \(list.count) items has other rows than its items'")
    }
    items.formUnion(places.map { footprint.firstItem + Int64($0) })
    return places
  }

  private mutating func remember(_ text: String) {
    if text.utf8.contains(where: { $0 != UInt8(ascii: " ") }) { texts.insert(Array(text.utf8)) }
  }

  private func blank(_ text: String) -> String { String(repeating: " ", count: text.utf8.count) }

  private func redact(_ message: LogV1.AppendedMessage) -> LogV1.AppendedMessage {
    var message = message
    message.text = blank(message.text)
    (message.name, message.toolCallID, message.attributes, message.data) = ("", "", [], [])
    return message
  }

  private func redact(_ memory: LogV1.AddedMemory) -> LogV1.AddedMemory {
    var memory = memory
    memory.text = blank(memory.text)
    memory.attributes = []
    if memory.details != nil {
      memory.details?.tags = []
      memory.details?.fingerprint = 0
    }
    return memory
  }

  /// Digests of forgotten memories say what these said. Rows: the compaction's, then two for each digest.
  private mutating func redact(
    _ compacted: LogV1.MemoriesCompacted, _ target: Target, _ footprint: Footprint
  ) throws -> LogV1.MemoriesCompacted {
    var compacted = compacted
    for (place, folded) in compacted.digests.enumerated() {
      guard let digest = folded.digest,
        target.memories.contains(digest.id) || folded.ids.contains(where: target.memories.contains)
      else { continue }
      guard footprint.lastItem - footprint.firstItem == 2 * Int64(compacted.digests.count) else {
        throw LociError.internalError(detail: "a compaction of memories has other rows than its digests'")
      }
      items.insert(footprint.firstItem + 1 + 2 * Int64(place))
      digests.insert(digest.id)
      remember(digest.text)
      compacted.digests[place].digest = redact(digest)
    }
    return compacted
  }

  private func redact(_ embedded: LogV1.ItemsEmbedded) -> LogV1.ItemsEmbedded {
    embedded.keeping(embedded.items.indices.filter { !items.contains(embedded.items[$0]) })
  }

  private func redact(consolidation bytes: [UInt8], _ target: Target) throws -> [UInt8] {
    var consolidation = try V1.Consolidation(decoding: bytes)
    func blanked(_ memories: [V1.Memory]) -> [V1.Memory] {
      memories.map { memory in
        guard target.memories.contains(memory.id) else { return memory }
        var memory = memory
        (memory.text, memory.attributes, memory.tags) = (blank(memory.text), [], [])
        return memory
      }
    }
    consolidation.merged = blanked(consolidation.merged)
    consolidation.changed = blanked(consolidation.changed)
    consolidation.links = consolidation.links.map { link in
      guard target.memories.contains(link.fromID) || target.memories.contains(link.toID) else { return link }
      var link = link
      link.reason = ""
      return link
    }
    return consolidation.encoded()
  }
}
