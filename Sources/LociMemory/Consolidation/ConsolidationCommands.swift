import Foundation
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.ConsolidateMemoriesResponse: PositionedAnswer {}
extension V1.UndoConsolidationResponse: PositionedAnswer {}
extension V1.ReinforceMemoriesResponse: PositionedAnswer {}

/// Carries out a plan. A memory that changed since it was read is left alone, with its links.
package struct ConsolidateMemories: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let plan: ConsolidationPlan
  private let input: ConsolidationQueries.Input
  private let digests: [LogV1.AddedMemory]
  private let byMeaning: Bool
  private let isAutomatic: Bool
  private let id: String

  private static let digestBytesMax = 2_048
  private static let digestSourcesMax = 64

  /// - Parameter isAutomatic: by the agent's policy: remembers how far it looked, and does not do again what was undone.
  package init(
    _ plan: ConsolidationPlan, of input: ConsolidationQueries.Input, digester: Digester, scope: Scope,
    key: RequestKey?, ids: UUIDv7Generator, isAutomatic: Bool = false
  ) {
    self.isAutomatic = isAutomatic
    self.scope = scope
    requestKey = key
    self.plan = plan
    self.input = input
    byMeaning = input.vectors != nil
    id = ids.next()
    digests = plan.clusters.compactMap { members in
      let memories = members.map { input.memories[$0] }
      let text = digester.digest(memories.map(\.text), Self.digestBytesMax)
      guard !text.isEmpty else { return nil }
      let sources = memories.prefix(Self.digestSourcesMax).map(\.id).joined(separator: ",")
      return LogV1.AddedMemory(
        id: ids.next(), type: V1.MemoryType.longTerm.rawValue, text: text,
        importance: memories.map(\.importance).max() ?? MemoryLimits.importanceDefault,
        attributes: [
          LogV1.StoredAttribute(key: "digest_of", value: String(sources.prefix(4_000))),
          LogV1.StoredAttribute(key: "evidence", value: "\(memories.count)")
        ])
    }
    costBytes = 4_096 + plan.links.count * 2_048 + digests.count * 4_096
  }

  /// What the plan would do, for a dry run.
  package var preview: V1.ConsolidateMemoriesResponse {
    V1.ConsolidateMemoriesResponse(
      consolidation: V1.Consolidation(memoriesRead: UInt64(input.memories.count), links: plan.links),
      byMeaning: byMeaning)
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.ConsolidateMemoriesResponse> {
    guard let scopeRow = try transaction.scopeRow(scope) else {
      return Decision(events: [], answer: preview)
    }
    let checked: [LogV1.Event.Kind] =
      isAutomatic ? [.consolidationChecked(LogV1.ConsolidationChecked(lastItem: input.lastItem))] : []
    let undone = try isAutomatic ? ConsolidationQueries.undoneLinks(scope: scope, in: transaction.db) : []
    let read = Dictionary(
      input.memories.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var current: [String: V1.Memory] = [:]
    for id in Set(plan.links.flatMap { [$0.fromID, $0.toID] }) {
      guard let now = try MemoryQueries.stored(id, scope: scopeRow, in: transaction.db),
        now.version == read[id]?.version
      else { continue }
      current[id] = now
    }
    let links = plan.links.filter {
      current[$0.fromID] != nil && current[$0.toID] != nil && !undone.contains([$0.fromID, $0.toID])
    }
    var changes = MemoryChanges(current, links, at: transaction.at)
    changes.apply()
    let at = transaction.at.microseconds
    let consolidation = V1.Consolidation(
      id: id, atUs: at, memoriesRead: UInt64(input.memories.count), links: links, merged: changes.merged,
      changed: changes.before, digestIDs: digests.map(\.id))
    let answer = V1.ConsolidateMemoriesResponse(consolidation: consolidation, byMeaning: byMeaning)
    guard !links.isEmpty || !digests.isEmpty else { return Decision(events: checked, answer: answer) }
    var events = checked
    events.append(
      .memoriesConsolidated(LogV1.MemoriesConsolidated(consolidation: consolidation.encoded())))
    events += changes.after.map { .memoryUpdated($0.updateEvent) }
    if !changes.merged.isEmpty {
      events.append(.memoriesDeleted(LogV1.MemoriesDeleted(ids: changes.merged.map(\.id))))
    }
    if !digests.isEmpty { events.append(.memoriesAdded(LogV1.MemoriesAdded(memories: digests))) }
    return Decision(events: events, answer: answer)
  }
}

/// What links do to the memories they name.
private struct MemoryChanges {
  private var now: [String: V1.Memory]
  private let original: [String: V1.Memory]
  private let links: [V1.MemoryLink]
  private let at: Timestamp
  private(set) var merged: [V1.Memory] = []
  private(set) var before: [V1.Memory] = []
  private(set) var after: [V1.Memory] = []

  init(_ current: [String: V1.Memory], _ links: [V1.MemoryLink], at: Timestamp) {
    now = current
    original = current
    self.links = links
    self.at = at
  }

  mutating func apply() {
    for link in links {
      switch link.relation {
      case .duplicate: merge(link)
      case .superseded:
        set("superseded_by", link.toID, of: link.fromID)
        now[link.fromID]?.importance *= 0.5
      case .contradiction:
        set("contradicts", link.toID, of: link.fromID)
        set("contradicts", link.fromID, of: link.toID)
      default: break
      }
    }
    let gone = Set(merged.map(\.id))
    for id in now.keys.sorted() where !gone.contains(id) {
      guard let old = original[id], var new = now[id], new != old else { continue }
      new.version = old.version + 1
      before.append(old)
      after.append(new)
    }
  }

  private mutating func merge(_ link: V1.MemoryLink) {
    guard let source = original[link.fromID], let kept = now[link.toID] else { return }
    merged.append(source)
    let evidence = Self.evidence(kept) + Self.evidence(source)
    set("evidence", "\(evidence)", of: link.toID)
    now[link.toID]?.type = .longTerm
    // Said more often, remembered better; never beyond 1.
    now[link.toID]?.importance = min(1, max(kept.importance, source.importance) + 0.05)
  }

  private static func evidence(_ memory: V1.Memory) -> Int {
    memory.attributes.first { $0.key == "evidence" }.flatMap { Int($0.value) }.map { max(1, $0) } ?? 1
  }

  /// Where a memory has all the attributes it may have, the consolidation alone says it.
  private mutating func set(_ key: String, _ value: String, of id: String) {
    guard var memory = now[id] else { return }
    memory.attributes.removeAll { $0.key == key }
    guard memory.attributes.count < 64 else { return }
    memory.attributes.append(V1.Attribute(key: key, value: value))
    memory.attributes.sort { $0.key < $1.key }
    now[id] = memory
  }
}

extension V1.Memory {
  var stored: LogV1.AddedMemory {
    LogV1.AddedMemory(
      id: id, type: type.rawValue, text: text, contextID: contextID, traceID: traceID, importance: importance,
      createdAtUs: createdAtUs, expiresAtUs: expiresAtUs, attributes: AttributeColumn.stored(attributes))
  }

  /// With what it has beside its text. A memory that it replaced stays replaced, and only that one.
  func restored(replaces: Bool) -> LogV1.AddedMemory {
    var memory = stored
    memory.details = LogV1.MemoryDetails(
      confidence: confidence, source: source.rawValue, trust: trust.rawValue, validFromUs: validFromUs,
      validUntilUs: validUntilUs, tags: tags, supersedesID: replaces ? supersedesID : "",
      fingerprint: Fingerprint.of(text))
    return memory
  }

  var updateEvent: LogV1.MemoryUpdated {
    LogV1.MemoryUpdated(memory: stored, version: version, textChanged: false)
  }
}

/// Brings back what a consolidation merged, and takes its marks from the memories that nobody changed since.
package struct UndoConsolidation: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 65_536
  private let id: String

  package init(
    _ request: V1.UndoConsolidationRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.name(request.consolidationID, field: "consolidation_id")
    id = request.consolidationID
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.UndoConsolidationResponse> {
    guard let done = try ConsolidationQueries.find(id, scope: scope, in: transaction.db),
      let scopeRow = try transaction.scopeRow(scope)
    else { throw LociError.notFound(.consolidation, id: id) }
    guard !done.undone else {
      throw LociError.failedPrecondition("consolidation \(id) was undone before")
    }
    func stored(_ id: String) throws -> V1.Memory? {
      try MemoryQueries.stored(id, scope: scopeRow, in: transaction.db)
    }
    var events: [LogV1.Event.Kind] = [.consolidationUndone(LogV1.ConsolidationUndone(id: id))]
    let missing = try done.merged.filter { try stored($0.id) == nil }
    if !missing.isEmpty {
      let memories = try missing.map { memory in
        memory.restored(replaces: try stored(memory.supersedesID)?.supersededByID == memory.id)
      }
      events.append(.memoriesAdded(LogV1.MemoriesAdded(memories: memories)))
      let repeated = missing.filter { $0.saidCount > 1 }
      if !repeated.isEmpty {
        events.append(
          .memoriesSaidAgain(
            LogV1.MemoriesSaidAgain(
              ids: repeated.map(\.id), counts: repeated.map { UInt32(clamping: $0.saidCount - 1) })))
      }
    }
    var changed: UInt64 = 0
    for old in done.changed {
      // The consolidation made version old.version + 1; a later one is somebody's own change.
      guard let now = try stored(old.id), now.version == old.version + 1 else { continue }
      var restored = old
      restored.version = now.version + 1
      events.append(.memoryUpdated(restored.updateEvent))
      changed += 1
    }
    let digests = try done.digestIDs.filter { try stored($0) != nil }
    if !digests.isEmpty { events.append(.memoriesDeleted(LogV1.MemoriesDeleted(ids: digests))) }
    return Decision(
      events: events,
      answer: V1.UndoConsolidationResponse(
        memoriesRestored: UInt64(missing.count), memoriesChanged: changed))
  }
}

package struct ReinforceMemories: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let ids: [String]

  package init(
    _ request: V1.ReinforceMemoriesRequest, scope: Scope, key: RequestKey?
  ) throws(LociError) {
    self.scope = scope
    requestKey = key
    try Validate.count(request.memoryIDs.count, field: "memory_ids", in: 1...MemoryLimits.memoriesPerCall)
    for id in request.memoryIDs { try Validate.name(id, field: "memory_ids") }
    ids = request.memoryIDs.withoutRepeats()
    costBytes = 512 + ids.count * 64
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.ReinforceMemoriesResponse> {
    guard let scopeRow = try transaction.scopeRow(scope) else {
      return Decision(events: [], answer: V1.ReinforceMemoriesResponse())
    }
    let present = try ids.filter {
      try MemoryQueries.stored($0, scope: scopeRow, in: transaction.db) != nil
    }
    return Decision(
      events: present.isEmpty ? [] : [.memoriesReinforced(LogV1.MemoriesReinforced(ids: present))],
      answer: V1.ReinforceMemoriesResponse(memoriesReinforced: UInt64(present.count)))
  }
}
