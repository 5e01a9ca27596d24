import LociCore
package import LociLog

/// A kind of log under test: opens one, opens it anew, and makes it lose an answer.
package protocol EventLogHarness: Sendable {
  associatedtype Log: EventLog
  /// Opens the log of this harness, empty at first; closes the one opened before.
  func open() async throws -> Log
  /// The next append of the opened log answers `unknown`, and is durable or not as asked. Returns `false` when the
  /// kind cannot be made to.
  func loseNextAnswer(committing: Bool) async throws -> Bool
}

/// What every `EventLog` promises. A new kind passes when each case does.
package enum EventLogContract: String, CaseIterable, Sendable {
  case startsEmpty, numbersEventsWithoutGaps, chainsItsRecords, staysAfterReopening
  case fencesAStaleWriter, letsOneOfManyWritersWin
  case resolvesUnknownOutcomes, losesNothingThatWasUnknown
  case readsInPages, readsFromTheMiddleOfARecord
  case feedsSubscribers, subscribersSeeWhatTheyMissed
  case keepsSnapshots, refusesForeignSnapshots
  case truncates, refusesToTruncateWhatNoSnapshotCovers, continuesTheChainAfterTruncation

  /// - Throws: `ContractViolation`, or what the log threw.
  package func check(_ harness: some EventLogHarness) async throws {
    switch self {
    case .startsEmpty: try await startsEmpty(harness)
    case .numbersEventsWithoutGaps: try await numbersEventsWithoutGaps(harness)
    case .chainsItsRecords: try await chainsItsRecords(harness)
    case .staysAfterReopening: try await staysAfterReopening(harness)
    case .fencesAStaleWriter: try await fencesAStaleWriter(harness)
    case .letsOneOfManyWritersWin: try await letsOneOfManyWritersWin(harness)
    case .resolvesUnknownOutcomes: try await resolvesUnknownOutcomes(harness)
    case .losesNothingThatWasUnknown: try await losesNothingThatWasUnknown(harness)
    case .readsInPages: try await readsInPages(harness)
    case .readsFromTheMiddleOfARecord: try await readsFromTheMiddleOfARecord(harness)
    case .feedsSubscribers: try await feedsSubscribers(harness)
    case .subscribersSeeWhatTheyMissed: try await subscribersSeeWhatTheyMissed(harness)
    case .keepsSnapshots: try await keepsSnapshots(harness)
    case .refusesForeignSnapshots: try await refusesForeignSnapshots(harness)
    case .truncates: try await truncates(harness)
    case .refusesToTruncateWhatNoSnapshotCovers: try await refusesToTruncateWhatNoSnapshotCovers(harness)
    case .continuesTheChainAfterTruncation: try await continuesTheChainAfterTruncation(harness)
    }
  }
}

package struct ContractViolation: Error, CustomStringConvertible {
  package let description: String
}

func require(_ condition: Bool, _ rule: String) throws {
  if !condition { throw ContractViolation(description: rule) }
}

/// Requires that `body` throws an error that `matches`.
func requireError(
  _ rule: String, _ matches: (LociError) -> Bool, _ body: () async throws -> Void
) async throws {
  do { try await body() } catch let error as LociError {
    return try require(matches(error), "\(rule); got \(error)")
  }
  throw ContractViolation(description: "\(rule); nothing was thrown")
}

extension AppendOutcome {
  func committed() throws -> LogHead {
    guard case .committed(let head) = self else {
      throw ContractViolation(description: "expected a committed append, got \(self)")
    }
    return head
  }
}

extension EventLog {
  /// Appends one record at the end.
  func push(_ events: [[UInt8]]) async throws -> LogHead {
    try await append(events, expected: head().sequence).committed()
  }

  func push(_ text: String) async throws -> LogHead { try await push([Array(text.utf8)]) }
}
