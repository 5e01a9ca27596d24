package import LociProto

/// Patterns in how steps follow each other, each with the steps that prove it.
package struct TracePatterns {
  private let table: StepTable
  private let children: StepChildren
  private var found: [V1.TracePattern] = []

  /// Most patterns of one kind that are told, and most steps named by one.
  static let perKind = 50
  static let stepsNamed = 100

  package static func find(in table: StepTable) -> [V1.TracePattern] {
    var search = TracePatterns(table: table, children: table.children())
    search.run()
    return search.found
  }

  private init(table: StepTable, children: StepChildren) {
    self.table = table
    self.children = children
  }

  private mutating func run() {
    for parent in 0...table.count {
      let siblings = children[parent].map { Int($0) }
      guard siblings.count > 1 else { continue }
      findOverlap(siblings)
      findRetries(siblings, ofTalk: true)
      findFallbacks(siblings)
      findLoops(siblings.filter { table.isTalk($0) })
    }
    findAmongActs()
    findRecursion()
  }

  /// What an agent does, without what it says in between: the tool that failed and the same tool again have a call of a
  /// model between them, or above each of them.
  private mutating func findAmongActs() {
    let acts = (0..<table.count).filter { !table.isTalk($0) }
    let owners = acts.map { act -> Int32 in
      var parent = table.parents[act]
      var steps = 0
      while parent >= 0, table.isTalk(Int(parent)), steps < 64 {
        parent = table.parents[Int(parent)]
        steps += 1
      }
      return parent
    }
    let groups = StepChildren(owners, roots: table.count)
    for owner in 0...table.count {
      let group = groups[owner].map { acts[Int($0)] }
      guard group.count > 1 else { continue }
      findRetries(group, ofTalk: false)
      findLoops(group)
    }
  }

  private mutating func add(_ kind: V1.TracePatternKind, _ places: [Int], _ detail: String) {
    guard places.count > 1, found.count(where: { $0.kind == kind }) < Self.perKind else { return }
    found.append(
      V1.TracePattern(
        kind: kind, steps: places.prefix(Self.stepsNamed).map { table.numbers[$0] },
        count: UInt32(places.count), detail: detail))
  }

  /// Siblings whose times overlap run in parallel; a group ends where none is running. What is left is a sequence.
  private mutating func findOverlap(_ siblings: [Int]) {
    var group: [Int] = []
    var end = Int64.min
    var sequence: [Int] = []
    func close(_ group: [Int]) {
      if group.count > 1 {
        add(
          .parallel, group,
          "\(group.count) steps overlap, at most \(Self.width(group.map { (table.starts[$0], table.ends[$0]) })) at once"
        )
      } else {
        sequence += group
      }
    }
    for place in siblings {
      if table.starts[place] >= end {
        close(group)
        group = []
      }
      group.append(place)
      end = max(end, table.ends[place] < 0 ? table.starts[place] : table.ends[place])
    }
    close(group)
    if sequence.count > 1 { add(.sequential, sequence, "\(sequence.count) steps one after the other") }
  }

  /// Most intervals that are open at one moment.
  static func width(_ intervals: [(start: Int64, end: Int64)]) -> Int {
    var edges: [(at: Int64, change: Int)] = []
    for interval in intervals where interval.end > interval.start {
      edges.append((interval.start, 1))
      edges.append((interval.end, -1))
    }
    var (open, most) = (0, 0)
    for edge in edges.sorted(by: { ($0.at, $0.change) < ($1.at, $1.change) }) {
      open += edge.change
      most = max(most, open)
    }
    return max(1, most)
  }

  /// After a failure the same step again.
  private mutating func findRetries(_ siblings: [Int], ofTalk isTalk: Bool) {
    var at = 0
    while at < siblings.count - 1 {
      guard table.failed[siblings[at]], table.isTalk(siblings[at]) == isTalk else {
        at += 1
        continue
      }
      var run = [siblings[at]]
      while at + 1 < siblings.count, table.failed[run[run.count - 1]],
        isSame(siblings[at], siblings[at + 1])
      {
        at += 1
        run.append(siblings[at])
      }
      if run.count > 1 {
        let ended = table.failed[run[run.count - 1]] ? "and failed still" : "and then it went well"
        add(.retry, run, "\(run.count - 1) more attempts at '\(table.name(run[0]))'\(backOff(run)), \(ended)")
      }
      at += 1
    }
  }

  /// After a failure another step of the same kind, at once, that ends well.
  private mutating func findFallbacks(_ siblings: [Int]) {
    for (failure, next) in zip(siblings, siblings.dropFirst()) {
      guard table.failed[failure], !table.failed[next], table.kinds[next] == table.kinds[failure],
        !isSame(failure, next)
      else { continue }
      add(.fallback, [failure, next], "'\(table.name(next))' after '\(table.name(failure))' had failed")
    }
  }

  private func isSame(_ a: Int, _ b: Int) -> Bool {
    table.kinds[a] == table.kinds[b] && table.names[a] == table.names[b]
  }

  /// Whether the pauses between attempts grow by half or more each time.
  private func backOff(_ run: [Int]) -> String {
    let pauses = zip(run, run.dropFirst()).map { table.starts[$1] - max(table.starts[$0], table.ends[$0]) }
    guard pauses.count > 1, pauses[0] > 0 else { return "" }
    let grows = zip(pauses, pauses.dropFirst()).allSatisfy { 2 * $1 >= 3 * $0 }
    return grows ? ", each after a longer pause" : ""
  }

  /// The same step with the same input and the same output: nothing was gained by it.
  private mutating func findLoops(_ siblings: [Int]) {
    struct State: Hashable {
      let kind: UInt8
      let name: Int32
      let input: UInt64
      let output: UInt64
    }
    var seen: [State: [Int]] = [:]
    for place in siblings where table.ends[place] >= 0 {
      let state = State(
        kind: table.kinds[place], name: table.names[place], input: table.inputs[place],
        output: table.outputs[place])
      seen[state, default: []].append(place)
    }
    for places in seen.values.filter({ $0.count > 2 }).sorted(by: { $0[0] < $1[0] }) {
      add(
        .loop, places,
        "'\(table.name(places[0]))' \(places.count) times with the same input and the same outcome")
    }
  }

  /// A step below one of its own kind and name, whose input differs: a chain of at least two.
  private mutating func findRecursion() {
    var links: [Int: Int] = [:]
    for place in 0..<table.count {
      var ancestor = Int(table.parents[place])
      var steps = 0
      while ancestor >= 0, steps < 64 {
        if isSame(ancestor, place) {
          links[place] = ancestor
          break
        }
        ancestor = Int(table.parents[ancestor])
        steps += 1
      }
      if links.count > 100_000 { break }
    }
    let inner = Set(links.values)
    for leaf in links.keys.filter({ !inner.contains($0) }).sorted().prefix(Self.perKind) {
      var chain = [leaf]
      while let up = links[chain[chain.count - 1]] { chain.append(up) }
      add(.recursive, chain.reversed(), "'\(table.name(leaf))' inside itself, \(chain.count) deep")
    }
  }
}

extension StepTable {
  /// Whether it says or decides something, rather than doing it.
  func isTalk(_ place: Int) -> Bool {
    switch V1.StepKind(rawValue: Int32(kinds[place])) {
    case .llm, .plan, .decision, .message, .human: true
    default: false
    }
  }

  /// Steps that chose between ways: decisions, and steps with children of different kinds or names.
  package func decisionPoints(max: Int = 1_000) -> [UInt32] {
    let children = children()
    var points: [UInt32] = []
    for place in 0..<count where points.count < max {
      let below = children[place]
      let isDecision = kinds[place] == UInt8(V1.StepKind.decision.rawValue)
      let branches = below.first.map { first in
        below.contains { names[Int($0)] != names[Int(first)] || kinds[Int($0)] != kinds[Int(first)] }
      }
      if isDecision || branches == true { points.append(numbers[place]) }
    }
    return points
  }
}
