import LociCore
import LociProto
import LociTrace
import Testing
import LociTestKit

@Suite("Blocks of steps") struct StepBlockTests {
  private func columns(_ count: Int, seed: UInt64 = 1) -> StepColumns {
    var random = SplitMix64(seed: seed)
    var columns = StepColumns(first: 7)
    for n in 0..<count {
      var step = step(
        n, parent: n == 0 ? nil : n - 1,
        input: String(repeating: "é", count: Int.random(in: 0...9, using: &random)))
      step.name = "name \(n % 5)"
      step.endedAtUs = n % 3 == 0 ? 0 : step.endedAtUs
      if n % 4 == 0 { step.attributes = [V1.Attribute(key: "k", value: "\(n)")] }
      if n % 7 == 0 { (step.output, step.outputBlob) = ("", String(repeating: "ab", count: 32)) }
      columns.append(step, span: UInt64(n + 1), parent: UInt64(n))
    }
    return columns
  }

  @Test("what goes in comes out", arguments: [0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 1_024])
  func roundTrip(count: Int) throws {
    let zstd = Zstd()
    let columns = columns(count)
    let decoded = try StepBlock(columns, zstd: zstd).decoded(first: 7, zstd: zstd)
    #expect(decoded == columns)
    let steps = try decoded.steps(trace: traceID(0))
    #expect(steps.count == count)
    for (n, step) in steps.enumerated() {
      #expect(step.number == UInt32(7 + n))
      #expect(step.spanID == spanID(n))
      #expect(step.attributes.count == (n % 4 == 0 ? 1 : 0))
      #expect(step.outputBlob.isEmpty == (n % 7 != 0))
    }
  }

  @Test("a block cut anywhere is refused")
  func truncation() throws {
    let zstd = Zstd()
    let block = StepBlock(columns(9), zstd: zstd)
    let expanded = try zstd.expand(block.columns)
    for length in 0..<expanded.count {
      var cut = block
      cut.columns = zstd.compress(Array(expanded.prefix(length)))
      #expect(throws: LociError.self) { try cut.decoded(first: 1, zstd: zstd) }
    }
    for length in 0..<block.columns.count {
      var cut = block
      cut.columns = Array(block.columns.prefix(length))
      #expect(throws: LociError.self) { try cut.decoded(first: 1, zstd: zstd) }
    }
    for length in 0..<block.spans.count {
      var cut = block
      cut.spans = Array(block.spans.prefix(length))
      #expect(throws: LociError.self) { try cut.decoded(first: 1, zstd: zstd) }
    }
    let texts = try zstd.expand(block.texts)
    var short = block
    short.texts = zstd.compress(Array(texts.dropLast()))
    #expect(throws: LociError.self) { try short.decoded(first: 1, zstd: zstd) }
  }

  @Test("damaged bytes never crash the decoder")
  func damage() throws {
    let zstd = Zstd()
    let block = StepBlock(columns(20), zstd: zstd)
    let expanded = try zstd.expand(block.columns)
    var random = SplitMix64(seed: 3)
    for _ in 0..<3_000 {
      var bytes = expanded
      bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
      var damaged = block
      damaged.columns = zstd.compress(bytes)
      _ = try? damaged.decoded(first: 1, zstd: zstd).steps(trace: traceID(0))
    }
  }

  @Test("ids are read and written as hex")
  func ids() {
    #expect(TraceKey("4bf92f3577b34da6a3ce929d0e0e4736")?.text == "4bf92f3577b34da6a3ce929d0e0e4736")
    for bad in ["", "4bf92f", String(repeating: "0", count: 32), String(repeating: "A", count: 32)] {
      #expect(TraceKey(bad) == nil)
    }
    #expect(SpanKey.parse("") == 0)
    #expect(SpanKey.parse("00f067aa0ba902b7").map(SpanKey.text) == "00f067aa0ba902b7")
    #expect(SpanKey.parse("00f067aa0ba902bG") == nil)
  }
}
