/// A set of rows 0 ..< count, a bit each. Bits beyond the end are zero.
package struct RowBitmap: Sendable, Equatable {
  let count: Int
  private(set) var words: [UInt64]

  init(count: Int, filled: Bool = false) {
    self.count = count
    words = [UInt64](repeating: filled ? .max : 0, count: (count + 63) / 64)
    if filled { clearBeyondEnd() }
  }

  /// - Throws: `malformed` when there are too few or too many words, or bits beyond the end.
  init(count: Int, words: [UInt64]) throws(SegmentError) {
    guard words.count == (count + 63) / 64 else { throw .malformed("a bitmap of another size") }
    self.count = count
    self.words = words
    clearBeyondEnd()
    guard self.words == words else { throw .malformed("a bitmap goes beyond its end") }
  }

  private mutating func clearBeyondEnd() {
    if count % 64 > 0 { words[words.count - 1] &= (1 << UInt64(count % 64)) - 1 }
  }

  subscript(row: Int) -> Bool {
    precondition(row >= 0 && row < count)
    return words[row >> 6] >> UInt64(row & 63) & 1 == 1
  }

  /// Whether the row was not in the set before.
  @discardableResult
  mutating func insert(_ row: Int) -> Bool {
    precondition(row >= 0 && row < count)
    let bit = UInt64(1) << UInt64(row & 63)
    defer { words[row >> 6] |= bit }
    return words[row >> 6] & bit == 0
  }

  /// Whether the row was in the set.
  @discardableResult
  mutating func remove(_ row: Int) -> Bool {
    precondition(row >= 0 && row < count)
    let bit = UInt64(1) << UInt64(row & 63)
    defer { words[row >> 6] &= ~bit }
    return words[row >> 6] & bit != 0
  }

  mutating func formUnion(_ other: RowBitmap) {
    precondition(count == other.count)
    for index in words.indices { words[index] |= other.words[index] }
  }

  mutating func formIntersection(_ other: RowBitmap) {
    precondition(count == other.count)
    for index in words.indices { words[index] &= other.words[index] }
  }

  mutating func invert() {
    for index in words.indices { words[index] = ~words[index] }
    clearBeyondEnd()
  }

  var cardinality: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

  /// Whether none of `range`, which begins at a multiple of 64, is in the set.
  func isEmpty(_ range: Range<Int>) -> Bool {
    words[(range.lowerBound / 64)..<((range.upperBound + 63) / 64)].allSatisfy { $0 == 0 }
  }

  /// Calls `body` with each row, ascending.
  func forEach(_ body: (Int) throws -> Void) rethrows {
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        try body((index << 6) + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
  }

  var rows: [Int] {
    var rows: [Int] = []
    rows.reserveCapacity(cardinality)
    forEach { rows.append($0) }
    return rows
  }
}
