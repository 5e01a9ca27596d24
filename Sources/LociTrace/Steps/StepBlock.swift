package import LociCore

/// The stored form of `StepColumns`, in three parts: span ids as they are, columns and texts compressed.
///
/// Columns, expanded, little-endian, n steps:
///
///     u8 version = 1 | u32 n | u64 parent[n] | i64 start[n], the first as it is, then differences | i64 duration[n]
///     | u8 kind[n] | u8 status[n] | u32 input tokens[n] | u32 output tokens[n] | i64 cost[n]
///     | u16 name[n] | u16 actor[n] | u16 model[n] | u8 flags[n]
///     | u32 input bytes[n] | u32 output bytes[n] | u32 error bytes[n] | u32 rest bytes[n]
///     | u32 dictionary entries | for each: u16 bytes | UTF-8
package struct StepBlock: Sendable, Equatable {
  package var spans: [UInt8]
  package var columns: [UInt8]
  package var texts: [UInt8]

  /// Most steps in one block: what opening a window may have to expand.
  package static let stepsMax = 1_024

  package init(spans: [UInt8], columns: [UInt8], texts: [UInt8]) {
    self.spans = spans
    self.columns = columns
    self.texts = texts
  }

  package init(_ steps: StepColumns, zstd: Zstd) {
    var out = ByteColumns()
    out.append(UInt8(1))
    out.append(UInt32(steps.count))
    out.append(steps.parents)
    var previous: Int64 = 0
    out.append(
      steps.starts.map { start in
        defer { previous = start }
        return start &- previous
      })
    out.append(steps.durations)
    out.append(steps.kinds)
    out.append(steps.statuses)
    out.append(steps.inputTokens)
    out.append(steps.outputTokens)
    out.append(steps.costs)
    out.append(steps.names)
    out.append(steps.actors)
    out.append(steps.models)
    out.append(steps.flags)
    out.append(steps.inputLengths)
    out.append(steps.outputLengths)
    out.append(steps.errorLengths)
    out.append(steps.restLengths)
    out.append(UInt32(steps.dictionary.count))
    for text in steps.dictionary {
      out.append(UInt16(text.utf8.count))
      out.bytes.append(contentsOf: text.utf8)
    }
    var ids = ByteColumns()
    ids.append(steps.spans)
    spans = ids.bytes
    columns = zstd.compress(out.bytes)
    texts = zstd.compress(steps.texts)
  }

  /// - Parameter withTexts: `false` leaves `texts` empty, and the lengths as they are.
  /// - Throws: `dataLoss` when the parts do not fit together.
  package func decoded(
    first: UInt32, withTexts: Bool = true, zstd: Zstd
  ) throws(LociError) -> StepColumns {
    var input = ByteColumnReader(try zstd.expand(columns))
    guard try input.next(UInt8.self) == 1 else { throw ByteColumnReader.damaged }
    let n = Int(try input.next(UInt32.self))
    guard n <= Self.stepsMax else { throw ByteColumnReader.damaged }
    var ids = ByteColumnReader(spans)
    var steps = StepColumns(first: first)
    steps.spans = try ids.next(n)
    steps.parents = try input.next(n)
    steps.starts = try input.next(n)
    var at: Int64 = 0
    for index in 0..<n {
      at = at &+ steps.starts[index]
      steps.starts[index] = at
    }
    steps.durations = try input.next(n)
    steps.kinds = try input.next(n)
    steps.statuses = try input.next(n)
    steps.inputTokens = try input.next(n)
    steps.outputTokens = try input.next(n)
    steps.costs = try input.next(n)
    steps.names = try input.next(n)
    steps.actors = try input.next(n)
    steps.models = try input.next(n)
    steps.flags = try input.next(n)
    steps.inputLengths = try input.next(n)
    steps.outputLengths = try input.next(n)
    steps.errorLengths = try input.next(n)
    steps.restLengths = try input.next(n)
    let entries = Int(try input.next(UInt32.self))
    for _ in 0..<entries { steps.dictionary.append(try input.text(Int(try input.next(UInt16.self)))) }
    guard ids.isAtEnd, input.isAtEnd,
      [steps.names, steps.actors, steps.models].allSatisfy({ $0.allSatisfy { Int($0) < entries } })
    else { throw ByteColumnReader.damaged }
    if withTexts {
      steps.texts = try zstd.expand(texts)
      guard steps.offsets().last == steps.texts.count else { throw ByteColumnReader.damaged }
    }
    return steps
  }
}

/// Numbers and columns of them as bytes, little-endian, as every machine that Loci runs on keeps them.
struct ByteColumns {
  var bytes: [UInt8] = []

  mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ values: [T]) {
    unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }
}

struct ByteColumnReader {
  static let damaged = LociError.dataLoss(file: "steps", problem: "a block of steps is damaged")

  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { at == bytes.count }

  private mutating func take(_ count: Int) throws(LociError) -> Range<Int> {
    guard count <= bytes.count - at else { throw Self.damaged }
    defer { at += count }
    return at..<at + count
  }

  mutating func next<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) throws(LociError) -> T {
    let range = try take(MemoryLayout<T>.size)
    return unsafe bytes.withUnsafeBytes {
      unsafe T(littleEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
    }
  }

  mutating func next<T: FixedWidthInteger & BitwiseCopyable>(_ count: Int) throws(LociError) -> [T] {
    let range = try take(count * MemoryLayout<T>.size)
    return unsafe [T](unsafeUninitializedCapacity: count) { buffer, filled in
      unsafe bytes.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[range]))
      }
      filled = count
    }
  }

  mutating func text(_ count: Int) throws(LociError) -> String {
    String(decoding: bytes[try take(count)], as: UTF8.self)
  }
}
