import Foundation
package import GRDB
import LociCore
package import LociProto

/// All steps of a trace without their texts, in the order in which they began (then of arrival). A step's place in it
/// is one less than its "place" in the contract.
package struct StepTable: Sendable {
  package private(set) var numbers: [UInt32] = []
  package private(set) var starts: [Int64] = []
  /// -1: not ended.
  package private(set) var ends: [Int64] = []
  package private(set) var kinds: [UInt8] = []
  package private(set) var failed: [Bool] = []
  /// Places in `dictionary`.
  package private(set) var names: [Int32] = []
  package private(set) var actors: [Int32] = []
  package private(set) var inputs: [UInt64] = []
  package private(set) var outputs: [UInt64] = []
  package private(set) var tokens: [Int64] = []
  package private(set) var costs: [Int64] = []
  package private(set) var dictionary: [String] = []
  /// Place of the parent; -1: a root, or the parent is not there.
  package private(set) var parents: [Int32] = []
  private var spans: [UInt64] = []
  private var parentSpans: [UInt64] = []
  private var entries: [String: Int32] = [:]

  package var count: Int { numbers.count }

  package init() {}

  package init(_ steps: [V1.Step]) {
    for step in steps { append(step) }
    order()
  }

  /// Reads a whole trace.
  package init(_ stored: TraceQueries.Stored, in db: Database) throws {
    var completed: [UInt32: V1.Step] = [:]
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT number, step FROM trace_completed WHERE trace = ?"),
      arguments: [stored.row])
    while let row = try rows.next() {
      let number = UInt32(row[0] as Int64)
      completed[number] = try V1.Step(decoding: [UInt8](row[1] as Data))
      completed[number]?.number = number
    }
    try TraceQueries.forEachBlock(of: stored.row, in: db) { block in
      append(block, completed)
      return true
    }
    order()
  }

  private mutating func entry(_ text: String) -> Int32 {
    if let entry = entries[text] { return entry }
    let entry = Int32(dictionary.count)
    dictionary.append(text)
    entries[text] = entry
    return entry
  }

  private mutating func append(_ block: StepColumns, _ completed: [UInt32: V1.Step]) {
    let hashes = block.textHashes()
    let translation = block.dictionary.map { entry($0) }
    for index in 0..<block.count {
      let number = block.first + UInt32(index)
      if !completed.isEmpty, let step = completed[number] {
        append(step)
        continue
      }
      numbers.append(number)
      starts.append(block.starts[index])
      ends.append(block.durations[index] < 0 ? -1 : block.starts[index] + block.durations[index])
      kinds.append(block.kinds[index])
      failed.append(block.statuses[index] == UInt8(V1.StepStatus.error.rawValue))
      names.append(translation[Int(block.names[index])])
      actors.append(translation[Int(block.actors[index])])
      inputs.append(hashes.inputs[index])
      outputs.append(hashes.outputs[index])
      tokens.append(Int64(block.inputTokens[index]) + Int64(block.outputTokens[index]))
      costs.append(block.costs[index])
      spans.append(block.spans[index])
      parentSpans.append(block.parents[index])
    }
  }

  private mutating func append(_ step: V1.Step) {
    var one = StepColumns(first: step.number)
    one.append(step, span: SpanKey.parse(step.spanID) ?? 0, parent: SpanKey.parse(step.parentSpanID) ?? 0)
    append(one, [:])
  }

  /// Sorts by start and number, and finds each step's parent.
  private mutating func order() {
    let isOrdered = (1..<max(1, count)).allSatisfy {
      (starts[$0 - 1], numbers[$0 - 1]) <= (starts[$0], numbers[$0])
    }
    if !isOrdered {
      let places = (0..<count).sorted { (starts[$0], numbers[$0]) < (starts[$1], numbers[$1]) }
      func sorted<T>(_ column: [T]) -> [T] { places.map { column[$0] } }
      numbers = sorted(numbers)
      starts = sorted(starts)
      ends = sorted(ends)
      kinds = sorted(kinds)
      failed = sorted(failed)
      names = sorted(names)
      actors = sorted(actors)
      inputs = sorted(inputs)
      outputs = sorted(outputs)
      tokens = sorted(tokens)
      costs = sorted(costs)
      spans = sorted(spans)
      parentSpans = sorted(parentSpans)
    }
    var map = SpanMap()
    for (place, span) in spans.enumerated() { map.insert(span, UInt32(place)) }
    parents = parentSpans.map { span in span == 0 ? -1 : map[span].map { Int32($0) } ?? -1 }
    breakCycles()
  }

  /// A step that is its own ancestor, which only wrong ids can make, becomes a root.
  private mutating func breakCycles() {
    var state = [UInt8](repeating: 0, count: count)
    var path: [Int] = []
    for start in 0..<count where state[start] == 0 {
      var at = start
      while at >= 0, state[at] == 0 {
        state[at] = 1
        path.append(at)
        at = Int(parents[at])
      }
      if at >= 0, state[at] == 1, let last = path.last { parents[last] = -1 }
      for place in path { state[place] = 2 }
      path.removeAll(keepingCapacity: true)
    }
  }

  package func name(_ place: Int) -> String { dictionary[Int(names[place])] }
  package func actor(_ place: Int) -> String { dictionary[Int(actors[place])] }
  /// 0 while it has not ended.
  package func duration(_ place: Int) -> Int64 { ends[place] < 0 ? 0 : ends[place] - starts[place] }

  /// Steps from the root to each step, the root not counted.
  package func depths() -> [Int32] {
    var depths = [Int32](repeating: -1, count: count)
    var path: [Int] = []
    for start in 0..<count where depths[start] < 0 {
      var at = start
      while at >= 0, depths[at] < 0 {
        path.append(at)
        at = Int(parents[at])
      }
      var depth = at < 0 ? -1 : depths[at]
      for place in path.reversed() {
        depth += 1
        depths[place] = depth
      }
      path.removeAll(keepingCapacity: true)
    }
    return depths
  }

  /// Children by parent, in order of their starts. The roots come last, under `count`.
  package func children() -> StepChildren { StepChildren(parents, roots: count) }
}

/// Children of all steps in one flat list.
package struct StepChildren: Sendable {
  private var starts: [Int]
  private var places: [Int32]

  init(_ parents: [Int32], roots: Int) {
    starts = Array(repeating: 0, count: roots + 2)
    for parent in parents { starts[(parent < 0 ? roots : Int(parent)) + 1] += 1 }
    for index in 1..<starts.count { starts[index] += starts[index - 1] }
    places = Array(repeating: 0, count: parents.count)
    var next = starts
    for (place, parent) in parents.enumerated() {
      let key = parent < 0 ? roots : Int(parent)
      places[next[key]] = Int32(place)
      next[key] += 1
    }
  }

  package subscript(parent: Int) -> ArraySlice<Int32> { places[starts[parent]..<starts[parent + 1]] }
}
