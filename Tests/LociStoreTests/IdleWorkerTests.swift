import Dispatch
import LociCore
import Testing

/// One job at a time, a bounded queue, and an end.
@Suite struct IdleWorkerTests {
  @Test func jobsRunOneAtATime() async throws {
    let worker = IdleWorker(name: "test", waitingMax: 1_000)
    let running = Locked(0)
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<200 {
        group.addTask {
          try await worker.run {
            let beside = running.withLock { count in
              count += 1
              return count
            }
            #expect(beside == 1)
            running.withLock { $0 -= 1 }
            return number
          }
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 199 * 100)
  }

  @Test func errorsComeBack() async throws {
    let worker = IdleWorker(name: "test", waitingMax: 4)
    await #expect(throws: LociError.cancelled) { try await worker.run { throw LociError.cancelled } }
    #expect(try await worker.run { 7 } == 7)
  }

  @Test func aFullQueueRefuses() async throws {
    let worker = IdleWorker(name: "test", waitingMax: 2)
    let (started, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let first = Task {
      try await worker.run {
        started.signal()
        gate.wait()
      }
    }
    await Task.detached { Self.wait(for: started) }.value
    // One runs; of three more two may wait.
    let results = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<3 { group.addTask { (try? await worker.run {}) != nil } }
      var results = [await group.next() ?? true]
      gate.signal()
      for await result in group { results.append(result) }
      return results
    }
    #expect(results == [false, true, true])
    try await first.value
  }

  private static func wait(for semaphore: DispatchSemaphore) { semaphore.wait() }
}
