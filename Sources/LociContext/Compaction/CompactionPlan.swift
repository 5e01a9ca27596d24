import Foundation
package import GRDB
package import LociCompress
package import LociCore
package import LociProto
import LociRecall
import LociStore

/// Limits of compaction.
package enum CompactionLimits {
  /// Messages and bytes of text that one compaction takes.
  package static let messagesMax = 2_000
  package static let bytesMax = 2 << 20
  /// Raw bytes of a block; a read of one message expands the whole of it, and its neighbours come for nothing.
  package static let blockBytes = 128 << 10
  /// Of texts, before a dictionary is trained from them.
  package static let trainingBytes = 64 << 10
  package static let dictionaryBytesMax = 32 << 10
  package static let keepNewestDefault = 20
  package static let keepNewestMax = 100_000
  package static let messagesMin = 2
  /// Least of a policy's `memories_max`.
  package static let memoriesMaxLeast: UInt32 = 10
}

/// Which messages of a context would be compacted now, read in one snapshot; and what becomes of them, which takes
/// time and neither snapshot nor writer.
package struct CompactionPlan: Sendable {
  package let contextID: String
  package let messages: [V1.Message]
  private let dictionary: (number: UInt32, bytes: [UInt8])?

  /// The messages after the last compaction, without the newest `keepNewest`; `nil` when they are too few.
  package init?(_ id: ContextID, keepNewest: Int, scope: Scope, in db: Database) throws {
    let context = try ContextQueries.stored(id, scope: scope, in: db)
    contextID = id.rawValue
    let after = try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT max(until_number) FROM compactions WHERE context = ?"),
      arguments: [context.row])
    let last = try Int64.fetchOne(
      db.cachedStatement(
        sql: "SELECT number FROM messages WHERE context = ? ORDER BY number DESC LIMIT 1 OFFSET ?"),
      arguments: [context.row, keepNewest])
    guard let last else { return nil }
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT \(ContextQueries.messageColumns) FROM messages m JOIN contexts c ON c.row = m.context
          WHERE m.context = ? AND m.number > ? AND m.number <= ? AND m.cold IS NULL ORDER BY m.number LIMIT ?
          """),
      arguments: [context.row, after ?? 0, last, CompactionLimits.messagesMax])
    var messages: [V1.Message] = []
    var bytes = 0
    while let row = try rows.next() {
      let message = try ContextQueries.message(row)
      bytes += message.text.utf8.count
      if !messages.isEmpty, bytes > CompactionLimits.bytesMax { break }
      messages.append(message)
    }
    guard messages.count >= CompactionLimits.messagesMin else { return nil }
    self.messages = messages
    dictionary = try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT d.number, d.bytes FROM cold_dictionaries d JOIN contexts c ON c.scope = d.scope WHERE c.row = ?
          ORDER BY d.number DESC LIMIT 1
          """), arguments: [context.row]
    ).map { (UInt32($0[0] as Int64), ContextQueries.bytes($0[1])) }
  }

  /// The events of the compaction: perhaps a dictionary, then what is left and the raw texts in blocks.
  package func events(
    id: String, target: Compressor.Target, meter: TokenMeter, isAutomatic: Bool
  ) throws -> CompactionEvents {
    let result = try Compressor(meter: meter).compress(messages.map(SourceText.init), target)
    let trained = try newDictionary()
    let number = trained?.number ?? dictionary?.number ?? 0
    let bytes = trained?.bytes ?? dictionary?.bytes
    let blocks = try blocks(number: number, bytes: bytes)
    let rawBytes = messages.reduce(0) { $0 + $1.text.utf8.count }
    let figures = V1.CompressionFigures(
      items: UInt64(messages.count), itemsEmpty: UInt64(result.text.units.count { $0.text.isEmpty }),
      tokensBefore: UInt64(result.text.tokensBefore), tokensAfter: UInt64(result.text.tokensAfter),
      bytesBefore: UInt64(rawBytes), bytesAfter: UInt64(result.text.text.utf8.count),
      archiveBytes: UInt64(blocks.reduce(0) { $0 + $1.block.count }))
    let compacted = LogV1.ContextCompacted(
      id: id, contextID: contextID, fromNumber: messages.first?.number ?? 0,
      untilNumber: messages.last?.number ?? 0, strategy: target.strategy.rawValue, automatic: isAutomatic,
      text: result.text.text, figures: figures.encoded(), retention: V1.Retention(result.retention).encoded(),
      blocks: blocks)
    return CompactionEvents(
      dictionary: trained.map { LogV1.ColdDictionaryTrained(number: $0.number, bytes: $0.bytes) },
      compacted: compacted)
  }

  /// An agent's first dictionary, once it has enough text.
  private func newDictionary() throws -> (number: UInt32, bytes: [UInt8])? {
    guard dictionary == nil else { return nil }
    let texts = messages.map { Array($0.text.utf8) }
    let bytes = texts.reduce(0) { $0 + $1.count }
    guard bytes >= CompactionLimits.trainingBytes else { return nil }
    let size = min(CompactionLimits.dictionaryBytesMax, bytes / 8)
    // Texts that are all alike, or too few, make none.
    guard let trained = try? ZstdDictionary.train(texts, bytesMax: size) else { return nil }
    return (1, trained)
  }

  private func blocks(number: UInt32, bytes: [UInt8]?) throws -> [LogV1.ColdTexts] {
    let dictionary = try bytes.map { try ZstdDictionary(bytes: $0) }
    var blocks: [LogV1.ColdTexts] = []
    var start = 0
    var size = 0
    for (index, message) in messages.enumerated() {
      size += message.text.utf8.count
      guard size >= CompactionLimits.blockBytes || index == messages.count - 1 else { continue }
      let part = messages[start...index]
      blocks.append(
        LogV1.ColdTexts(
          block: try ColdBlock.pack(part.map(\.text), dictionary: dictionary), messageIDs: part.map(\.id),
          dictionary: number))
      start = index + 1
      size = 0
    }
    return blocks
  }
}

/// What a compaction becomes in the log.
package struct CompactionEvents: Sendable {
  package let dictionary: LogV1.ColdDictionaryTrained?
  package let compacted: LogV1.ContextCompacted
}

extension SourceText {
  /// A stored message.
  package init(_ message: V1.Message) {
    self.init(
      id: message.id, role: Role(rawValue: message.role.rawValue) ?? .unknown, name: message.name,
      text: message.text, createdAtUs: message.createdAtUs, isPinned: message.pinned)
  }
}

extension V1.Retention {
  package init(_ retention: Retention) {
    self.init(
      overall: retention.overall, artifacts: retention.artifacts, facts: retention.facts,
      retrieval: retention.retrieval, probes: UInt32(clamping: retention.probes))
  }
}
