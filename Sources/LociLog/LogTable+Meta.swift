import Foundation
package import GRDB
import LociCore

extension LogTable {
  /// The row of `log_meta`.
  package struct Meta: Sendable {
    let identity: LogIdentity
    /// Where the log begins: the record before the first one kept.
    let base: LogHead

    var hasher: RecordHash { RecordHash(identity) }

    package init(_ db: Database) throws {
      let statement = try db.cachedStatement(
        sql: """
          SELECT format, log_id, shard, restore_epoch, base_sequence, base_hash, base_batch
          FROM log_meta WHERE id = 1
          """)
      guard let row = try Row.fetchOne(statement) else {
        throw LociError.dataLoss(file: "log_meta", problem: "its row is missing")
      }
      let format: Int64 = row[0]
      guard format <= Int64(LogTable.rewrittenFormat) else {
        throw LociError.failedPrecondition(
          "the log has format \(format); this Loci reads up to \(LogTable.rewrittenFormat)")
      }
      let logID: String = row[1]
      let base: Int64 = row[4]
      guard format >= Int64(RecordHash.formatVersion), (1...255).contains(logID.utf8.count), base >= 0,
        let shard = UInt32(exactly: row[2] as Int64), let epoch = UInt32(exactly: row[3] as Int64),
        let hash = ChainHash(row: row, column: 5), let batch = BatchID(row: row, column: 6)
      else { throw LociError.dataLoss(file: "log_meta", problem: "its row is malformed") }
      identity = LogIdentity(logID: logID, shard: ShardID(rawValue: shard), restoreEpoch: epoch)
      self.base = LogHead(sequence: LogSequence(base), hash: hash, batch: batch)
    }
  }

  static func blob(_ bytes: [UInt8]) -> Data { Data(bytes) }
}

extension ChainHash {
  init?(row: Row, column: Int) {
    guard let data = Data.fromDatabaseValue(row[column]) else { return nil }
    self.init(bytes: data)
  }
}

extension BatchID {
  init?(row: Row, column: Int) {
    guard let data = Data.fromDatabaseValue(row[column]) else { return nil }
    self.init(bytes: data)
  }
}
