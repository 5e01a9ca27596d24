import Foundation
import GRDB
import LociCore
import LociLog
import Testing

struct HeadFileTests {
  private let folder: TemporaryFolder
  private let path: String
  private let headPath: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("log.db")
    headPath = path + ".head"
  }

  @Test func aLogWithoutItsEndIsRefusedAndNamed() async throws {
    let older = try await filled(3)
    let log = try SQLiteEventLog(path: path, identity: .sample, logger: .silent)
    _ = try await log.append([[4]], expected: 3)
    try log.close()
    try older.write(to: URL(fileURLWithPath: path))
    let error = try #require(throws: LociError.self) { try SQLiteEventLog(path: path, identity: .sample) }
    guard case .dataLoss(let file, let problem) = error else { Issue.record("\(error)"); return }
    #expect(file == path)
    #expect(problem.contains("events 4...4 were acknowledged"))
  }

  @Test func aDatabaseThatIsGoneIsRefusedAndNotMadeAnew() async throws {
    _ = try await filled(3)
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: LociError.self) { try SQLiteEventLog(path: path, identity: .sample) }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func anotherHistoryOfTheSameLengthIsRefused() async throws {
    _ = try await filled(3)
    let head = try Data(contentsOf: URL(fileURLWithPath: headPath))
    for suffix in ["", ".head"] { try FileManager.default.removeItem(atPath: path + suffix) }
    _ = try await filled(3)  // the same events in other batches
    try head.write(to: URL(fileURLWithPath: headPath))
    let error = try #require(throws: LociError.self) { try SQLiteEventLog(path: path, identity: .sample) }
    guard case .dataLoss(_, let problem) = error else { Issue.record("\(error)"); return }
    #expect(problem.contains("another history"))
  }

  @Test(arguments: [0, 1])
  func oneDamagedSlotIsReportedAndRewritten(slot: Int) async throws {
    _ = try await filled(5)
    try damage(byte: slot * 4096 + 30)
    try withDatabase { (pool, head) throws in
      let file = try HeadFile(path: headPath, identity: .sample)
      #expect(try file.check(against: head, in: pool) == .slotDamaged(slot))
    }
    try withDatabase { (pool, head) throws in
      #expect(try HeadFile(path: headPath, identity: .sample).check(against: head, in: pool) == nil)
    }
  }

  @Test func bothSlotsDamagedIsRefusedUnlessRepairing() async throws {
    _ = try await filled(5)
    try damage(byte: 30)
    try damage(byte: 4096 + 30)
    try withDatabase { (pool, head) throws in
      #expect(throws: LociError.self) {
        try HeadFile(path: headPath, identity: .sample).check(against: head, in: pool)
      }
      let repairing = try HeadFile(path: headPath, identity: .sample, repairing: true)
      #expect(try repairing.check(against: head, in: pool) == .rewrittenOnRequest)
      #expect(try HeadFile(path: headPath, identity: .sample).check(against: head, in: pool) == nil)
    }
  }

  @Test func aMissingFileIsRefusedOnlyWhenThereAreEvents() async throws {
    _ = try await filled(0)
    try FileManager.default.removeItem(atPath: headPath)
    _ = try await filled(2)
    try FileManager.default.removeItem(atPath: headPath)
    let error = try #require(throws: LociError.self) { try SQLiteEventLog(path: path, identity: .sample) }
    guard case .dataLoss(let file, _) = error else { Issue.record("\(error)"); return }
    #expect(file == headPath)
  }

  @Test func aForeignFileIsRefused() async throws {
    _ = try await filled(2)
    try withDatabase { (pool, head) throws in
      let other = LogIdentity(logID: "another", shard: LogIdentity.sample.shard)
      #expect(throws: LociError.self) {
        try HeadFile(path: headPath, identity: other).check(against: head, in: pool)
      }
    }
  }

  @Test func aTruncatedLogStillMatchesAnOlderHead() async throws {
    let log = try SQLiteEventLog(path: path, identity: .sample, logger: .silent)
    var head = LogHead.empty
    for number in 0..<6 {
      guard case .committed(let next) = try await log.append([[UInt8(number)]], expected: head.sequence)
      else {
        throw CancellationError()
      }
      head = next
    }
    let older = try Data(contentsOf: URL(fileURLWithPath: headPath))
    try await log.putSnapshot(LogSnapshot(at: head, content: [1]))
    try await log.truncate(before: 7)
    try log.close()
    try older.write(to: URL(fileURLWithPath: headPath))
    try SQLiteEventLog(path: path, identity: .sample, logger: .silent).close()
  }

  /// Cut at each byte: refused, or all it protects is still there.
  @Test func everyTruncationOfTheFileIsHandled() async throws {
    _ = try await filled(4)
    let whole = try Data(contentsOf: URL(fileURLWithPath: headPath))
    try withDatabase { (pool, head) throws in
      for count in 0..<whole.count {
        try whole.prefix(count).write(to: URL(fileURLWithPath: headPath))
        let result = Result { try HeadFile(path: headPath, identity: .sample).check(against: head, in: pool) }
        // What is cut off reads as zeros: a slot that ended in zeros is still whole.
        let isWhole = whole[count..<(count < 512 ? 512 : whole.count)].allSatisfy { $0 == 0 }
        if count < 512, !isWhole {
          #expect(throws: LociError.self) { try result.get() }
        } else if count >= 512, isWhole, count > 4_096 {
          #expect(try result.get() == nil, "cut at \(count)")
        } else {
          #expect(try result.get() == .slotDamaged(1), "cut at \(count)")
        }
      }
    }
  }

  /// A log of `count` events, closed. Returns the database file.
  private func filled(_ count: Int) async throws -> Data {
    let log = try SQLiteEventLog(path: path, identity: .sample, logger: .silent)
    let start = try await log.head().sequence
    for number in 0..<count {
      _ = try await log.append([event(number)], expected: start + LogSequence(number))
    }
    try log.close()
    return try Data(contentsOf: URL(fileURLWithPath: path))
  }

  private func damage(byte: Int) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: headPath))
    bytes[byte] ^= 0x10
    try bytes.write(to: URL(fileURLWithPath: headPath))
  }

  private func withDatabase(_ body: (DatabasePool, LogHead) throws -> Void) throws {
    let pool = try ShardDatabase.open(path: path, identity: .sample, readers: 1)
    let head = try pool.read { try LogTable.head(in: $0) }
    try body(pool, head)
    try ShardDatabase.close(pool)
  }
}
