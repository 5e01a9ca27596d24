/// Weights, (columns, depth) row-major, laid out as panels the way the header describes, by the plainest of loops.
func panels<T: Numeric>(
  _ weights: [T], depth: Int, columns: Int, panel: Int, unit: Int, group: Int
) -> [T] {
  let deep = (depth + group - 1) / group * group
  var out: [T] = []
  for first in stride(from: 0, to: columns, by: panel) {
    let width = min(panel, (columns - first + unit - 1) / unit * unit)
    for start in stride(from: 0, to: deep, by: group) {
      for column in first..<first + width {
        for k in start..<start + group {
          out.append(column < columns && k < depth ? weights[column * depth + k] : 0)
        }
      }
    }
  }
  return out
}

/// `numbers` and zeros up to a multiple of `unit`.
func padded(_ numbers: [Float], unit: Int) -> [Float] {
  numbers + [Float](repeating: 0, count: (unit - numbers.count % unit) % unit)
}

/// Rows of `count` numbers moved `stride` apart, with `filler` between.
func spread<T>(_ rows: [T], count: Int, stride: Int, filler: T, lead: Int) -> [T] {
  guard count > 0 else { return [] }
  var out: [T] = []
  for start in Swift.stride(from: 0, to: rows.count, by: count) {
    out += rows[start..<start + count]
    out += [T](repeating: filler, count: stride - count)
  }
  return out + [T](repeating: filler, count: lead)
}
