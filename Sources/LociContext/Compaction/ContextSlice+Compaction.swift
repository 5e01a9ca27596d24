import GRDB
import LociCore
import LociProto
import LociStore

extension ContextSlice {
  func apply(
    _ compacted: LogV1.ContextCompacted, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let db = transaction.db
    let row = transaction.nextItem()
    try db.cachedStatement(
      sql: """
        INSERT INTO compactions (row, scope, context, context_id, id, from_number, until_number, created_at_us,
          strategy, automatic, text, figures, retention)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      row, scope, try contextRow(compacted.contextID, scope, transaction), compacted.contextID, compacted.id,
      Int64(compacted.fromNumber), Int64(compacted.untilNumber), transaction.at.microseconds,
      compacted.strategy, compacted.automatic, compacted.text, ContextQueries.data(compacted.figures),
      ContextQueries.data(compacted.retention)
    ])
    let move = try db.cachedStatement(
      sql: "UPDATE messages SET text = '', cold = ?, cold_at = ? WHERE scope = ? AND id = ?")
    for texts in compacted.blocks {
      let block = transaction.nextItem()
      try db.cachedStatement(
        sql: "INSERT INTO cold_blocks (row, compaction, dictionary, block) VALUES (?, ?, ?, ?)"
      ).execute(arguments: [
        block, row, texts.dictionary == 0 ? nil : Int64(texts.dictionary), ContextQueries.data(texts.block)
      ])
      for (place, id) in texts.messageIDs.enumerated() {
        try move.execute(arguments: [block, place, scope, id])
      }
    }
  }

  func apply(
    _ undone: LogV1.CompactionUndone, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    let row = try Int64.fetchOne(
      transaction.db.cachedStatement(sql: "SELECT row FROM compactions WHERE scope = ? AND id = ?"),
      arguments: [scope, undone.id])
    if let row { try ColdText.takeBack(row, transaction) }
  }

  func apply(
    _ set: LogV1.CompressionPolicySet, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    if set.policy.isEmpty {
      try transaction.db.cachedStatement(
        sql: "DELETE FROM compression_policies WHERE scope = ? AND context_id = ?"
      ).execute(arguments: [scope, set.contextID])
    } else {
      try transaction.db.cachedStatement(
        sql: "INSERT OR REPLACE INTO compression_policies (scope, context_id, policy) VALUES (?, ?, ?)"
      ).execute(arguments: [scope, set.contextID, ContextQueries.data(set.policy)])
    }
  }

  func apply(
    _ trained: LogV1.ColdDictionaryTrained, _ scope: Int64, _ transaction: ProjectionTransaction
  ) throws {
    try transaction.db.cachedStatement(
      sql: "INSERT INTO cold_dictionaries (scope, number, bytes) VALUES (?, ?, ?)"
    ).execute(arguments: [scope, Int64(trained.number), ContextQueries.data(trained.bytes)])
  }
}
