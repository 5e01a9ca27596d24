import CLociMath
import Testing

@testable import LociVector
import LociTestKit

struct HalfPrecisionTests {
  private let all = (0...UInt16.max).map { $0 }

  @Test(arguments: levels)
  func everyHalfSurvivesTheRoundTrip(level: InstructionLevel) {
    let kernels = unsafe VectorKernels(cap: level).table.pointee
    var floats = [Float](repeating: 0, count: all.count)
    var back = [UInt16](repeating: 0, count: all.count)
    unsafe kernels.f32_from_f16(all, &floats, all.count)
    unsafe kernels.f16_from_f32(floats, &back, all.count)
    for half in all {
      let isNaN = half & 0x7fff > 0x7c00
      #expect(back[Int(half)] == (isNaN ? half | 0x200 : half))
      #expect(floats[Int(half)].isNaN == isNaN)
    }
    #expect(floats.map(\.bitPattern) == all.map { loci_f32_reference($0).bitPattern })
  }

  /// Every half, its neighbours' midpoint, and one float32 step on both sides of it: each rounding decision.
  @Test(arguments: levels)
  func roundsToNearestTiesToEven(level: InstructionLevel) {
    let kernels = unsafe VectorKernels(cap: level).table.pointee
    var inputs: [Float] = []
    var expected: [UInt16] = []
    for magnitude in 0..<UInt16(0x7c00) {
      let low = loci_f32_reference(magnitude)
      let high = magnitude == 0x7bff ? 65_536 : loci_f32_reference(magnitude + 1)
      let middle = low + (high - low) / 2
      let even = magnitude & 1 == 0 ? magnitude : magnitude + 1
      for sign: UInt16 in [0, 0x8000] {
        let factor: Float = sign == 0 ? 1 : -1
        inputs += [low, middle.nextDown, middle, middle.nextUp].map { $0 * factor }
        expected += [magnitude, magnitude, even, magnitude + 1].map { $0 | sign }
      }
    }
    inputs += [.infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e-30, -0.0]
    expected += [0x7c00, 0xfc00, 0x7c00, 0, 0, 0x8000]
    var halves = [UInt16](repeating: 0, count: inputs.count)
    unsafe kernels.f16_from_f32(inputs, &halves, inputs.count)
    #expect(halves == expected)
  }

  @Test(arguments: levels, oddSizes)
  func oddLengthsAgreeWithTheReferenceAndWriteNothingBeyond(level: InstructionLevel, n: Int) {
    var rng = SplitMix64(seed: UInt64(n))
    let kernels = unsafe VectorKernels(cap: level).table.pointee
    let reference = unsafe VectorKernels(cap: .scalar).table.pointee
    let floats = rng.floats(n)
    var (halves, expected) = (
      [UInt16](repeating: 0xabcd, count: n + 1), [UInt16](repeating: 0xabcd, count: n + 1)
    )
    unsafe kernels.f16_from_f32(floats, &halves, n)
    unsafe reference.f16_from_f32(floats, &expected, n)
    #expect(halves == expected)
    var (wide, wideExpected) = ([Float](repeating: 5, count: n + 1), [Float](repeating: 5, count: n + 1))
    unsafe kernels.f32_from_f16(halves, &wide, n)
    unsafe reference.f32_from_f16(expected, &wideExpected, n)
    #expect(wide == wideExpected)
  }
}

/// Half to float by its definition.
private func loci_f32_reference(_ half: UInt16) -> Float {
  let (exponent, mantissa) = (Int(half >> 10 & 31), Int(half & 0x3ff))
  let sign: Float = half & 0x8000 == 0 ? 1 : -1
  switch (exponent, mantissa) {
  case (31, 0): return sign * .infinity
  case (31, _):
    return Float(bitPattern: UInt32(half & 0x8000) << 16 | 0x7fc0_0000 | UInt32(mantissa) << 13)
  case (0, _): return sign * Float(sign: .plus, exponent: -24, significand: Float(mantissa))
  default: return sign * Float(sign: .plus, exponent: exponent - 25, significand: Float(mantissa + 1024))
  }
}
