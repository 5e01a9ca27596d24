import LociCore
package import NIOCore

/// Messages of one stream that arrived and were not taken yet, as bytes. Bounded: when it is full the
/// connection stops reading its socket until half is taken.
package final class InboundQueue: Sendable {
  package struct Limits: Sendable {
    package var messagesMax: Int
    package var bytesMax: Int

    package init(messagesMax: Int, bytesMax: Int) {
      self.messagesMax = messagesMax
      self.bytesMax = bytesMax
    }
  }

  private struct State {
    var messages: CircularBuffer<ByteBuffer> = []
    var bytes = 0
    var isFull = false
    /// What `next` gives once the messages are taken: the end (`success`), or why the stream broke.
    var end: Result<Void, RPCStatus>?
    var waiters = Waiters<ByteBuffer?>()
  }

  private let limits: Limits
  private let budget: MemoryBudget
  private let onDrained: @Sendable () -> Void
  private let state = Locked(State())

  /// - Parameter onDrained: called, on any thread, when a full queue has room again.
  package init(limits: Limits, budget: MemoryBudget, onDrained: @escaping @Sendable () -> Void) {
    self.limits = limits
    self.budget = budget
    self.onDrained = onDrained
  }

  deinit { budget.release(state.withLock { $0.bytes }) }

  package var count: Int { state.withLock { $0.messages.count } }
  package var bytes: Int { state.withLock { $0.bytes } }

  /// Adds a message, whatever the limits say; whether the queue is full now. After the end it is dropped.
  package func push(_ message: ByteBuffer) -> Bool {
    let (waiter, isFull): (Waiter<ByteBuffer?>?, Bool) = state.withLock { state in
      guard state.end == nil else { return (nil, false) }
      if let waiter = state.waiters.popFirst() { return (waiter, state.isFull) }
      let kept = message.compacted
      state.bytes += kept.readableBytes
      budget.charge(kept.readableBytes)
      state.messages.append(kept)
      if state.messages.count >= limits.messagesMax || state.bytes >= limits.bytesMax { state.isFull = true }
      return (nil, state.isFull)
    }
    waiter?.resume(with: .success(message))
    return isFull
  }

  /// No more messages come; `nil` for a proper end.
  /// - Parameter keepsMessages: what arrived before can still be taken.
  package func finish(_ failure: RPCStatus? = nil, keepsMessages: Bool = true) {
    let waiters: [Waiter<ByteBuffer?>] = state.withLock { state in
      guard state.end == nil else { return [] }
      state.end = failure.map { .failure($0) } ?? .success(())
      if !keepsMessages {
        budget.release(state.bytes)
        state.bytes = 0
        state.messages.removeAll()
      }
      return state.waiters.removeAll()
    }
    for waiter in waiters { waiter.resume(with: failure.map { .failure($0) } ?? .success(nil)) }
  }

  /// The next message, or `nil` at the end.
  /// - Throws: `RPCStatus`, where the stream broke or the task is cancelled.
  package func next() async throws(RPCStatus) -> ByteBuffer? {
    if let ready = try takeReady() { return ready }
    let id = state.withLock { $0.waiters.makeID() }
    defer { state.withLock { $0.waiters.forget(id) } }
    do {
      return try await withTaskCancellationHandler {
        try await Waiter.suspend { waiter in wait(id, waiter) }
      } onCancel: {
        state.withLock { $0.waiters.cancel(id) }?.resume(with: .failure(.cancelled))
      }
    } catch {
      throw error as? RPCStatus ?? .cancelled
    }
  }

  private func wait(_ id: UInt64, _ waiter: Waiter<ByteBuffer?>) {
    let ready: Result<Taken, RPCStatus>? = state.withLock { state in
      if let ready = Self.take(&state, limits, budget) { return ready }
      return state.waiters.add(id, waiter) ? nil : .failure(.cancelled)
    }
    guard let ready else { return }
    if case .success(let taken) = ready, taken.hasRoomAgain { onDrained() }
    waiter.resume(with: ready.map(\.message))
  }

  /// `.none` where nothing is ready.
  private func takeReady() throws(RPCStatus) -> ByteBuffer?? {
    guard let taken = state.withLock({ Self.take(&$0, limits, budget) }) else { return .none }
    let ready = try taken.get()
    if ready.hasRoomAgain { onDrained() }
    return .some(ready.message)
  }

  private struct Taken {
    var message: ByteBuffer?
    var hasRoomAgain = false
  }

  private static func take(
    _ state: inout State, _ limits: Limits, _ budget: MemoryBudget
  ) -> Result<Taken, RPCStatus>? {
    guard let message = state.messages.popFirst() else {
      return state.end.map { end in end.map { Taken() } }
    }
    state.bytes -= message.readableBytes
    budget.release(message.readableBytes)
    let hasRoom = state.messages.count <= limits.messagesMax / 2 && state.bytes <= limits.bytesMax / 2
    guard state.isFull, hasRoom else { return .success(Taken(message: message)) }
    state.isFull = false
    return .success(Taken(message: message, hasRoomAgain: true))
  }
}

extension ByteBuffer {
  /// The same bytes, copied where they hold on to much more memory than they use.
  var compacted: ByteBuffer {
    guard storageCapacity > 2 * readableBytes + 256 else { return self }
    var copy = ByteBuffer()
    copy.reserveCapacity(readableBytes)
    copy.writeImmutableBuffer(self)
    return copy
  }
}
