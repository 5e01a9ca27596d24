import LociCore
import LociLog
import LociProto

/// Whether a later event vouches for each redacted record. To be shown every record of a log in order.
struct RedactionCheck {
  private let shard: ShardID
  private var found: [LogSequence: ChainHash] = [:]

  init(shard: ShardID) { self.shard = shard }

  mutating func visit(_ record: LogRecord) throws {
    if let digest = record.redaction { found[record.last] = digest }
    for event in record.events {
      guard case .logRewritten(let rewritten) = try LogV1.Event(decoding: event).kind else { continue }
      let size = ChainHash.byteCount
      for (place, last) in rewritten.records.enumerated() {
        let digest = rewritten.digests.dropFirst(place * size).prefix(size)
        // A record that was redacted once more is vouched for by a later event.
        if found[last]?.bytes.elementsEqual(digest) == true { found[last] = nil }
      }
    }
  }

  /// - Throws: `dataLoss` naming the first redacted record that nothing vouches for.
  func finish() throws(LociError) {
    guard let last = found.keys.min() else { return }
    throw .dataLoss(
      file: "log of shard \(shard)",
      problem: "the record that ends at sequence \(last) was redacted by nobody")
  }
}
