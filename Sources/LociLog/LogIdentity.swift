package import LociCore

/// Which log a database or a head file belongs to. One bound to another log is refused (R10).
package struct LogIdentity: Hashable, Sendable {
  /// Random, made with the data directory; 1 to 255 UTF-8 bytes.
  package let logID: String
  package let shard: ShardID
  /// Raised by one by whoever restores an older copy on purpose, so that nodes ahead of it notice.
  package let restoreEpoch: UInt32

  package init(logID: String, shard: ShardID, restoreEpoch: UInt32 = 0) {
    precondition(
      (1...255).contains(logID.utf8.count), "log id of \(logID.utf8.count) bytes, 1 to 255 allowed")
    self.logID = logID
    self.shard = shard
    self.restoreEpoch = restoreEpoch
  }
}

/// Names one append, so that an append whose answer was lost can be found in the log.
package struct BatchID: Hashable, Sendable {
  package static let byteCount = 16
  package static let zero = BatchID(high: 0, low: 0)

  let high, low: UInt64

  private init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

  package static func random() -> BatchID {
    BatchID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
  }

  /// `nil` unless there are exactly 16 bytes.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    self.init(
      high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
      low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: high)
    bytes.append(bigEndian: low)
    return bytes
  }
}
