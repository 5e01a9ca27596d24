import Foundation
package import GRDB
import LociCompress
import LociCore
package import LociStore

/// The texts of compacted messages, read back from their blocks.
package enum ColdText {
  /// What a SELECT over `messages m` adds to its columns; all NULL for a message that is not compacted.
  package static let columns =
    """
    m.cold_at, (SELECT b.block FROM cold_blocks b WHERE b.row = m.cold), \
    (SELECT d.bytes FROM cold_blocks b JOIN cold_dictionaries d ON d.scope = m.scope AND d.number = b.dictionary \
    WHERE b.row = m.cold)
    """

  /// The text of a row whose `columns` begin at `first`; `stored` is its `text` column.
  package static func text(_ stored: String, _ row: Row, columns first: Int) throws -> String {
    guard let block: Data = row[first + 1] else { return stored }
    return try text(block: block, dictionary: row[first + 2], at: row[first])
  }

  static func text(block: Data, dictionary: Data?, at place: Int) throws -> String {
    do throws(CompressionError) {
      let texts = try recent.texts(of: block, dictionary)
      guard texts.indices.contains(place) else { throw .damagedArchive("it has no text \(place)") }
      return texts[place]
    } catch {
      throw LociError.dataLoss(file: "cold_blocks", problem: "\(error)")
    }
  }

  /// Whoever reads a message mostly reads its neighbours, which are in the same block.
  private static let recent = RecentBlocks()

  /// Takes back the compactions that hold any of these messages, so that they can be changed or deleted as others are.
  /// For `apply`.
  package static func warm(_ ids: [String], scope: Int64, _ transaction: ProjectionTransaction) throws {
    let find = try transaction.db.cachedStatement(
      sql: """
        SELECT b.compaction FROM messages m JOIN cold_blocks b ON b.row = m.cold WHERE m.scope = ? AND m.id = ?
        """)
    for id in ids {
      if let compaction = try Int64.fetchOne(find, arguments: [scope, id]) {
        try takeBack(compaction, transaction)
      }
    }
  }

  /// Takes back every compaction of a context. For `apply`.
  package static func warm(context: Int64, _ transaction: ProjectionTransaction) throws {
    let compactions = try Int64.fetchAll(
      transaction.db.cachedStatement(sql: "SELECT row FROM compactions WHERE context = ? ORDER BY row"),
      arguments: [context])
    for compaction in compactions { try takeBack(compaction, transaction) }
  }

  /// Puts the texts of a compaction back into their messages, and forgets it.
  static func takeBack(_ compaction: Int64, _ transaction: ProjectionTransaction) throws {
    let db = transaction.db
    let rows = try Row.fetchAll(
      db.cachedStatement(
        sql: """
          SELECT m.item, \(columns) FROM messages m JOIN cold_blocks b ON b.row = m.cold WHERE b.compaction = ?
          """), arguments: [compaction])
    let update = try db.cachedStatement(
      sql: "UPDATE messages SET text = ?, cold = NULL, cold_at = 0 WHERE item = ?")
    for row in rows { try update.execute(arguments: [try text("", row, columns: 1), row[0] as Int64]) }
    try db.cachedStatement(sql: "DELETE FROM cold_blocks WHERE compaction = ?").execute(arguments: [
      compaction
    ])
    try db.cachedStatement(sql: "DELETE FROM compactions WHERE row = ?").execute(arguments: [compaction])
  }
}

/// The blocks that were expanded last. A block is known by its bytes and those of its dictionary, which never change.
private final class RecentBlocks: Sendable {
  private struct Entry {
    let block: Data
    let dictionary: Data?
    let texts: [String]
  }

  private let entries = Locked<[Entry]>([])
  private static let most = 8

  func texts(of block: Data, _ dictionary: Data?) throws(CompressionError) -> [String] {
    let known = entries.withLock { entries in
      entries.first { $0.block == block && $0.dictionary == dictionary }?.texts
    }
    if let known { return known }
    let loaded = try dictionary.map { bytes throws(CompressionError) in
      try ZstdDictionary(bytes: [UInt8](bytes))
    }
    let texts = try ColdBlock.unpack([UInt8](block), dictionary: loaded)
    entries.withLock { entries in
      entries.insert(Entry(block: block, dictionary: dictionary, texts: texts), at: 0)
      if entries.count > Self.most { entries.removeLast() }
    }
    return texts
  }
}
