import Synchronization

/// Bytes that requests hold, over all connections: partial frames, queued messages, payloads of running calls.
package final class MemoryBudget: Sendable {
  package let bytesMax: Int
  private let used = Atomic<Int>(0)

  package init(bytesMax: Int) { self.bytesMax = bytesMax }

  package var bytes: Int { used.load(ordering: .relaxed) }
  package var isExhausted: Bool { bytes > bytesMax }

  package func charge(_ bytes: Int) {
    if bytes != 0 { used.wrappingAdd(bytes, ordering: .relaxed) }
  }

  package func release(_ bytes: Int) {
    if bytes != 0 { used.wrappingSubtract(bytes, ordering: .relaxed) }
  }
}
