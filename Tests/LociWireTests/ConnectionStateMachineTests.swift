import LociWire
import Testing

/// The rules of a connection, frame by frame, with no socket.
@Suite struct ConnectionStateMachineTests {
  typealias Machine = ConnectionStateMachine<String>

  private func machine(callsMax: Int = 10, strikesMax: Int = 5) -> Machine {
    Machine(limits: .init(callsMax: callsMax, strikesMax: strikesMax))
  }

  private func header(
    _ kind: FrameHeader.Kind, _ id: UInt32, _ flags: FrameHeader.Flags = [], length: Int = 0
  ) -> FrameHeader {
    FrameHeader(length: length, streamID: id, kind: kind, flags: flags)
  }

  /// What a frame leads to, in a form that compares.
  private func receive(_ machine: inout Machine, _ header: FrameHeader, oversized: Bool = false) -> String {
    describe(machine.receive(header, isOversized: oversized))
  }

  private func describe(_ action: Machine.OnFrame) -> String {
    switch action {
    case .open: "open"
    case .deliver(let call, let ends): "deliver \(call)\(ends ? " last" : "")"
    case .endRequests(let call): "end \(call)"
    case .fail(let call, let status): "fail \(call) \(status.code)"
    case .refuse(let refusal): "refuse \(refusal.status.code) \(refusal.reason)"
    case .ignore: "ignore"
    case .close(let refusal): "close \(refusal.status.code)"
    }
  }

  private func open(_ machine: inout Machine, _ id: UInt32, _ kind: CallKind, _ flags: FrameHeader.Flags)
    -> String
  {
    let request = header(.request, id, flags)
    guard case .open = machine.receive(request) else { return "not opened" }
    switch machine.admit(request, kind: kind, call: "\(id)") {
    case .run(let requestsEnded): return requestsEnded ? "run" : "run, more"
    case .refuse(let action): return describe(action)
    }
  }

  @Test(arguments: [
    (CallKind.unary, FrameHeader.Flags(), "run"), (.unary, .remoteClosed, "run"),
    (.unary, .remoteOpen, "refuse invalidArgument protocolViolation"),
    (.serverStreaming, .remoteClosed, "run"), (.serverStreaming, FrameHeader.Flags(), "run"),
    (.serverStreaming, .remoteOpen, "refuse invalidArgument protocolViolation"),
    (.clientStreaming, .remoteOpen, "run, more"), (.clientStreaming, .remoteClosed, "run"),
    (.clientStreaming, FrameHeader.Flags(), "refuse invalidArgument protocolViolation"),
    (.bidirectional, .remoteOpen, "run, more"), (.bidirectional, .remoteClosed, "run"),
    (.bidirectional, FrameHeader.Flags(), "refuse invalidArgument protocolViolation")
  ])
  func requestFlagsFitTheMethod(kind: CallKind, flags: FrameHeader.Flags, outcome: String) {
    var machine = machine()
    #expect(open(&machine, 1, kind, flags) == outcome)
    #expect(machine.isIdle == outcome.hasPrefix("refuse"))
  }

  @Test func idsAreOddAndNotInUseButNeedNotGrow() {
    var machine = machine()
    #expect(open(&machine, 9, .unary, []) == "run")
    #expect(open(&machine, 3, .unary, []) == "run")
    #expect(receive(&machine, header(.request, 4)) == "refuse invalidArgument protocolViolation")
    #expect(receive(&machine, header(.request, 0)) == "refuse invalidArgument protocolViolation")
    // Two answers on one stream would be ambiguous, so the running call ends.
    #expect(receive(&machine, header(.request, 9)) == "fail 9 invalidArgument")
    #expect(open(&machine, 9, .unary, []) == "run")
    machine.end(9)
    #expect(open(&machine, 9, .unary, []) == "run")
  }

  @Test func dataGoesToItsStreamUntilTheCallerCloses() {
    var machine = machine()
    #expect(open(&machine, 1, .bidirectional, .remoteOpen) == "run, more")
    #expect(receive(&machine, header(.data, 1)) == "deliver 1")
    #expect(receive(&machine, header(.data, 1, .noData)) == "ignore")
    #expect(receive(&machine, header(.data, 1, .remoteClosed)) == "deliver 1 last")
    #expect(receive(&machine, header(.data, 1)) == "fail 1 invalidArgument")
    #expect(open(&machine, 3, .clientStreaming, .remoteOpen) == "run, more")
    #expect(receive(&machine, header(.data, 3, .closing)) == "end 3")
  }

  @Test func dataWithoutAStreamIsAnswered() {
    var machine = machine()
    #expect(receive(&machine, header(.data, 5)) == "refuse invalidArgument protocolViolation")
    #expect(receive(&machine, header(.data, 0)) == "refuse invalidArgument protocolViolation")
    #expect(open(&machine, 1, .unary, []) == "run")
    #expect(receive(&machine, header(.data, 1)) == "fail 1 invalidArgument")
    #expect(open(&machine, 3, .serverStreaming, .remoteClosed) == "run")
    #expect(receive(&machine, header(.data, 3, .closing)) == "fail 3 invalidArgument")
  }

  @Test func dataOnTheWayWhenAStreamEndsIsDropped() {
    var machine = machine()
    #expect(open(&machine, 1, .bidirectional, .remoteOpen) == "run, more")
    machine.end(1)
    #expect(receive(&machine, header(.data, 1)) == "ignore")
    #expect(receive(&machine, header(.data, 1, .closing)) == "ignore")
    #expect(receive(&machine, header(.data, 1)) == "refuse invalidArgument protocolViolation")
    // So is what follows a request that was turned away.
    let unknown = header(.request, 7, .remoteOpen)
    _ = machine.receive(unknown)
    let status = RPCStatus(code: .unimplemented, message: "")
    #expect(describe(machine.refuse(unknown, status, .unknownMethod)) == "refuse unimplemented unknownMethod")
    #expect(receive(&machine, header(.data, 7)) == "ignore")
    #expect(machine.strikes == 1)
  }

  @Test func rememberedIDsAreBounded() {
    var machine = machine(callsMax: 1000, strikesMax: 100)
    for index in 0..<100 {
      let id = UInt32(2 * index + 1)
      #expect(open(&machine, id, .bidirectional, .remoteOpen) == "run, more")
      machine.end(id)
      machine.handlerReturned()
    }
    #expect(receive(&machine, header(.data, 199)) == "ignore")
    #expect(receive(&machine, header(.data, 1)) == "refuse invalidArgument protocolViolation")
  }

  @Test func strangeTypes() {
    var machine = machine()
    #expect(receive(&machine, header(.unknown(0x42), 1)) == "ignore")
    #expect(receive(&machine, header(.unknown(0), 2), oversized: true) == "ignore")
    #expect(receive(&machine, header(.response, 1)) == "refuse invalidArgument protocolViolation")
    #expect(open(&machine, 3, .unary, []) == "run")
    #expect(receive(&machine, header(.response, 3)) == "fail 3 invalidArgument")
  }

  @Test func cancelEndsTheCallAndMayComeLate() {
    var machine = machine()
    #expect(open(&machine, 1, .unary, []) == "run")
    #expect(receive(&machine, header(.cancel, 1)) == "fail 1 cancelled")
    #expect(receive(&machine, header(.cancel, 1)) == "ignore")
    #expect(machine.strikes == 0)
  }

  @Test func oversizedFramesFailTheirStreamOnly() {
    var machine = machine()
    let length = FrameLimits.payloadBytesMax + 1
    #expect(
      receive(&machine, header(.request, 1, length: length), oversized: true)
        == "refuse resourceExhausted oversizedFrame")
    #expect(open(&machine, 3, .bidirectional, .remoteOpen) == "run, more")
    #expect(
      receive(&machine, header(.data, 3, length: length), oversized: true) == "fail 3 resourceExhausted")
    #expect(receive(&machine, header(.data, 3)) == "ignore")
  }

  @Test func handlersAreCountedUntilTheyReturn() {
    var machine = machine(callsMax: 2)
    #expect(open(&machine, 1, .unary, []) == "run")
    #expect(open(&machine, 3, .unary, []) == "run")
    #expect(open(&machine, 5, .unary, []) == "refuse resourceExhausted connectionCalls")
    // Cancelling quickly frees nothing while the handlers run on.
    #expect(receive(&machine, header(.cancel, 1)) == "fail 1 cancelled")
    #expect(open(&machine, 5, .unary, []) == "refuse resourceExhausted connectionCalls")
    machine.handlerReturned()
    #expect(open(&machine, 5, .unary, []) == "run")
    #expect(machine.strikes == 0)
  }

  @Test func tooManyStrikesCloseAndGoodCallsForgive() {
    var machine = machine(strikesMax: 2)
    #expect(receive(&machine, header(.request, 2)).hasPrefix("refuse"))
    #expect(receive(&machine, header(.request, 2)).hasPrefix("refuse"))
    #expect(open(&machine, 1, .unary, []) == "run")
    #expect(receive(&machine, header(.request, 2)).hasPrefix("refuse"))
    #expect(receive(&machine, header(.request, 2)) == "close invalidArgument")
  }

  @Test func drainingRefusesNewCallsAndKeepsOldOnes() {
    var machine = machine()
    #expect(open(&machine, 1, .bidirectional, .remoteOpen) == "run, more")
    machine.beginDrain()
    #expect(receive(&machine, header(.request, 3, .remoteOpen)) == "refuse unavailable draining")
    #expect(receive(&machine, header(.data, 3)) == "ignore")
    #expect(receive(&machine, header(.data, 1)) == "deliver 1")
    #expect(!machine.isIdle)
    machine.end(1)
    #expect(machine.isIdle)
  }
}
