import NIOCore
import Synchronization

extension ServerConnection {
  // MARK: Memory

  /// Counts `bytes` of a request as held, or given back where negative.
  func hold(_ bytes: Int, for call: ServerCall) {
    call.heldBytes += bytes
    heldBytes += bytes
    core.budget.charge(bytes)
    setPause(.heldBytes, heldBytes > core.configuration.requestBytesPerConnectionMax)
  }

  /// Counts the partial frame in hand. When all requests together hold too much, it is dropped, and answered.
  func chargePartialFrame() {
    let bytes = decoder.bufferedBytes
    if bytes > partialFrameBytes, core.budget.isExhausted, let header = decoder.dropPartialFrame() {
      act(on: machine.receiveOverBudget(header), header, ByteBuffer())
    }
    core.budget.charge(decoder.bufferedBytes - partialFrameBytes)
    partialFrameBytes = decoder.bufferedBytes
  }

  // MARK: Time

  /// Makes sure that the loop wakes this connection in time for the first of its deadlines.
  func armTimer() {
    guard !isClosing else { return }
    timers.noteProgress(
      isInsideFrame: decoder.isInsideFrame && pauses.isEmpty, isIdle: machine.isIdle, now: eventLoop.now)
    guard let wake = timers.wakeToSchedule() else { return }
    timers.scheduled = eventLoop.scheduleTask(deadline: wake) { self.timerFired() }
  }

  private func timerFired() {
    guard !isClosing else { return }
    let now = eventLoop.now
    timers.fired()
    switch timers.expired(now: now) {
    case .slowSender: return closeNow(.slowSender)
    case .idle: return closeNow(.idle)
    case nil: break
    }
    if timers.isCallDue(now: now) { expireCalls(now: now) }
    armTimer()
  }

  private func expireCalls(now: NIODeadline) {
    var next: NIODeadline?
    for call in Array(machine.calls) {
      guard let deadline = call.deadline else { continue }
      if deadline <= now {
        answer(call, .deadlineExceeded, cancelling: .deadline)
      } else {
        next = min(next ?? deadline, deadline)
      }
    }
    timers.callDeadline = next
    flush()
  }
}
