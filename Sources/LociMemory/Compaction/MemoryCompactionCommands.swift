import GRDB
package import LociCore
package import LociProto
import LociRecall
package import LociStore

extension V1.CompactMemoriesResponse: PositionedAnswer {}

/// Records a compaction that was prepared, or that there was nothing to do. Refused when its memories are not as they were
/// when it was.
package struct RecordMemoryCompaction: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes: Int
  private let event: LogV1.MemoriesCompacted?
  /// By id.
  private let versions: [ExactText: UInt64]

  package init(
    _ event: LogV1.MemoriesCompacted?, of plan: MemoryCompactionPlan?, scope: Scope, key: RequestKey?
  ) {
    self.event = event
    self.scope = scope
    requestKey = key
    versions = Dictionary(
      (plan?.groups ?? []).joined().map { (ExactText($0.id), $0.version) },
      uniquingKeysWith: { first, _ in first })
    costBytes = (event?.digests ?? []).reduce(4_096) {
      $0 + ($1.digest?.text.utf8.count ?? 0) + 4_096 + $1.ids.count * 64
    }
  }

  package func decide(
    _ transaction: ProjectionTransaction
  ) throws -> Decision<V1.CompactMemoriesResponse> {
    guard let event else { return Decision(events: [], answer: V1.CompactMemoriesResponse()) }
    let scopeRow = try transaction.scopeRow(scope)
    for id in event.digests.flatMap(\.ids) {
      guard let scopeRow, let memory = try MemoryQueries.stored(id, scope: scopeRow, in: transaction.db),
        memory.version == versions[ExactText(id)], memory.supersededAtUs == 0,
        !MemoryQueries.isExpired(memory, at: transaction.at),
        try !MemoryQueries.isExpiredForNow(id, scope: scopeRow, in: transaction.db)
      else { throw LociError.failedPrecondition("memory \(id) was changed meanwhile: try again") }
    }
    let compaction = V1.MemoryCompaction(
      id: event.id, createdAtUs: transaction.at.microseconds,
      digests: event.digests.map {
        V1.MemoryDigest(memoryID: $0.digest?.id ?? "", text: $0.digest?.text ?? "", coveredIDs: $0.ids)
      }, figures: try V1.CompressionFigures(decoding: event.figures),
      retention: try V1.Retention(decoding: event.retention), automatic: event.automatic)
    return Decision(
      events: [.memoriesCompacted(event)], answer: V1.CompactMemoriesResponse(compaction: compaction))
  }
}

/// Brings back what a compaction folded, and deletes its digests.
package struct UndoMemoryCompaction: Command {
  package let scope: Scope
  package let requestKey: RequestKey?
  package let costBytes = 64 << 10
  private let id: String

  package init(_ request: V1.UndoCompactionRequest, scope: Scope, key: RequestKey?) throws(LociError) {
    try Validate.name(request.compactionID, field: "compaction_id")
    id = request.compactionID
    self.scope = scope
    requestKey = key
  }

  package func decide(_ transaction: ProjectionTransaction) throws -> Decision<V1.UndoCompactionResponse> {
    let compaction = try MemoryCompactionQueries.get(id, scope: scope, in: transaction.db)
    for digest in compaction.digests {
      guard let row = try transaction.scopeRow(scope),
        let memory = try MemoryQueries.stored(digest.memoryID, scope: row, in: transaction.db)
      else { continue }
      guard memory.supersededAtUs == 0 else {
        throw LociError.failedPrecondition(
          "the digest \(memory.id) is superseded by \(memory.supersededByID), which has to be deleted before")
      }
    }
    return Decision(
      events: [.memoryCompactionUndone(LogV1.MemoryCompactionUndone(id: id))],
      answer: V1.UndoCompactionResponse())
  }
}
