import LociCore
import NIOCore

/// Runs the tasks that prefer it on one event loop, so that a handler starts, resumes and answers without
/// changing threads. Jobs are collected and run in batches: one loop task per batch instead of one per job.
final class EventLoopTaskExecutor: TaskExecutor, @unchecked Sendable {
  // `pending` is under its lock; `running` and `isRunning` are touched on the event loop only.
  private static let roundsMax = 4

  private struct Pending {
    var jobs: [UnownedJob] = []
    /// A run is due already.
    var isScheduled = false
  }

  private let eventLoop: any EventLoop
  private let pending = Locked(Pending())
  private var running: [UnownedJob] = []
  private var isRunning = false

  init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let schedules = pending.withLock { pending in
      pending.jobs.append(job)
      defer { pending.isScheduled = true }
      return !pending.isScheduled
    }
    if schedules { schedule() }
  }

  /// Says that `runPending` will be called soon on the event loop, so that no run needs to be scheduled.
  func expectRun() { pending.withLock { $0.isScheduled = true } }

  /// Runs what waits, and what that makes ready, for a few rounds; the rest in a later turn of the loop.
  func runPending() {
    eventLoop.preconditionInEventLoop()
    guard !isRunning else { return }
    isRunning = true
    defer { isRunning = false }
    for _ in 0..<Self.roundsMax {
      let isDone = pending.withLock { pending in
        swap(&pending.jobs, &running)
        if running.isEmpty { pending.isScheduled = false }
        return running.isEmpty
      }
      if isDone { return }
      for job in running { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
      running.removeAll(keepingCapacity: true)
    }
    schedule()
  }

  private func schedule() {
    eventLoop.execute { self.runPending() }
  }
}
