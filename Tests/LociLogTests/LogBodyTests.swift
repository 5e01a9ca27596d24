import Testing

@testable import LociLog
import LociTestKit

struct LogBodyTests {
  static let samples: [[[UInt8]]] = [
    [[]], [[1]], [[], [], []], [Array(repeating: 7, count: 127)], [Array(repeating: 7, count: 128)],
    [Array(repeating: 1, count: 16_383), Array(repeating: 2, count: 16_384), [3]]
  ]

  @Test(arguments: samples)
  func decodesWhatItEncodes(_ events: [[UInt8]]) throws {
    #expect(try decode(LogBody.encode(events)) == events)
  }

  /// Cut anywhere, a body is refused, or is the body of fewer whole events.
  @Test func everyTruncation() throws {
    let events: [[UInt8]] = [[1, 2, 3], [], Array(repeating: 9, count: 200), [4]]
    let body = LogBody.encode(events)
    var borders: Set<Int> = []
    for count in 0..<body.count {
      let part = Array(body.prefix(count))
      guard let decoded = try? decode(part) else { continue }
      #expect(decoded == Array(events.prefix(decoded.count)))
      borders.insert(count)
    }
    #expect(borders == [1, 5, 6, 208])
  }

  @Test(
    arguments: [
      [], [1], [255, 1, 2], [0, 0x80], [0, 0x80, 0x00], [0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
      [0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], [0, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0, 5, 1, 2, 3, 4]
    ] as [[UInt8]])
  func malformedBodiesAreRefused(_ body: [UInt8]) {
    #expect(throws: LogBody.Failure.self) { try decode(body) }
  }

  @Test func randomBytesNeverTrap() {
    var random = SplitMix64(seed: 11)
    for _ in 0..<20_000 {
      let body = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
        UInt8.random(in: .min ... .max, using: &random)
      }
      _ = try? decode([0] + body)
    }
  }

  private func decode(_ body: [UInt8]) throws -> [[UInt8]] { unsafe try LogBody.decode(body.span.bytes) }

  @Test func headSlotRefusesEveryFlippedBit() {
    let slot = HeadSlot(
      identity: .sample, head: LogHead(sequence: 77, hash: .zero, batch: .random()))
    var bytes = slot.encoded(slot: 1)
    #expect(bytes.count == HeadSlot.byteCount)
    #expect(HeadSlot.decode(bytes, slot: 1) == .valid(slot))
    #expect(HeadSlot.decode(bytes, slot: 0) == .damaged)
    for bit in 0..<(bytes.count * 8) {
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      if HeadSlot.decode(bytes, slot: 1) != .damaged { Issue.record("bit \(bit)") }
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
    }
  }
}
