extension LogRecord {
  /// The record that writes `events` after `head`.
  /// - Precondition: at least one event.
  package init(sealing events: [[UInt8]], batch: BatchID, after head: LogHead, in identity: LogIdentity) {
    precondition(!events.isEmpty, "a record has at least one event")
    first = head.sequence + 1
    last = head.sequence + UInt64(events.count)
    self.batch = batch
    prev = head.hash
    hash = Self.hash(events, first: first, last: last, batch: batch, prev: head.hash, in: identity)
    self.events = events
  }

  /// Whether it follows `head` without a gap, names its hash, and matches its own.
  package func continues(_ head: LogHead, in identity: LogIdentity) -> Bool {
    guard first == head.sequence + 1, last - first + 1 == UInt64(events.count), prev == head.hash else {
      return false
    }
    return hash == Self.hash(events, first: first, last: last, batch: batch, prev: prev, in: identity)
  }

  private static func hash(
    _ events: [[UInt8]], first: UInt64, last: UInt64, batch: BatchID, prev: ChainHash,
    in identity: LogIdentity
  ) -> ChainHash {
    RecordHash(identity).of(events, first: first, last: last, batch: batch, prev: prev)
  }
}
