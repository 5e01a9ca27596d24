import Dispatch
import LociCore
import Testing

@testable import LociStore

/// The queue before the writer is bounded, keeps order, and answers everything it accepted.
@Suite struct QueueTests {
  private struct Item: PendingCommand {
    let number: Int
    let costBytes: Int
    func execute(_ batch: inout CommitBatch) throws -> @Sendable () -> Void { {} }
    func fail(_ error: LociError) {}
  }

  /// A commit that waits until it is let go, and what it was given.
  private final class Writer: Sendable {
    let batches = Locked<[[Int]]>([])
    let mayGo = DispatchSemaphore(value: 0)

    func commit(_ batch: [any PendingCommand]) {
      batches.withLock { $0.append(batch.compactMap { ($0 as? Item)?.number }) }
      mayGo.wait()
    }

    func queue(_ limits: GroupCommit.Limits) -> GroupCommit {
      GroupCommit(label: "test", limits: limits) { self.commit($0) }
    }

    /// Returns when a commit has begun.
    func waitForCommit() async throws {
      while batches.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
    }

    func letAllGo() { for _ in 0..<1_000 { mayGo.signal() } }
  }

  @Test func oneMoreThanMayWaitIsRefused() async throws {
    let writer = Writer()
    var limits = GroupCommit.Limits()
    limits.waitingMax = 10
    limits.batchMax = 4
    let queue = writer.queue(limits)
    try queue.submit(Item(number: 0, costBytes: 1))
    try await writer.waitForCommit()
    for number in 1...10 { try queue.submit(Item(number: number, costBytes: 1)) }
    #expect(throws: LociError.overloaded(queue: "writer", limit: 10)) {
      try queue.submit(Item(number: 11, costBytes: 1))
    }
    writer.letAllGo()
    await queue.close()
    #expect(writer.batches.withLock { $0.flatMap { $0 } } == Array(0...10))
    #expect(writer.batches.withLock { $0.allSatisfy { $0.count <= 4 } })
    #expect(throws: LociError.unavailable("the server is shutting down")) {
      try queue.submit(Item(number: 12, costBytes: 1))
    }
  }

  @Test func waitingBytesAreBoundedAndOneLargeCommandStillPasses() async throws {
    let writer = Writer()
    var limits = GroupCommit.Limits()
    limits.waitingBytesMax = 100
    limits.batchBytesMax = 50
    let queue = writer.queue(limits)
    try queue.submit(Item(number: 0, costBytes: 1))
    try await writer.waitForCommit()
    try queue.submit(Item(number: 1, costBytes: 500))
    #expect(throws: LociError.overloaded(queue: "writer bytes", limit: 100)) {
      try queue.submit(Item(number: 2, costBytes: 1))
    }
    writer.letAllGo()
    await queue.close()
    #expect(writer.batches.withLock { $0.flatMap { $0 } } == [0, 1])
  }

  @Test func aBatchHoldsNoMoreBytesThanItMay() async throws {
    let writer = Writer()
    var limits = GroupCommit.Limits()
    limits.batchBytesMax = 50
    let queue = writer.queue(limits)
    try queue.submit(Item(number: 0, costBytes: 1))
    try await writer.waitForCommit()
    for number in 1...9 { try queue.submit(Item(number: number, costBytes: 20)) }
    writer.letAllGo()
    await queue.close()
    #expect(writer.batches.withLock { $0 } == [[0], [1, 2], [3, 4], [5, 6], [7, 8], [9]])
  }
}
