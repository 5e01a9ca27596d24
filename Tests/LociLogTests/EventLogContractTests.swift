import CLociFaultVFS
import LociCore
import LociLog
import LociTestKit
import Logging
import Testing

struct EventLogContractTests {
  @Test(arguments: EventLogContract.allCases)
  func inMemory(_ rule: EventLogContract) async throws {
    try await rule.check(InMemoryHarness())
  }

  @Test(arguments: EventLogContract.allCases)
  func sqlite(_ rule: EventLogContract) async throws {
    let harness = try SQLiteHarness()
    try await rule.check(harness)
    try harness.close()
  }
}

private struct InMemoryHarness: EventLogHarness {
  private let log = InMemoryEventLog(identity: .sample)
  func open() async throws -> InMemoryEventLog { log }
  func loseNextAnswer(committing: Bool) async throws -> Bool {
    log.loseNextAnswer(committing ? .committed : .dropped)
    return true
  }
}

/// Loses an answer by failing the commit's sync, or one write before it.
private final class SQLiteHarness: EventLogHarness {
  private let folder: TemporaryFolder
  private let session: FaultSession
  private let current: Locked<SQLiteEventLog?> = Locked(nil)

  init() throws {
    folder = try TemporaryFolder()
    session = FaultSession(folder)
  }

  func open() async throws -> SQLiteEventLog {
    session.stopFailing()
    try? close()
    let log = try SQLiteEventLog(path: folder.file("log.db"), identity: .sample, logger: .silent)
    current.withLock { $0 = log }
    return log
  }

  func loseNextAnswer(committing: Bool) async throws -> Bool {
    if committing { session.failSyncs(from: 1) } else { session.fail(from: 1, .inputOutput) }
    return true
  }

  func close() throws { try current.withLock { try $0.take()?.close() } }
}

extension Logger {
  static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
