package import LociProto

/// Aligns two traces and tells what differs.
///
/// Steps are compared by kind, name, depth, actor, input, output and outcome. Equal beginnings and ends are matched
/// first; what lies between is aligned by Myers' greedy diff (1986) over kind and name, and paired steps are compared
/// field by field.
package enum TraceComparison {
  /// Edits that the alignment looks for before it takes the rest as replaced: it costs the square of them.
  static let editsMax = 1_000
  static let differencesMax = 10_000

  package static func compare(_ a: StepTable, _ b: StepTable) -> V1.CompareTracesResponse {
    let labelsA = labels(a)
    let labelsB = labels(b)
    var answer = V1.CompareTracesResponse()
    for pair in align(labelsA, labelsB) {
      let difference = compare(pair.0, pair.1, a, b)
      if difference.kind == .same {
        answer.sameSteps += 1
        continue
      }
      if answer.firstDivergence == nil { answer.firstDivergence = difference }
      if answer.differences.count < differencesMax { answer.differences.append(difference) }
    }
    answer.durationDeltaUs = span(b) - span(a)
    answer.costDeltaNanoUsd = b.costs.reduce(0, +) - a.costs.reduce(0, +)
    return answer
  }

  private static func span(_ table: StepTable) -> Int64 {
    guard let first = table.starts.first else { return 0 }
    return max(0, (table.ends.max() ?? first) - first)
  }

  private struct Label: Hashable {
    let kind: UInt8
    let name: String
    let depth: Int32
  }

  private static func labels(_ table: StepTable) -> [Label] {
    let depths = table.depths()
    return (0..<table.count).map { Label(kind: table.kinds[$0], name: table.name($0), depth: depths[$0]) }
  }

  private static func compare(_ x: Int?, _ y: Int?, _ a: StepTable, _ b: StepTable) -> V1.StepDifference {
    var difference = V1.StepDifference()
    difference.step = x.map { a.numbers[$0] } ?? 0
    difference.otherStep = y.map { b.numbers[$0] } ?? 0
    guard let x, let y else {
      difference.kind = x == nil ? .onlyOther : .onlyFirst
      return difference
    }
    if a.kinds[x] != b.kinds[y] { difference.fields.append("kind") }
    if a.name(x) != b.name(y) { difference.fields.append("name") }
    if a.actor(x) != b.actor(y) { difference.fields.append("actor") }
    if a.inputs[x] != b.inputs[y] { difference.fields.append("input") }
    if a.outputs[x] != b.outputs[y] { difference.fields.append("output") }
    if a.failed[x] != b.failed[y] { difference.fields.append("status") }
    difference.kind = difference.fields.isEmpty ? .same : .changed
    difference.durationDeltaUs = b.duration(y) - a.duration(x)
    difference.costDeltaNanoUsd = b.costs[y] - a.costs[x]
    difference.tokensDelta = b.tokens[y] - a.tokens[x]
    return difference
  }

  /// Pairs of places; one of the two is absent where only one trace has the step.
  private static func align(_ a: [Label], _ b: [Label]) -> [(Int?, Int?)] {
    var head = 0
    while head < a.count, head < b.count, a[head] == b[head] { head += 1 }
    var tail = 0
    while tail < a.count - head, tail < b.count - head, a[a.count - 1 - tail] == b[b.count - 1 - tail] {
      tail += 1
    }
    let middle = diff(Array(a[head..<a.count - tail]), Array(b[head..<b.count - tail]))
    let shifted = middle.map { pair in (pair.0.map { $0 + head }, pair.1.map { $0 + head }) }
    let end = (0..<tail).map { (Optional(a.count - tail + $0), Optional(b.count - tail + $0)) }
    return (0..<head).map { (Optional($0), Optional($0)) } + shifted + end
  }

  private static func diff(_ a: [Label], _ b: [Label]) -> [(Int?, Int?)] {
    let limit = min(a.count + b.count, editsMax)
    var furthest = [Int](repeating: 0, count: 2 * limit + 3)
    var history: [[Int]] = []
    let middle = limit + 1
    for edits in 0...limit {
      history.append(furthest)
      for diagonal in stride(from: -edits, through: edits, by: 2) {
        let down =
          diagonal == -edits
          || (diagonal != edits && furthest[middle + diagonal - 1] < furthest[middle + diagonal + 1])
        var x = down ? furthest[middle + diagonal + 1] : furthest[middle + diagonal - 1] + 1
        var y = x - diagonal
        while x < a.count, y < b.count, a[x] == b[y] {
          x += 1
          y += 1
        }
        furthest[middle + diagonal] = x
        if x >= a.count, y >= b.count { return trace(history, edits, middle, a.count, b.count) }
      }
    }
    return a.indices.map { ($0, nil) } + b.indices.map { (nil, $0) }
  }

  private static func trace(
    _ history: [[Int]], _ edits: Int, _ middle: Int, _ endX: Int, _ endY: Int
  ) -> [(Int?, Int?)] {
    var pairs: [(Int?, Int?)] = []
    var (x, y) = (endX, endY)
    func matched(downTo fromX: Int, _ fromY: Int) {
      while x > fromX, y > fromY {
        (x, y) = (x - 1, y - 1)
        pairs.append((x, y))
      }
    }
    for step in stride(from: edits, to: 0, by: -1) {
      let furthest = history[step]
      let diagonal = x - y
      let down =
        diagonal == -step
        || (diagonal != step && furthest[middle + diagonal - 1] < furthest[middle + diagonal + 1])
      let previous = down ? diagonal + 1 : diagonal - 1
      let fromX = furthest[middle + previous]
      matched(downTo: fromX, fromX - previous)
      pairs.append(down ? (nil, y - 1) : (x - 1, nil))
      (x, y) = (fromX, fromX - previous)
    }
    matched(downTo: 0, 0)
    return pairs.reversed()
  }
}
