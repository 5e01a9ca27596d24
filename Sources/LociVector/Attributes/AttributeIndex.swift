/// The inverted attributes of a segment, read in place. See ``AttributeIndexWriter`` for the layout.
struct AttributeIndex: Sendable {
  fileprivate struct Column: Sendable {
    var values = Values.integers(nil)
    var starts: MappedArray<UInt32>
    var rows: MappedArray<UInt32>
  }

  fileprivate enum Values: Sendable {
    case texts(offsets: MappedArray<UInt32>, bytes: MappedBytes)
    case integers(MappedArray<Int64>?)
    case numbers(MappedArray<Double>)
  }

  private struct Name: Hashable {
    let key: TextKey
    let kind: AttributeKind
  }

  private static let keyBytesMax = 128

  private let rowCount: Int
  private var columns: [Name: Column] = [:]

  /// Checks every offset and every row number: nothing later can reach beyond the segment. O(bytes).
  init(_ bytes: MappedBytes, rowCount: Int) throws(SegmentError) {
    self.rowCount = rowCount
    var reader = ByteReader(bytes)
    guard reader.remaining > 0 else { return }
    for _ in 0..<(try reader.read(UInt32.self)) {
      let key = try reader.readText(bytesMax: Self.keyBytesMax)
      guard let kind = AttributeKind(rawValue: try reader.read(UInt8.self)) else {
        throw .malformed("an attribute of unknown kind")
      }
      let (values, pairs) = (Int(try reader.read(UInt32.self)), Int(try reader.read(UInt32.self)))
      guard pairs <= reader.remaining, values <= pairs else { throw .malformed("a column beyond the end") }
      try reader.skip(to: 8)
      let content = try Self.values(kind, values, bytes, &reader)
      try reader.skip(to: 4)
      let starts: MappedArray<UInt32> = try Self.take(values + 1, bytes, &reader)
      let rows: MappedArray<UInt32> = try Self.take(pairs, bytes, &reader)
      try Self.check(starts, end: pairs)
      for index in 0..<pairs where Int(rows[index]) >= rowCount {
        throw .malformed("an attribute of a row beyond the end")
      }
      columns[Name(key: TextKey(key), kind: kind)] = Column(values: content, starts: starts, rows: rows)
    }
  }

  private static func values(
    _ kind: AttributeKind, _ count: Int, _ bytes: MappedBytes, _ reader: inout ByteReader
  ) throws(SegmentError) -> Values {
    switch kind {
    case .text:
      let offsets: MappedArray<UInt32> = try take(count + 1, bytes, &reader)
      let size = Int(offsets[count])
      guard size <= reader.remaining else { throw .malformed("texts beyond the end") }
      try check(offsets, end: size)
      let texts = bytes[reader.offset..<(reader.offset + size)]
      try reader.advance(size)
      return .texts(offsets: offsets, bytes: texts)
    case .integer, .flag: return .integers(try take(count, bytes, &reader))
    case .number: return .numbers(try take(count, bytes, &reader))
    }
  }

  private static func take<T: BitwiseCopyable>(
    _ count: Int, _ bytes: MappedBytes, _ reader: inout ByteReader
  ) throws(SegmentError) -> MappedArray<T> {
    let size = count * MemoryLayout<T>.stride
    guard size <= reader.remaining else { throw .malformed("a column beyond the end") }
    let array = try MappedArray<T>(bytes[reader.offset..<(reader.offset + size)])
    try reader.advance(size)
    return array
  }

  private static func check(_ starts: MappedArray<UInt32>, end: Int) throws(SegmentError) {
    var last: UInt32 = 0
    for index in 0..<starts.count {
      guard starts[index] >= last else { throw .malformed("offsets that do not rise") }
      last = starts[index]
    }
    guard starts[0] == 0, Int(last) == end else { throw .malformed("offsets that miss the end") }
  }

  // MARK: Looking up

  /// Adds the rows whose text is `text`.
  func insert(key: String, text: String, into bitmap: inout RowBitmap) {
    guard let column = columns[Name(key: TextKey(key), kind: .text)],
      case .texts(let offsets, let bytes) = column.values
    else { return }
    let wanted = Array(text.utf8)
    var (low, high) = (0, offsets.count - 1)
    while low < high {
      let middle = (low + high) / 2
      let range = Int(offsets[middle])..<Int(offsets[middle + 1])
      let value: [UInt8] = bytes.array(at: range.lowerBound, count: range.count)
      if value.lexicographicallyPrecedes(wanted) {
        low = middle + 1
      } else if value == wanted {
        return column.insert(middle..<(middle + 1), into: &bitmap)
      } else {
        high = middle
      }
    }
  }

  /// Adds the rows whose integer, or flag as 0 or 1, lies in `from ..< until`.
  func insert(key: String, _ kind: AttributeKind, from: Int64?, until: Int64?, into bitmap: inout RowBitmap) {
    guard let column = columns[Name(key: TextKey(key), kind: kind)],
      case .integers(let values?) = column.values
    else { return }
    let low = from.map { from in values.partition { $0 < from } } ?? 0
    let high = until.map { until in values.partition { $0 < until } } ?? values.count
    if low < high { column.insert(low..<high, into: &bitmap) }
  }

  func insert(
    key: String, equal integer: Int64, _ kind: AttributeKind = .integer, into bitmap: inout RowBitmap
  ) {
    guard let column = columns[Name(key: TextKey(key), kind: kind)],
      case .integers(let values?) = column.values
    else { return }
    let place = values.partition { $0 < integer }
    if place < values.count, values[place] == integer { column.insert(place..<(place + 1), into: &bitmap) }
  }

  /// Adds the rows whose number or integer lies in `from ..< until`.
  func insert(key: String, from: Double?, until: Double?, into bitmap: inout RowBitmap) {
    if let column = columns[Name(key: TextKey(key), kind: .number)], case .numbers(let values) = column.values
    {
      let low = from.map { from in values.partition { $0 < from } } ?? 0
      let high = until.map { until in values.partition { $0 < until } } ?? values.count
      if low < high { column.insert(low..<high, into: &bitmap) }
    }
    if let column = columns[Name(key: TextKey(key), kind: .integer)],
      case .integers(let values?) = column.values
    {
      // Conversion to Double keeps the order.
      let low = from.map { from in values.partition { Double($0) < from } } ?? 0
      let high = until.map { until in values.partition { Double($0) < until } } ?? values.count
      if low < high { column.insert(low..<high, into: &bitmap) }
    }
  }

  /// Adds the rows that have the attribute.
  func insert(key: String, into bitmap: inout RowBitmap) {
    for kind in AttributeKind.allCases {
      guard let column = columns[Name(key: TextKey(key), kind: kind)] else { continue }
      column.insert(0..<(column.starts.count - 1), into: &bitmap)
    }
  }
}

extension AttributeIndex {
  /// Calls `body` with each key and value, a member of a list of texts as a text, and the rows that have it.
  func forEachValue(_ body: (String, AttributeValue, [UInt32]) -> Void) {
    for (name, column) in columns {
      for index in 0..<(column.starts.count - 1) {
        let rows = column.rows.array(Int(column.starts[index])..<Int(column.starts[index + 1]))
        let value: AttributeValue
        switch (column.values, name.kind) {
        case (.texts(let offsets, let bytes), _):
          value = .text(bytes.text(Int(offsets[index])..<Int(offsets[index + 1])) ?? "")
        case (.integers(let values?), .flag): value = .flag(values[index] != 0)
        case (.integers(let values?), _): value = .integer(values[index])
        case (.integers(nil), _): continue
        case (.numbers(let values), _): value = .number(values[index])
        }
        body(name.key.text, value, rows)
      }
    }
  }
}

extension AttributeIndex.Column {
  fileprivate func insert(_ values: Range<Int>, into bitmap: inout RowBitmap) {
    for index in Int(starts[values.lowerBound])..<Int(starts[values.upperBound]) {
      bitmap.insert(Int(rows[index]))
    }
  }
}
