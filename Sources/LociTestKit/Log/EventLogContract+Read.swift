import LociCore
import LociLog

extension EventLogContract {
  func readsInPages(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    for number in 0..<10 { _ = try await log.push([[UInt8(number)], [UInt8(number), 1]]) }
    var collected: [LogRecord] = []
    while true {
      let page = try await log.read(after: collected.last?.last ?? 0, limit: 3)
      try require(page.count <= 3, "a page has at most as many records as asked")
      if page.isEmpty { break }
      collected += page
    }
    try require(collected == (try await log.read(after: 0, limit: .max)), "pages make up the whole")
    try require(try await log.read(after: 20, limit: 5).isEmpty, "nothing is beyond the head")
    try require(try await log.read(after: 1_000, limit: 5).isEmpty, "nor far beyond it")
  }

  func readsFromTheMiddleOfARecord(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    _ = try await log.push([[1], [2], [3]])
    _ = try await log.push([[4], [5]])
    let whole = try await log.read(after: 0, limit: .max)
    try require(try await log.read(after: 1, limit: .max) == whole, "the record that holds 2 comes whole")
    try require(try await log.read(after: 3, limit: .max) == [whole[1]], "after its end comes the next")
    try require(try await log.read(after: 4, limit: 1) == [whole[1]], "4 is inside the second")
  }

  func feedsSubscribers(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    let total = 60
    async let first = collect(log.subscribe(after: 0), until: LogSequence(total))
    async let second = collect(log.subscribe(after: 0), until: LogSequence(total))
    for number in 0..<total { _ = try await log.push("event \(number)") }
    let expected = try await log.read(after: 0, limit: .max)
    try require(try await first == expected, "a subscriber gets every record in order")
    try require(try await second == expected, "so does another")
  }

  func subscribersSeeWhatTheyMissed(_ harness: some EventLogHarness) async throws {
    let log = try await harness.open()
    for number in 0..<100 { _ = try await log.push("event \(number)") }
    let missed = try await collect(log.subscribe(after: 40), until: 100)
    try require(missed.map(\.first) == Array(41...100), "a subscription begins where it was asked to")
  }

  private func collect(
    _ records: AsyncThrowingStream<LogRecord, any Error>, until last: LogSequence
  ) async throws -> [LogRecord] {
    var collected: [LogRecord] = []
    for try await record in records {
      collected.append(record)
      if record.last >= last { break }
    }
    return collected
  }
}
