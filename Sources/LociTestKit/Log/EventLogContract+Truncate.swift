import LociCore
import LociLog

extension EventLogContract {
  func keepsSnapshots(_ harness: some EventLogHarness) async throws {
    var log = try await harness.open()
    for number in 0..<4 {
      let head = try await log.push("event \(number)")
      let snapshot = LogSnapshot(at: head, content: Array("state \(number)".utf8))
      try await log.putSnapshot(snapshot)
      try require(try await log.latestSnapshot() == snapshot, "the newest snapshot is the latest")
      _ = try await log.push([snapshot.digest.bytes])
    }
    let latest = try await log.latestSnapshot()
    log = try await harness.open()
    try require(try await log.latestSnapshot() == latest, "it is still there after reopening")
  }

  func refusesForeignSnapshots(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    let head = try await log.push("event")
    let forged = LogHead(sequence: head.sequence, hash: .zero, batch: head.batch)
    let beyond = LogHead(sequence: head.sequence + 5, hash: head.hash, batch: head.batch)
    for bad in [forged, beyond] {
      try await requireError("a snapshot that the chain does not vouch for is refused", \.isInvalid) {
        try await log.putSnapshot(LogSnapshot(at: bad, content: [1]))
      }
    }
  }

  func truncates(_ harness: some EventLogHarness) async throws {
    let log = try await fill(harness)
    try await log.truncate(before: 11)
    let records = try await log.read(after: 10, limit: .max)
    try require(records.first?.first == 11 && records.last?.last == 20, "what comes after stays")
    try await requireError("what was truncated is refused, not skipped", \.isFailedPrecondition) {
      _ = try await log.read(after: 9, limit: .max)
    }
    try await log.truncate(before: 11)
    try await log.truncate(before: 5)
    try require(try await log.read(after: 10, limit: .max) == records, "truncating again changes nothing")
  }

  func refusesToTruncateWhatNoSnapshotCovers(_ harness: some EventLogHarness) async throws {
    let log = try await fill(harness)
    let before = try await log.read(after: 0, limit: .max)
    for sequence: LogSequence in [18, 21, 100, 10] {  // beyond the snapshot at 16; 10 is inside a record
      try await requireError("truncating before \(sequence) is refused", \.isFailedPrecondition) {
        try await log.truncate(before: sequence)
      }
    }
    try require(try await log.read(after: 0, limit: .max) == before, "a refused truncation changes nothing")
  }

  func continuesTheChainAfterTruncation(_ harness: some EventLogHarness) async throws {
    var log = try await fill(harness)
    let last = try await log.push("last")
    try await log.putSnapshot(LogSnapshot(at: last, content: [9]))
    try await log.truncate(before: last.sequence + 1)
    try require(try await log.head() == last, "a log truncated to its end keeps its head")
    log = try await harness.open()
    try require(try await log.head() == last, "also after reopening")
    let next = try await log.push("next")
    let records = try await log.read(after: last.sequence, limit: .max)
    try require(records.count == 1 && records[0].continues(last, in: log.identity), "the chain goes on")
    try require(records[0].head == next, "and ends at the new head")
  }

  /// Events 1...20 in records of two, with a snapshot at 16.
  private func fill<H: EventLogHarness>(_ harness: H) async throws -> H.Log {
    let log = try await harness.open()
    for number in 0..<10 {
      let head = try await log.push([[UInt8(number)], [UInt8(number), 1]])
      if head.sequence == 16 { try await log.putSnapshot(LogSnapshot(at: head, content: [1, 2, 3])) }
    }
    return log
  }
}

extension LociError {
  fileprivate var isInvalid: Bool { if case .invalid = self { true } else { false } }
  fileprivate var isFailedPrecondition: Bool { if case .failedPrecondition = self { true } else { false } }
}
