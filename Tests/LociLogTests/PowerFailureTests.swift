import CLociFaultVFS
import Foundation
import LociCore
import LociLog
import Testing
import LociTestKit

/// What a power failure leaves, replayed: DISTRIBUTED §2 and test plan row 1.
@Suite(.serialized)
struct PowerFailureTests {
  /// LOCI_POWERFAIL_STATES asks for more.
  private static let states =
    ProcessInfo.processInfo.environment["LOCI_POWERFAIL_STATES"].flatMap { Int($0) } ?? 10_000

  @Test func synchronousFullLosesNothing() throws {
    let tally = try replay(.full, commits: 320, states: Self.states)
    print("power failure, FULL: \(tally)")
    #expect(tally.states >= Self.states)
    #expect(Self.states < 10_000 || tally.states >= tally.cuts, "every prefix is among the states")
    #expect(tally.corrupt.isEmpty)
    #expect(tally.lost == 0)
  }

  /// Without a sync at each commit events are lost: the replay can see it.
  @Test func synchronousNormalLosesAcknowledgedEvents() throws {
    let tally = try replay(.normal, commits: 320, states: min(Self.states, 1_000))
    print("power failure, NORMAL (control): \(tally)")
    #expect(tally.lost > tally.states / 4)
    #expect(tally.corrupt.isEmpty)
  }

  /// Without any sync the database itself breaks.
  @Test func synchronousOffCorrupts() throws {
    let tally = try replay(.off, commits: 100, states: min(Self.states, 500))
    print("power failure, OFF (control): \(tally)")
    #expect(tally.lost + tally.corrupt.count > tally.states / 4)
    #expect(!tally.corrupt.isEmpty)
  }

  struct Tally: CustomStringConvertible {
    var states = 0, cuts = 0, lost = 0, lostUnnoticed = 0
    var corrupt: [String] = []
    var description: String {
      "\(states) states of \(cuts) cuts, \(corrupt.count) corrupt, \(lost) lost an acknowledged event "
        + "(\(lostUnnoticed) of them unnoticed)"
        + (corrupt.first.map { "; first corrupt: \($0)" } ?? "")
    }
  }

  /// Cuts the record after every operation, each cut in as many ways as it takes to reach `states`.
  private func replay(
    _ synchronous: ShardDatabase.Synchronous, commits: Int, states: Int, seed: UInt64 = 20_261_124
  ) throws -> Tally {
    let workload = try RecordedWorkload(commits: commits, synchronous: synchronous, seed: seed)
    let cuts = workload.operations.count
    var random = SplitMix64(seed: seed)
    var image = DiskImage()
    var tally = Tally(cuts: cuts)
    var acknowledged: LogSequence = 0
    for (cut, operation) in workload.operations.enumerated() {
      image.apply(operation)
      if operation.kind == .mark { acknowledged = LogSequence(operation.offset) }
      let wanted = (cut + 1) * states / cuts
      for way in 0..<max(0, wanted - tally.states) {
        let loss = DiskImage.Loss.allCases[(cut + way) % DiskImage.Loss.allCases.count]
        let folder = try TemporaryFolder()
        for (name, bytes) in image.files(losing: loss, using: &random) {
          try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
        }
        tally.states += 1
        switch CrashState(acknowledged: acknowledged).judge(folder) {
        case .sound: break
        case .lost(let noticed):
          tally.lost += 1
          tally.lostUnnoticed += noticed ? 0 : 1
        case .corrupt(let problem): tally.corrupt.append("cut \(cut) losing \(loss): \(problem)")
        }
      }
    }
    return tally
  }
}
