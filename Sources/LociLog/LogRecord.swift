package import LociCore

/// Where a log ends.
package struct LogHead: Sendable, Equatable {
  package var sequence: LogSequence
  package var hash: ChainHash
  package var batch: BatchID

  package static let empty = LogHead(sequence: 0, hash: .zero, batch: .zero)

  package init(sequence: LogSequence, hash: ChainHash, batch: BatchID) {
    self.sequence = sequence
    self.hash = hash
    self.batch = batch
  }
}

/// What one append wrote: one or more events, with the hashes that bind them to their predecessors.
package struct LogRecord: Sendable, Equatable {
  package let first, last: LogSequence
  package let batch: BatchID
  /// The `hash` of the record before; `ChainHash.zero` before the first.
  package let prev: ChainHash
  package let hash: ChainHash
  /// Events `first...last`.
  package let events: [[UInt8]]
  /// Of a record whose events were redacted: the digest of what is left, for which a later event vouches. `hash` stays
  /// that of what was written, so that the chain holds.
  package var redaction: ChainHash?

  package var head: LogHead { LogHead(sequence: last, hash: hash, batch: batch) }
}

/// What became of an append (R1).
package enum AppendOutcome: Sendable, Equatable {
  /// Durable; the log ends here now.
  case committed(LogHead)
  /// Not written: the log does not end where the caller expected, but here.
  case fenced(LogHead)
  /// The storage failed in the middle. Open the log anew and look for the batch; never guess.
  case unknown
}
