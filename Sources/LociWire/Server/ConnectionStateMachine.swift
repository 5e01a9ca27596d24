/// The four kinds of call.
package enum CallKind: Sendable, Equatable {
  case unary, serverStreaming, clientStreaming, bidirectional

  /// Whether Data frames follow the request.
  var streamsRequests: Bool { self == .clientStreaming || self == .bidirectional }
  /// Whether the answer is Data frames rather than one Response.
  var streamsResponses: Bool { self == .serverStreaming || self == .bidirectional }
}

/// What a server's side of a connection does with each frame. Does no I/O; `Call` is the caller's own record of
/// a running call, kept here so that one look-up finds both.
///
/// - A stream is answered exactly once: after a refusal, a failure or `end` nothing more is sent on it.
/// - Stream ids are odd and not in use; they need not grow, since some clients number calls before they queue
///   them.
/// - Frames that no correct client sends are answered, and count as strikes; too many close the connection.
///   Each admitted call forgives one.
/// - Frames that a correct client may have sent before it heard that its stream is over are dropped in silence.
package struct ConnectionStateMachine<Call> {
  package struct Limits: Sendable {
    /// Handlers running at once, ended streams whose handler still runs included.
    package var callsMax: Int
    package var strikesMax: Int

    package init(callsMax: Int, strikesMax: Int) {
      self.callsMax = callsMax
      self.strikesMax = strikesMax
    }
  }

  package enum OnFrame {
    /// Read the envelope, find the method, then `admit`.
    case open
    /// The payload is a message of a running call.
    case deliver(Call, endsRequests: Bool)
    case endRequests(Call)
    /// The call is over: cancel its handler, answer with the status.
    case fail(Call, RPCStatus)
    /// Answer the frame's stream with the status; nothing runs there.
    case refuse(Refusal)
    case ignore
    /// Answer, then close the connection.
    case close(Refusal)
  }

  package struct Refusal: Sendable, Equatable {
    package let status: RPCStatus
    package let reason: ServerStatistics.Rejection
  }

  package enum OnAdmit {
    /// `requestsEnded`: no Data frame may follow.
    case run(requestsEnded: Bool)
    /// `refuse` or `close`.
    case refuse(OnFrame)
  }

  private struct Stream {
    let kind: CallKind
    var requestsEnded: Bool
    let call: Call
  }

  private let limits: Limits
  private var streams: [UInt32: Stream] = [:]
  private var ended = RecentIDs()
  private var isDraining = false
  package private(set) var strikes = 0
  package private(set) var runningHandlers = 0

  package init(limits: Limits) { self.limits = limits }

  /// Whether no call waits for an answer.
  package var isIdle: Bool { streams.isEmpty }
  package var calls: some Sequence<Call> { streams.values.lazy.map(\.call) }

  package func call(_ streamID: UInt32) -> Call? { streams[streamID]?.call }

  /// New calls are refused from now on.
  package mutating func beginDrain() { isDraining = true }

  /// - Parameter isOversized: the header declares more than a frame may hold, so there is no payload.
  package mutating func receive(_ header: FrameHeader, isOversized: Bool = false) -> OnFrame {
    switch header.kind {
    case .request: receiveRequest(header, isOversized)
    case .data: receiveData(header, isOversized)
    case .cancel: receiveCancel(header)
    case .response: violation(header.streamID, "clients send no responses")
    case .unknown: .ignore
    }
  }

  /// A frame that was dropped because all requests together hold too much memory: nobody's mistake.
  package mutating func receiveOverBudget(_ header: FrameHeader) -> OnFrame {
    let status = RPCStatus(code: .resourceExhausted, message: "out of memory for requests")
    if let call = end(header.streamID) { return .fail(call, status) }
    guard header.kind == .request, !header.streamID.isMultiple(of: 2) else { return .ignore }
    return refuse(header, status, .memory)
  }

  private mutating func receiveRequest(_ header: FrameHeader, _ isOversized: Bool) -> OnFrame {
    let id = header.streamID
    if id.isMultiple(of: 2) { return violation(id, "stream id \(id) is even") }
    if !streams.isEmpty, streams[id] != nil { return violation(id, "stream id \(id) is in use") }
    if isOversized {
      return refuse(header, .messageTooLarge(bytes: header.length), .oversizedFrame, isStrike: true)
    }
    if isDraining { return refuse(header, .draining, .draining) }
    return .open
  }

  private mutating func receiveData(_ header: FrameHeader, _ isOversized: Bool) -> OnFrame {
    let id = header.streamID
    if id.isMultiple(of: 2) { return violation(id, "stream id \(id) is even") }
    let ends = header.flags.contains(.remoteClosed)
    guard let stream = streams[id] else {
      if ended.contains(id) {
        if ends { ended.remove(id) }
        return .ignore
      }
      return violation(id, "no stream \(id) is open")
    }
    guard stream.kind.streamsRequests else { return violation(id, "this method takes no data frames") }
    guard !stream.requestsEnded else { return violation(id, "data after the end of stream \(id)") }
    if isOversized { return violation(id, .messageTooLarge(bytes: header.length), .oversizedFrame) }
    if ends { streams[id]?.requestsEnded = true }
    if header.flags.contains(.noData) { return ends ? .endRequests(stream.call) : .ignore }
    return .deliver(stream.call, endsRequests: ends)
  }

  private mutating func receiveCancel(_ header: FrameHeader) -> OnFrame {
    // The answer and the cancellation may have crossed.
    guard let call = end(header.streamID) else { return .ignore }
    return .fail(call, .cancelled)
  }

  /// Admits the request that `receive` said to open, whose method is of `kind`.
  /// - Parameter call: kept until `end`. `nil` where the handler answers at once: no stream is kept then, and
  ///   no `handlerReturned` is due.
  package mutating func admit(_ header: FrameHeader, kind: CallKind, call: Call?) -> OnAdmit {
    let open = header.flags.contains(.remoteOpen)
    guard open ? kind.streamsRequests : (header.flags.contains(.remoteClosed) || !kind.streamsRequests) else {
      let problem = open ? "this method takes one request" : "this method takes a stream of requests"
      return .refuse(refuse(header, .invalid(problem), .protocolViolation, isStrike: true))
    }
    if let call {
      guard runningHandlers < limits.callsMax else {
        let status = RPCStatus(
          code: .resourceExhausted, message: "\(limits.callsMax) calls run on this connection")
        return .refuse(refuse(header, status, .connectionCalls))
      }
      runningHandlers += 1
      ended.remove(header.streamID)
      streams[header.streamID] = Stream(kind: kind, requestsEnded: !open, call: call)
    }
    if strikes > 0 { strikes -= 1 }
    return .run(requestsEnded: !open)
  }

  /// Turns away the request that `receive` said to open.
  /// - Parameter isStrike: no correct client sends it.
  package mutating func refuse(
    _ header: FrameHeader, _ status: RPCStatus, _ reason: ServerStatistics.Rejection, isStrike: Bool = false
  ) -> OnFrame {
    if isStrike, strike() { return .close(Refusal(status: status, reason: .strikes)) }
    if header.flags.contains(.remoteOpen) { ended.insert(header.streamID) }
    return .refuse(Refusal(status: status, reason: reason))
  }

  /// The stream is answered. Its call, or `nil` where it had ended before.
  @discardableResult
  package mutating func end(_ streamID: UInt32) -> Call? {
    guard let stream = streams.removeValue(forKey: streamID) else { return nil }
    if !stream.requestsEnded { ended.insert(streamID) }
    return stream.call
  }

  package mutating func handlerReturned() { runningHandlers -= 1 }

  private mutating func violation(_ id: UInt32, _ problem: String) -> OnFrame {
    violation(id, .invalid(problem), .protocolViolation)
  }

  private mutating func violation(
    _ id: UInt32, _ status: RPCStatus, _ reason: ServerStatistics.Rejection
  ) -> OnFrame {
    if strike() { return .close(Refusal(status: status, reason: .strikes)) }
    if let call = end(id) { return .fail(call, status) }
    return .refuse(Refusal(status: status, reason: reason))
  }

  /// Whether that was one too many.
  private mutating func strike() -> Bool {
    strikes += 1
    return strikes > limits.strikesMax
  }
}

/// The last ids put in, as many as a slow client may still send data for.
private struct RecentIDs {
  private static let countMax = 64
  private var ids: [UInt32] = []
  private var oldest = 0

  func contains(_ id: UInt32) -> Bool { ids.contains(id) }

  mutating func insert(_ id: UInt32) {
    guard ids.count == Self.countMax else { return ids.append(id) }
    ids[oldest] = id
    oldest = (oldest + 1) % Self.countMax
  }

  /// Stream 0 is nobody's, so it stands for an empty place.
  mutating func remove(_ id: UInt32) {
    guard let index = ids.firstIndex(of: id) else { return }
    ids[index] = 0
  }
}
