import CLociEncoder
import Foundation
import Testing
import LociTestKit

/// Every instruction level against float64, at sizes around the vector widths.
struct KernelTests {
  static let sizes = [0, 1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 384, 1536]
  static let levels: [loci_encoder_isa] = [.scalar, .neon, .avx2, .avx512]

  private static func kernels(_ level: loci_encoder_isa) -> loci_encoder_kernels {
    unsafe loci_encoder_kernels_get(level).pointee
  }

  private static func numbers(_ count: Int, seed: UInt64, within range: ClosedRange<Float> = -6...6)
    -> [Float]
  {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in .random(in: range, using: &random) }
  }

  private static func agree(_ got: [Float], _ wanted: [Double], within tolerance: Double) -> Bool {
    zip(got, wanted).allSatisfy { abs(Double($0) - $1) <= tolerance * max(1, abs($1)) }
  }

  @Test(arguments: levels, sizes) func gelu(level: loci_encoder_isa, size: Int) {
    var x = Self.numbers(size, seed: UInt64(size))
    let wanted = x.map { Double($0) * 0.5 * (1 + erf(Double($0) / 2.0.squareRoot())) }
    unsafe Self.kernels(level).gelu(&x, size)
    #expect(Self.agree(x, wanted, within: 2e-6))
  }

  @Test(arguments: levels) func geluAtTheEdges(level: loci_encoder_isa) {
    var x: [Float] = [0, -0, 1e-20, 6, -6, 40, -40, 1e20, -1e20, 3.999, -3.999, 5.656, -5.656]
    let wanted = x.map { Double($0) * 0.5 * erfc(-Double($0) / 2.0.squareRoot()) }
    unsafe Self.kernels(level).gelu(&x, x.count)
    #expect(x.allSatisfy { $0.isFinite })
    #expect(Self.agree(x.prefix(7) + x.suffix(4), wanted.prefix(7) + wanted.suffix(4), within: 5e-6))
  }

  @Test(arguments: levels, sizes.filter { $0 > 0 }) func softmax(level: loci_encoder_isa, size: Int) {
    var x = Self.numbers(size, seed: UInt64(size), within: -60...60)
    let top = x.map(Double.init).max() ?? 0
    let powers = x.map { exp2(Double($0) - top) }
    let sum = powers.reduce(0, +)
    unsafe Self.kernels(level).softmax(&x, size)
    #expect(Self.agree(x, powers.map { $0 / sum }, within: 5e-6))
    #expect(abs(x.reduce(0, +) - 1) < 1e-5)
  }

  @Test(arguments: levels, sizes) func norm(level: loci_encoder_isa, size: Int) {
    let (gain, bias) = (Self.numbers(size, seed: 1), Self.numbers(size, seed: 2))
    var x = Self.numbers(size, seed: 3)
    let values = x.map(Double.init)
    let mean = values.reduce(0, +) / Double(size)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(size)
    let wanted = values.indices.map {
      (values[$0] - mean) / (variance + 1e-5).squareRoot() * Double(gain[$0]) + Double(bias[$0])
    }
    unsafe Self.kernels(level).norm(&x, gain, bias, size, 1e-5)
    #expect(Self.agree(x, wanted, within: 2e-5))
  }

  @Test(arguments: levels, sizes) func sumsAndLengths(level: loci_encoder_isa, size: Int) {
    let (start, other) = (Self.numbers(size, seed: 5), Self.numbers(size, seed: 6))
    var (sum, unit) = (start, start)
    unsafe Self.kernels(level).accumulate(&sum, other, size)
    unsafe Self.kernels(level).normalize(&unit, size)
    #expect(sum == zip(start, other).map { $0 + $1 })
    let length = start.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(Self.agree(unit, start.map { Double($0) / length }, within: 2e-6))
  }

  @Test(arguments: levels, sizes) func bfloat16RoundsToEven(level: loci_encoder_isa, size: Int) {
    var x = Self.numbers(size, seed: 7)
    let ties: [Float] = [1.00390625, 1.01171875, -1.00390625, 3.4e38, -0.0, .infinity]
    for (i, tie) in ties.enumerated() where i < size { x[i] = tie }
    var got = [UInt16](repeating: 0xAAAA, count: size)
    unsafe Self.kernels(level).to_bf16(x, &got, size)
    #expect(got == x.map(roundedToBFloat16))
  }

  @Test(arguments: levels, sizes.filter { $0 > 0 }) func quantize(level: loci_encoder_isa, size: Int) {
    let x = Self.numbers(size, seed: 8, within: -3...9)
    let inverse = Self.numbers(size, seed: 9, within: 0.25...4)
    for inverse in [inverse, nil] {
      let values = x.indices.map { Double(x[$0]) * Double(inverse?[$0] ?? 1) }
      var (codes, scale, zero) = ([UInt8](repeating: 7, count: size), Float(0), Float(0))
      if let inverse {
        unsafe Self.kernels(level).quantize(x, inverse, &codes, size, &scale, &zero)
      } else {
        unsafe Self.kernels(level).quantize(x, nil, &codes, size, &scale, &zero)
      }
      let span = max(0, values.max() ?? 0) - min(0, values.min() ?? 0)
      #expect(abs(Double(scale) - span / 255) < 1e-6)
      #expect(zero == zero.rounded() && (0...255).contains(zero))
      for (code, value) in zip(codes, values) {
        #expect(abs((Double(code) - Double(zero)) * Double(scale) - value) <= Double(scale) * 1.01)
      }
    }
  }

  @Test(arguments: levels) func quantizesZeros(level: loci_encoder_isa) {
    var (codes, scale, zero) = ([UInt8](repeating: 7, count: 33), Float(0), Float(9))
    unsafe Self.kernels(level).quantize([Float](repeating: 0, count: 33), nil, &codes, 33, &scale, &zero)
    #expect(codes.allSatisfy { Float($0) == zero } && scale > 0)
  }

  @Test(arguments: levels) func aZeroVectorStaysZero(level: loci_encoder_isa) {
    var zero = [Float](repeating: 0, count: 17)
    unsafe Self.kernels(level).normalize(&zero, 17)
    #expect(zero == [Float](repeating: 0, count: 17))
  }

  @Test func aCapIsKept() {
    #expect(Self.kernels(.scalar).isa == .scalar)
    #expect(Self.kernels(.avx2).isa.rawValue <= loci_encoder_isa.avx2.rawValue)
  }
}

/// To nearest, ties to even; infinities stay.
func roundedToBFloat16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}

func widened(_ half: UInt16) -> Float { Float(bitPattern: UInt32(half) << 16) }
