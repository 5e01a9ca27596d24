package import GRDB
package import LociCompress
package import LociCore
package import LociProto
import LociRecall
import LociStore

/// Limits of compactions of memories.
enum MemoryCompactionLimits {
  /// Memories that one compaction folds.
  static let foldedMost = 1_000
  /// Of one digest.
  static let groupMost = 32
  static let groupBytesMax = 16 << 10
  static let groupMin = 2
  /// Important ones are folded only when the others are not enough.
  static let importanceSplit: Float = 0.5
  /// Ids in the attribute `digest_of`, bytes.
  static let attributeBytesMax = 4_000
}

/// Which memories of an agent would be folded now, read in one snapshot; and what becomes of them, which takes neither
/// snapshot nor writer.
package struct MemoryCompactionPlan: Sendable {
  /// Of one context and one type, oldest first.
  package let groups: [[V1.Memory]]

  /// When the agent has more than `memoriesMax`: of its older half those below importance 0.5, oldest first, then the
  /// others, the least important first, until no more than `memoriesMax` would be left. Memories that expire go by
  /// themselves and stay out, and digests are not folded again. `nil` when there is nothing to fold.
  package init?(memoriesMax: Int, scope: Scope, now: Timestamp, in db: Database) throws {
    guard let scopeRow = try ScopeQueries.row(scope, in: db) else { return nil }
    let count = try MemoryQueries.liveCount(scopeRow, now, in: db)
    guard count > memoriesMax else { return nil }
    let old = try MemoryQueries.foldable(oldest: count / 2, scopeRow, now, in: db)
    let minor = old.filter { $0.importance < MemoryCompactionLimits.importanceSplit }
    var chosen = minor
    let wanted = count - memoriesMax
    if chosen.count < wanted {
      let major = old.filter { $0.importance >= MemoryCompactionLimits.importanceSplit }
        .enumerated().sorted { ($0.element.importance, $0.offset) < ($1.element.importance, $1.offset) }
      chosen += major.prefix(wanted - chosen.count).map(\.element)
    }
    groups = Self.grouped(Array(chosen.prefix(MemoryCompactionLimits.foldedMost)))
    guard !groups.isEmpty else { return nil }
  }

  private static func grouped(_ memories: [V1.Memory]) -> [[V1.Memory]] {
    struct Key: Hashable {
      let context: ExactText
      let type: Int32
    }
    var order: [Key] = []
    var byKey: [Key: [V1.Memory]] = [:]
    for memory in memories.sorted(by: { ($0.createdAtUs, $0.id) < ($1.createdAtUs, $1.id) }) {
      let key = Key(context: ExactText(memory.contextID), type: memory.type.rawValue)
      if byKey[key] == nil { order.append(key) }
      byKey[key, default: []].append(memory)
    }
    return order.flatMap { parts(of: byKey[$0] ?? []) }
  }

  /// As many as one digest may stand for.
  private static func parts(of memories: [V1.Memory]) -> [[V1.Memory]] {
    var parts: [[V1.Memory]] = []
    var part: [V1.Memory] = []
    var bytes = 0
    for memory in memories {
      let size = memory.text.utf8.count
      let isFull =
        part.count == MemoryCompactionLimits.groupMost || bytes + size > MemoryCompactionLimits.groupBytesMax
      if isFull, !part.isEmpty {
        parts.append(part)
        (part, bytes) = ([], 0)
      }
      part.append(memory)
      bytes += size
    }
    parts.append(part)
    return parts.filter { $0.count >= MemoryCompactionLimits.groupMin }
  }

  /// The event of the compaction; `nil` when nothing of any group would be left.
  package func event(
    id: String, digestIDs: () -> String, target: Compressor.Target, meter: TokenMeter, isAutomatic: Bool
  ) throws -> LogV1.MemoriesCompacted? {
    var digests: [LogV1.FoldedMemories] = []
    var figures = V1.CompressionFigures()
    var kept = Retention(artifacts: 0, facts: 0, retrieval: 0, probes: 0)
    for group in groups {
      let texts = group.map {
        SourceText(id: $0.id, role: .unknown, text: $0.text, createdAtUs: $0.createdAtUs)
      }
      let result = try Compressor(meter: meter).compress(texts, target)
      guard !result.text.text.isEmpty, result.text.text.utf8.count <= MemoryLimits.textBytesMax else {
        continue
      }
      digests.append(
        LogV1.FoldedMemories(
          digest: digest(of: group, id: digestIDs(), text: result.text.text), ids: group.map(\.id)))
      figures.items += UInt64(group.count)
      figures.itemsEmpty += UInt64(result.text.units.count { $0.text.isEmpty })
      figures.tokensBefore += UInt64(result.text.tokensBefore)
      figures.tokensAfter += UInt64(result.text.tokensAfter)
      figures.bytesBefore += UInt64(group.reduce(0) { $0 + $1.text.utf8.count })
      figures.bytesAfter += UInt64(result.text.text.utf8.count)
      kept.add(result.retention)
    }
    guard !digests.isEmpty else { return nil }
    kept.divide(by: Float(digests.count))
    let retention = V1.Retention(
      overall: kept.overall, artifacts: kept.artifacts, facts: kept.facts, retrieval: kept.retrieval,
      probes: UInt32(clamping: kept.probes))
    return LogV1.MemoriesCompacted(
      id: id, digests: digests, automatic: isAutomatic, figures: figures.encoded(),
      retention: retention.encoded())
  }

  private func digest(of group: [V1.Memory], id: String, text: String) -> LogV1.AddedMemory {
    var ids = ""
    for memory in group {
      let next = ids.isEmpty ? memory.id : ids + "," + memory.id
      if next.utf8.count > MemoryCompactionLimits.attributeBytesMax { break }
      ids = next
    }
    return LogV1.AddedMemory(
      id: id, type: group[0].type.rawValue, text: text, contextID: group[0].contextID,
      importance: group.map(\.importance).max() ?? MemoryLimits.importanceDefault,
      createdAtUs: group.map(\.createdAtUs).max() ?? 0,
      attributes: [LogV1.StoredAttribute(key: "digest_of", value: ids)])
  }
}

extension Retention {
  fileprivate mutating func add(_ other: Retention) {
    artifacts += other.artifacts
    facts += other.facts
    retrieval += other.retrieval
    probes += other.probes
  }

  /// Of sums, the means.
  fileprivate mutating func divide(by count: Float) {
    artifacts /= count
    facts /= count
    retrieval /= count
  }
}
