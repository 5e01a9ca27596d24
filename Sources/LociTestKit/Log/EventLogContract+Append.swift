import LociCore
import LociLog

extension EventLogContract {
  func startsEmpty(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    try require(try await log.head() == .empty, "an empty log ends at 0 with the zero hash")
    try require(try await log.read(after: 0, limit: 10).isEmpty, "an empty log has no records")
    try require(try await log.latestSnapshot() == nil, "an empty log has no snapshot")
  }

  func numbersEventsWithoutGaps(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    var expected: LogSequence = 0
    for size in [1, 3, 1, 64, 2, 1] {
      let events = (0..<size).map { Array("event \(Int(expected) + $0 + 1)".utf8) }
      let head = try await log.append(events, expected: expected).committed()
      try require(head.sequence == expected + UInt64(size), "an append of \(size) ends \(size) further")
      expected = head.sequence
    }
    let records = try await log.read(after: 0, limit: .max)
    let events = records.flatMap(\.events)
    try require(events.count == Int(expected), "every event is there once")
    for (index, event) in events.enumerated() {
      try require(event == Array("event \(index + 1)".utf8), "event \(index + 1) is in its place")
    }
    var last: LogSequence = 0
    for record in records {
      try require(record.first == last + 1, "no gap before \(record.first)")
      last = record.last
    }
  }

  func chainsItsRecords(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    for number in 0..<8 { _ = try await log.push([[UInt8(number)], [], Array(repeating: 7, count: 300)]) }
    var head = LogHead.empty
    for record in try await log.read(after: 0, limit: .max) {
      try require(
        record.continues(head, in: log.identity), "record \(record.first) continues its predecessor")
      head = record.head
    }
    try require(try await log.head() == head, "the head is that of the last record")
  }

  func staysAfterReopening(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    for number in 0..<5 { _ = try await log.push("event \(number)") }
    let (head, records) = (try await log.head(), try await log.read(after: 0, limit: .max))
    let reopened = try await harness.open()
    try require(try await reopened.head() == head, "the head is the same after reopening")
    try require(try await reopened.read(after: 0, limit: .max) == records, "so are the records")
  }

  func fencesAStaleWriter(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    _ = try await log.push("first")
    let head = try await log.push("second")
    for expected: LogSequence in [0, 1, 3, 1_000] {
      let outcome = try await log.append([[1]], expected: expected)
      try require(
        outcome == .fenced(head), "an append after \(expected) is fenced with the head; got \(outcome)")
    }
    try require(try await log.head() == head, "a fenced append writes nothing")
  }

  func letsOneOfManyWritersWin(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    let (writers, wins) = (4, 40)
    let acknowledged = try await withThrowingTaskGroup(of: [LogSequence: [UInt8]].self) { group in
      for writer in 0..<writers {
        group.addTask {
          var won: [LogSequence: [UInt8]] = [:]
          var expected = try await log.head().sequence
          while won.count < wins {
            let event = Array("\(writer)/\(won.count)".utf8)
            switch try await log.append([event], expected: expected) {
            case .committed(let head):
              won[head.sequence] = event
              expected = head.sequence
            case .fenced(let head): expected = head.sequence
            case .unknown: throw ContractViolation(description: "an undisturbed append has a known outcome")
            }
          }
          return won
        }
      }
      return try await group.reduce(into: [LogSequence: [UInt8]]()) { all, won in
        try all.merge(won) { _, _ in throw ContractViolation(description: "two writers won one sequence") }
      }
    }
    let events = try await log.read(after: 0, limit: .max).flatMap(\.events)
    try require(events.count == writers * wins, "every acknowledged append is there, and nothing else")
    for (sequence, event) in acknowledged {
      try require(events[Int(sequence) - 1] == event, "sequence \(sequence) is its winner's")
    }
  }

  func resolvesUnknownOutcomes(_ harness: some EventLogHarness) async throws {
    var log = try await harness.open()
    for committing in [false, true] {
      let before = try await log.push("before")
      guard try await harness.loseNextAnswer(committing: committing) else { return }
      let batch = BatchID.random()
      let outcome = try await log.append([[1], [2]], batch: batch, expected: before.sequence)
      try require(outcome == .unknown, "a lost answer is unknown, never a failure; got \(outcome)")
      log = try await harness.open()
      let found = try await log.find(batch, after: before.sequence)
      try require(
        (found != nil) == committing, "reading tells that it was \(committing ? "" : "not ")written")
      try require(try await log.head() == found ?? before, "the head agrees")
    }
  }

  func losesNothingThatWasUnknown(_ harness: some EventLogHarness) async throws {
    var log = try await harness.open()
    var history: [[UInt8]] = []
    for round in 0..<6 {
      let event = Array("round \(round)".utf8)
      let batch = BatchID.random()
      let expected = try await log.head().sequence
      guard try await harness.loseNextAnswer(committing: round.isMultiple(of: 2)) else { return }
      try require(
        try await log.append([event], batch: batch, expected: expected) == .unknown, "the answer is lost")
      log = try await harness.open()
      if try await log.find(batch, after: expected) == nil { _ = try await log.push([event]) }
      history.append(event)
    }
    let events = try await log.read(after: 0, limit: .max).flatMap(\.events)
    try require(events == history, "resolving by reading writes each event exactly once")
  }
}
