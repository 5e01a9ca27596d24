/// Time-ordered identifiers in text form (RFC 9562 §5.7): 48 bits of Unix milliseconds, then a 74-bit value
/// that is random for each millisecond and counts up within it, so ids of one generator sort as they were made.
public final class UUIDv7Generator: Sendable {
  private struct State {
    var milliseconds: UInt64 = 0
    var high: UInt16 = 0  // 12 bits
    var low: UInt64 = 0  // 62 bits
  }
  private let clock: any WallClock
  private let state = Locked(State())

  public init(clock: any WallClock = SystemWallClock()) { self.clock = clock }

  public func next() -> String {
    let now = UInt64(clamping: clock.now().microseconds / 1_000)
    let (milliseconds, high, low) = state.withLock { state in
      if now > state.milliseconds {
        state = State(
          milliseconds: now, high: .random(in: 0..<0x0800), low: .random(in: 0..<(1 << 62)))
      } else {
        // Same millisecond, or a clock that went back: count on from the last id.
        state.low &+= .random(in: 1...0xFFFF)
        if state.low >= 1 << 62 {
          state.low &= (1 << 62) - 1
          state.high &+= 1
          if state.high >= 0x1000 { (state.high, state.milliseconds) = (0, state.milliseconds + 1) }
        }
      }
      return (state.milliseconds, state.high, state.low)
    }
    return Self.text(
      high: (milliseconds << 16) | 0x7000 | UInt64(high), low: (0b10 << 62) | low)
  }

  static func text(high: UInt64, low: UInt64) -> String {
    unsafe String(unsafeUninitializedCapacity: 36) { buffer in
      var at = 0
      for nibble in 0..<32 {
        if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
          unsafe buffer[at] = UInt8(ascii: "-")
          at += 1
        }
        let word = nibble < 16 ? high : low
        let value = UInt8((word >> UInt64(60 - 4 * (nibble % 16))) & 0xF)
        unsafe buffer[at] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
        at += 1
      }
      return 36
    }
  }
}
