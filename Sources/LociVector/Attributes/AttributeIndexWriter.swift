/// Builds the inverted attributes of a segment: for each key and kind of value, the distinct values in rising order,
/// and the rows that have each.
///
///     u32      columns
///     for each column, by key, then kind:
///       text   key
///       u8     kind: 1 text, 2 integer, 3 number, 4 flag
///       u32    distinct values v
///       u32    pairs p of value and row
///       …      padding to 8 bytes
///       values: Int64[v] (integer; flag as 0 and 1), Float64[v] (number), or for text u32[v + 1] offsets, then bytes
///       …      padding to 4 bytes
///       u32[v + 1]  where each value's rows begin
///       u32[p]      rows, ascending for each value
///
/// A list of texts has a pair for each different member.
struct AttributeIndexWriter {
  fileprivate struct Column {
    var texts: [TextKey: [UInt32]] = [:]
    var integers: [Int64: [UInt32]] = [:]
    var numbers: [Double: [UInt32]] = [:]
    var flags: [Bool: [UInt32]] = [:]
  }

  fileprivate var columns: [TextKey: Column] = [:]

  /// Call with rising rows.
  mutating func add(_ attributes: [PointAttribute], row: Int) {
    let row = UInt32(row)
    for attribute in attributes {
      let key = TextKey(attribute.key)
      switch attribute.value {
      case .text(let text): columns[key, default: Column()].texts[TextKey(text), default: []].append(row)
      case .texts(let texts):
        columns[key, default: Column()].texts.addEach(Set(texts.map { TextKey($0) }), row)
      case .integer(let value): columns[key, default: Column()].integers[value, default: []].append(row)
      case .number(let value):
        // One zero: as ordered, not as bits.
        columns[key, default: Column()].numbers[value == 0 ? 0 : value, default: []].append(row)
      case .flag(let value): columns[key, default: Column()].flags[value, default: []].append(row)
      }
    }
  }

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    let sorted = columns.sorted { $0.key < $1.key }
    writer.append(
      UInt32(
        sorted.reduce(0) { count, entry in
          count + AttributeKind.allCases.count { entry.value.has($0) }
        }))
    for (key, column) in sorted {
      if !column.texts.isEmpty {
        let values = column.texts.sorted { $0.key < $1.key }
        Self.begin(key, .text, values.map(\.value), &writer)
        var offset: UInt32 = 0
        var starts: [UInt32] = [0]
        for value in values {
          offset += UInt32(value.key.text.utf8.count)
          starts.append(offset)
        }
        writer.append(elements: starts)
        for value in values { writer.append(Array(value.key.text.utf8)) }
        Self.finish(values.map(\.value), &writer)
      }
      if !column.integers.isEmpty {
        let values = column.integers.sorted { $0.key < $1.key }
        Self.begin(key, .integer, values.map(\.value), &writer)
        writer.append(elements: values.map(\.key))
        Self.finish(values.map(\.value), &writer)
      }
      if !column.numbers.isEmpty {
        let values = column.numbers.sorted { $0.key < $1.key }
        Self.begin(key, .number, values.map(\.value), &writer)
        writer.append(elements: values.map(\.key))
        Self.finish(values.map(\.value), &writer)
      }
      if !column.flags.isEmpty {
        let values = column.flags.sorted { !$0.key && $1.key }
        Self.begin(key, .flag, values.map(\.value), &writer)
        writer.append(elements: values.map { Int64($0.key ? 1 : 0) })
        Self.finish(values.map(\.value), &writer)
      }
    }
    return writer.bytes
  }

  private static func begin(
    _ key: TextKey, _ kind: AttributeKind, _ rows: [[UInt32]], _ writer: inout ByteWriter
  ) {
    writer.append(text: key.text)
    writer.append(kind.rawValue)
    writer.append(UInt32(rows.count))
    writer.append(UInt32(rows.reduce(0) { $0 + $1.count }))
    writer.pad(to: 8)
  }

  private static func finish(_ rows: [[UInt32]], _ writer: inout ByteWriter) {
    writer.pad(to: 4)
    var start: UInt32 = 0
    var starts: [UInt32] = [0]
    for list in rows {
      start += UInt32(list.count)
      starts.append(start)
    }
    writer.append(elements: starts)
    for list in rows { writer.append(elements: list) }
  }
}

extension AttributeIndexWriter.Column {
  fileprivate func has(_ kind: AttributeKind) -> Bool {
    switch kind {
    case .text: !texts.isEmpty
    case .integer: !integers.isEmpty
    case .number: !numbers.isEmpty
    case .flag: !flags.isEmpty
    }
  }
}

extension [TextKey: [UInt32]] {
  fileprivate mutating func addEach(_ keys: Set<TextKey>, _ row: UInt32) {
    for key in keys { self[key, default: []].append(row) }
  }
}

enum AttributeKind: UInt8, CaseIterable {
  case text = 1
  case integer, number, flag
}

/// Text compared by its bytes.
struct TextKey: Hashable, Comparable {
  let text: String
  init(_ text: String) { self.text = text }

  static func == (a: TextKey, b: TextKey) -> Bool { a.text.sameBytes(as: b.text) }
  static func < (a: TextKey, b: TextKey) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

extension AttributeIndexWriter {
  /// Adds the attributes of another segment. `places` gives the new row of each of its rows, -1 for those left out;
  /// they rise, and lie behind all rows added before.
  mutating func add(_ index: AttributeIndex, places: [Int32]) {
    index.forEachValue { key, value, rows in
      let moved = rows.compactMap { row in places[Int(row)] < 0 ? nil : UInt32(places[Int(row)]) }
      guard !moved.isEmpty else { return }
      switch value {
      case .text(let text):
        columns[TextKey(key), default: Column()].texts[TextKey(text), default: []] += moved
      case .integer(let value): columns[TextKey(key), default: Column()].integers[value, default: []] += moved
      case .number(let value): columns[TextKey(key), default: Column()].numbers[value, default: []] += moved
      case .flag(let value): columns[TextKey(key), default: Column()].flags[value, default: []] += moved
      case .texts: break  // listed by member
      }
    }
  }
}
