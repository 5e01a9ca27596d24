import NIOCore

/// Every deadline of one connection behind one scheduled wake-up. Reads no clock.
struct ConnectionTimers {
  enum Expired { case slowSender, idle }

  private let firstByteTimeout, frameTimeout: TimeAmount
  private let idleTimeout: TimeAmount?
  private let frameBytesPerSecondMin: Int

  private(set) var lastReceived: NIODeadline = .uptimeNanoseconds(0)
  private var firstByteDeadline: NIODeadline?
  private var frameStartedAt: NIODeadline?
  private var frameCheckAt: NIODeadline?
  private var frameBytes = 0
  private var idleSince: NIODeadline?
  /// The earliest that a running call may have.
  var callDeadline: NIODeadline?
  var scheduled: Scheduled<Void>?
  private var scheduledAt: NIODeadline?

  init(configuration: RPCServer.Configuration) {
    firstByteTimeout = TimeAmount(configuration.firstByteTimeout)
    frameTimeout = TimeAmount(configuration.frameTimeout)
    idleTimeout = configuration.idleTimeout.map { TimeAmount($0) }
    frameBytesPerSecondMin = configuration.frameBytesPerSecondMin
  }

  mutating func connected(now: NIODeadline) {
    lastReceived = now
    firstByteDeadline = now + firstByteTimeout
  }

  mutating func received(bytes: Int, now: NIODeadline) {
    lastReceived = now
    firstByteDeadline = nil
    frameBytes += bytes
  }

  mutating func callStarted(deadline: NIODeadline) {
    callDeadline = min(callDeadline ?? deadline, deadline)
  }

  /// A frame was complete: what is left is part of another.
  mutating func frameEnded() { frameStartedAt = nil }

  /// - Parameters:
  ///   - isInsideFrame: the rest of a frame is awaited; false while we do not read.
  ///   - isIdle: no call runs.
  mutating func noteProgress(isInsideFrame: Bool, isIdle: Bool, now: NIODeadline) {
    if !isInsideFrame {
      frameStartedAt = nil
      frameCheckAt = nil
    } else if frameStartedAt == nil {
      frameStartedAt = now
      frameCheckAt = now + frameTimeout
      frameBytes = 0
    }
    if !isIdle {
      idleSince = nil
    } else if firstByteDeadline == nil {
      idleSince = max(idleSince ?? now, lastReceived)
    }
  }

  mutating func expired(now: NIODeadline) -> Expired? {
    if let firstByteDeadline, firstByteDeadline <= now { return .slowSender }
    if let frameStartedAt, let check = frameCheckAt, check <= now {
      let seconds = Double((now - frameStartedAt).nanoseconds) / 1e9
      if Double(frameBytes) < seconds * Double(frameBytesPerSecondMin) { return .slowSender }
      frameCheckAt = now + .seconds(1)
    }
    if let idleSince, let idleTimeout, idleSince + idleTimeout <= now { return .idle }
    return nil
  }

  func isCallDue(now: NIODeadline) -> Bool { callDeadline.map { $0 <= now } ?? false }

  /// When to wake, where that is sooner than what is scheduled.
  mutating func wakeToSchedule() -> NIODeadline? {
    var wake = callDeadline
    func consider(_ deadline: NIODeadline?) {
      if let deadline { wake = min(wake ?? deadline, deadline) }
    }
    consider(firstByteDeadline)
    consider(frameCheckAt)
    if let idleTimeout { consider(idleSince.map { $0 + idleTimeout }) }
    guard let wake, scheduledAt.map({ wake < $0 }) ?? true else { return nil }
    scheduled?.cancel()
    scheduledAt = wake
    return wake
  }

  mutating func fired() {
    scheduled = nil
    scheduledAt = nil
  }

  mutating func cancel() {
    scheduled?.cancel()
    fired()
  }
}
