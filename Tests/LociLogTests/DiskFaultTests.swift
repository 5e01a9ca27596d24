import CLociFaultVFS
import CLociSQLite
import GRDB
import LociCore
import LociLog
import Logging
import Testing

/// The n-th write, truncation or sync fails, for every n: test plan row 8.
struct DiskFaultTests {
  private static let commits = 60

  /// A disk without space refuses; what was acknowledged stays, and appends go on when there is space again.
  @Test(arguments: 1...300)
  func noSpaceFromCall(n: Int) async throws {
    let run = try Run()
    run.session.fail(from: n, .noSpace)
    guard let log = try? run.open() else {
      run.session.stopFailing()
      return try await run.expectSound(run.open())
    }
    let refused = try await run.append(Self.commits, to: log) { error in
      #expect(error == .storageFull)
      run.session.stopFailing()
    }
    #expect(refused == (run.session.failures > 0 && refused > 0 ? 1 : 0), "one refusal, then it goes on")
    try await run.expectSound(log)
    do throws(LociError) { try log.close() } catch {
      #expect(error == .storageFull, "the last checkpoint met it")
    }
    run.session.stopFailing()
    try await run.expectSound(run.open())
  }

  /// After an I/O error nobody knows what the disk holds: the log stops until it is opened anew, and the
  /// append that met the error is found or not found by reading.
  @Test(arguments: 1...300)
  func inputOutputErrorFromCall(n: Int) async throws {
    try await stopsAndRecovers { $0.fail(from: n, .inputOutput) }
  }

  /// The same for syncs alone; a failed sync is never followed by another write.
  @Test(arguments: 1...100)
  func failedSync(n: Int) async throws {
    try await stopsAndRecovers { $0.failSyncs(from: n) }
  }

  private func stopsAndRecovers(_ arm: (FaultSession) -> Void) async throws {
    let run = try Run()
    arm(run.session)
    if let log = try? run.open() {
      _ = try await run.append(Self.commits, to: log) { _ in }
      if run.session.syncFailed {
        run.session.stopFailing()
        run.session.record(true)
        await #expect(throws: LociError.self) { try await log.append([[1]], expected: log.head().sequence) }
        run.session.record(false)
        #expect(run.session.operations.filter { $0.kind == .write || $0.kind == .sync }.isEmpty)
        #expect(unsafe loci_sqlite_is_stopped(run.path))
      }
      run.session.stopFailing()
      try? log.close()
    }
    run.session.stopFailing()
    let reopened = try run.open()
    try await run.resolve(reopened)
    _ = try await run.append(5, to: reopened) { _ in }
    try await run.expectSound(reopened)
    try reopened.close()
    #expect(unsafe !loci_sqlite_is_stopped(run.path))
  }

  /// A disk that fills up by bytes: refusals, reads meanwhile, and work after space returns.
  @Test(arguments: [120_000, 160_001, 200_000, 260_000, 300_007])
  func quota(bytes: Int) async throws {
    let run = try Run()
    run.session.setQuota(bytes)
    let log = try run.open()
    var refusals = 0
    _ = try await run.append(600, to: log) { error in
      #expect(error == .storageFull)
      refusals += 1
    }
    #expect(refusals > 100, "the disk stays full")
    #expect(run.acknowledged.count > 20)
    try await run.expectSound(log)
    run.session.setQuota(-1)
    let before = run.acknowledged.count
    let after = try await run.append(50, to: log) { _ in }
    #expect(after == 0 && run.acknowledged.count == before + 50)
    try log.close()
    try await run.expectSound(run.open())
  }

  /// One log in one folder, and what it has acknowledged.
  private final class Run {
    let folder: TemporaryFolder
    let session: FaultSession
    let path: String
    private(set) var acknowledged: [[UInt8]] = []
    private var unresolved: (batch: BatchID, after: LogSequence, event: [UInt8])?

    init() throws {
      folder = try TemporaryFolder()
      session = FaultSession(folder)
      path = folder.file("log.db")
    }

    func open() throws -> SQLiteEventLog {
      try SQLiteEventLog(path: path, identity: .sample, logger: .silent, autocheckpointPages: 20)
    }

    /// Appends `count` times; returns how many were refused or unknown.
    func append(
      _ count: Int, to log: SQLiteEventLog, onError: (LociError) -> Void
    ) async throws -> Int {
      var refused = 0
      for number in 0..<count {
        let bytes = event(number, count: 200 + number * 37 % 900)
        let batch = BatchID.random()
        let expected = LogSequence(acknowledged.count)
        do {
          switch try await log.append([bytes], batch: batch, expected: expected) {
          case .committed(let head):
            #expect(head.sequence == expected + 1)
            acknowledged.append(bytes)
          case .fenced(let head): Issue.record("fenced at \(head.sequence), expected \(expected)")
          case .unknown:
            refused += 1
            #expect(unresolved == nil, "a log that stopped answers no append")
            unresolved = (batch, expected, bytes)
          }
        } catch let error as LociError {
          refused += 1
          onError(error)
        }
      }
      return refused
    }

    /// Reads what became of the unknown append.
    func resolve(_ log: SQLiteEventLog) async throws {
      guard let (batch, after, event) = unresolved else { return }
      if try await log.find(batch, after: after) != nil { acknowledged.append(event) }
      unresolved = nil
    }

    func expectSound(_ log: SQLiteEventLog) async throws {
      try await #expect(log.verify().sequence == LogSequence(acknowledged.count))
      try await #expect(log.read(after: 0, limit: .max).flatMap(\.events) == acknowledged)
    }
  }
}
