package import GRDB
package import LociCore
package import LociProto

/// Moves over a recorded trace. All that it knows is in the request, so it survives any connection.
package struct TraceDebugger: Sendable {
  static let conditionsMax = 32

  private let request: V1.DebugTraceRequest
  private let breakpoints: [Condition<StepSubject>]
  private let watches: [Condition<StepSubject>]

  package init(_ request: V1.DebugTraceRequest) throws(LociError) {
    self.request = request
    guard (1...V1.DebugCommand.goto.rawValue).contains(request.command.rawValue) else {
      throw .invalid(field: "command", problem: "is not a command")
    }
    func conditions(_ texts: [String], _ field: String) throws(LociError) -> [Condition<StepSubject>] {
      guard texts.count <= Self.conditionsMax else {
        throw .invalid(field: field, problem: "has \(texts.count) items, at most \(Self.conditionsMax)")
      }
      var conditions: [Condition<StepSubject>] = []
      for text in texts { conditions.append(try Condition<StepSubject>(text, field: field)) }
      return conditions
    }
    breakpoints = try conditions(request.breakpoints, "breakpoints")
    watches = try conditions(request.watches, "watches")
  }

  package func run(in order: TraceOrder, db: Database) throws -> V1.DebugTraceResponse {
    guard Int(request.place) <= order.count else {
      throw LociError.invalid(field: "place", problem: "is \(request.place), the trace has \(order.count)")
    }
    let depths = order.table.depths()
    let walk = DebugWalk(
      order: order, reader: order.reader(in: db), depths: depths, breakpoints: breakpoints)
    let (place, breakpoint) = try walk.move(request)
    var answer = V1.DebugTraceResponse(place: UInt32(place), places: UInt32(order.count))
    answer.ended = place == order.count
    answer.breakpoint = UInt32(breakpoint.map { $0 + 1 } ?? 0)
    guard place > 0 else { return answer }
    let step = try walk.reader.step(place)
    let state = try walk.state(at: place)
    answer.step = step
    answer.depth = UInt32(depths[place - 1])
    answer.state = state.all
    let subject = StepSubject(
      step: step, place: place, depth: Int(depths[place - 1]), variables: state)
    answer.watches = watches.map { $0.text(subject) }
    return answer
  }
}

/// Where a command leads.
private struct DebugWalk {
  let order: TraceOrder
  let reader: StepReader
  let depths: [Int32]
  let breakpoints: [Condition<StepSubject>]

  func move(_ request: V1.DebugTraceRequest) throws -> (place: Int, breakpoint: Int?) {
    let at = Int(request.place)
    let last = order.count
    switch request.command {
    case .step: return (min(at + 1, last), nil)
    case .back: return (max(at - 1, 0), nil)
    case .over: return (following(at) { $0 <= (at == 0 ? 0 : depths[at - 1]) }, nil)
    case .out: return (following(at) { $0 < (at == 0 ? 0 : depths[at - 1]) }, nil)
    case .continue: return try search(forwardFrom: at + 1)
    case .reverse: return try search(backwardFrom: at - 1)
    default:
      guard Int(request.targetPlace) <= last else {
        throw LociError.invalid(
          field: "target_place", problem: "is \(request.targetPlace), the trace has \(last)")
      }
      return (Int(request.targetPlace), nil)
    }
  }

  /// The next place whose depth is as asked, or the end.
  private func following(_ at: Int, _ isWanted: (Int32) -> Bool) -> Int {
    var place = at + 1
    while place < order.count, !isWanted(depths[place - 1]) { place += 1 }
    return min(place, order.count)
  }

  private func search(forwardFrom start: Int) throws -> (Int, Int?) {
    guard start <= order.count, !breakpoints.isEmpty else { return (order.count, nil) }
    var state = try state(at: start - 1)
    for place in start...order.count {
      let step = try reader.step(place)
      state.apply(step.state)
      if let breakpoint = hit(step, place, state) { return (place, breakpoint) }
    }
    return (order.count, nil)
  }

  /// The state is replayed from the start: what a step removed cannot be had backwards.
  private func search(backwardFrom start: Int) throws -> (Int, Int?) {
    guard start >= 1, !breakpoints.isEmpty else { return (0, nil) }
    var found: (Int, Int?) = (0, nil)
    var state = StateVariables()
    for place in 1...start {
      let step = try reader.step(place)
      state.apply(step.state)
      if let breakpoint = hit(step, place, state) { found = (place, breakpoint) }
    }
    return found
  }

  private func hit(_ step: V1.Step, _ place: Int, _ state: StateVariables) -> Int? {
    let subject = StepSubject(
      step: step, place: place, depth: Int(depths[place - 1]), variables: state)
    return breakpoints.firstIndex { $0.holds(subject) }
  }

  func state(at place: Int) throws -> StateVariables {
    var state = StateVariables()
    guard place > 0 else { return state }
    for each in 1...place { state.apply(try reader.step(each).state) }
    return state
  }
}
