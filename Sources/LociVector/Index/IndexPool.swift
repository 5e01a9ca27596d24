import CLociIndex
import Dispatch
import Synchronization

/// Runs a C routine's tasks on up to `threads` threads, the calling one included.
enum IndexPool {
  /// Lends a pool to `body`.
  static func with<T>(threads: Int, _ body: (UnsafePointer<loci_index_pool>) -> T) -> T {
    let width = max(1, threads)
    var pool = unsafe loci_index_pool(
      width: width, context: UnsafeMutableRawPointer(bitPattern: width), run: nil)
    if width > 1 { unsafe pool.run = run }
    return unsafe withUnsafePointer(to: &pool) { pool in unsafe body(pool) }
  }

  /// The width travels as the bits of the context.
  private static let run:
    @convention(c) (
      UnsafeMutableRawPointer?, Int, @convention(c) (UnsafeMutableRawPointer, Int) -> Void,
      UnsafeMutableRawPointer
    ) -> Void = { context, tasks, task, argument in
      let width = min(Int(bitPattern: context), tasks)
      let next = TaskCounter()
      nonisolated(unsafe) let argument = unsafe argument
      DispatchQueue.concurrentPerform(iterations: width) { _ in
        while let index = next.take(below: tasks) { unsafe task(argument, index) }
      }
    }
}

/// Hands out 0, 1, 2, … once each.
private final class TaskCounter: Sendable {
  private let value = Atomic<Int>(0)

  func take(below limit: Int) -> Int? {
    let index = value.add(1, ordering: .relaxed).oldValue
    return index < limit ? index : nil
  }
}
