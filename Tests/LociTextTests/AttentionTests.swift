import CLociEncoder
import Foundation
import Testing
import LociTestKit

/// One head at every instruction level and precision against float64.
struct AttentionTests {
  static let levels: [loci_encoder_isa] = [.scalar, .neon, .avx2, .avx512]
  static let lengths = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97, 250]
  static let dimensions = [1, 3, 4, 5, 8, 16, 17, 31, 32, 33, 48, 64, 65, 128]

  private func check(
    _ kernels: loci_encoder_kernels, length: Int, dimension: Int, half: Bool, halfOut: Bool
  ) throws {
    var random = SplitMix64(seed: UInt64(length * 1000 + dimension))
    // Query, key and value side by side, as the projection leaves them, with another head's numbers around.
    let stride = (3 * dimension + 9) / 2 * 2
    let numbers = (0..<length * stride + 64).map { _ in Float.random(in: -1.2...1.2, using: &random) }
    let halves = numbers.map(roundedToBFloat16)
    let exact = half ? halves.map(widened) : numbers
    let outStride = dimension + 3
    var floats = [Float](repeating: 7, count: length * outStride)
    var halfOutput = [UInt16](repeating: 7, count: length * outStride)
    let bytes = loci_encoder_attention_scratch(length, dimension)
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    defer { unsafe scratch.deallocate() }
    unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0xFF, count: bytes)  // not numbers
    func run(_ start: UnsafeRawPointer, _ size: Int, _ out: UnsafeMutableRawPointer) {
      var a = unsafe loci_encoder_attention()
      unsafe (a.query, a.key) = (start + size, start + (1 + dimension) * size)
      unsafe (a.value, a.stride) = (start + (1 + 2 * dimension) * size, stride)
      unsafe (a.length, a.dimension, a.half_out) = (length, dimension, halfOut)
      unsafe (a.out, a.out_stride, a.scratch) = (out, outStride, scratch)
      if half { unsafe kernels.attention_bf16(&a) } else { unsafe kernels.attention_f32(&a) }
    }
    unsafe halves.withUnsafeBytes { halves in
      unsafe numbers.withUnsafeBytes { numbers in
        unsafe floats.withUnsafeMutableBytes { floats in
          unsafe halfOutput.withUnsafeMutableBytes { halfOutput in
            unsafe run(
              half ? halves.baseAddress! : numbers.baseAddress!, half ? 2 : 4,
              halfOut ? halfOutput.baseAddress! : floats.baseAddress!)
          }
        }
      }
    }
    let tolerance = half || halfOut ? 2e-2 : 2e-5
    for q in 0..<length {
      let scores = (0..<length).map { k in
        (0..<dimension).reduce(0.0) {
          $0 + Double(exact[q * stride + 1 + $1]) * Double(exact[k * stride + 1 + dimension + $1])
        }
      }
      let top = scores.max() ?? 0
      let powers = scores.map { exp2($0 - top) }
      let total = powers.reduce(0, +)
      for i in 0..<outStride {
        let got = halfOut ? widened(halfOutput[q * outStride + i]) : floats[q * outStride + i]
        guard i < dimension else {
          #expect(got == (halfOut ? widened(7) : 7), "wrote past its columns")
          continue
        }
        let wanted = (0..<length).reduce(0.0) {
          $0 + powers[$1] / total * Double(exact[$1 * stride + 1 + 2 * dimension + i])
        }
        #expect(
          abs(Double(got) - wanted) <= tolerance, "length \(length), dimension \(dimension), query \(q), \(i)"
        )
      }
    }
  }

  @Test(arguments: levels) func float32(level: loci_encoder_isa) throws {
    let kernels = unsafe loci_encoder_kernels_get(level).pointee
    for length in Self.lengths {
      for dimension in Self.dimensions {
        try check(kernels, length: length, dimension: dimension, half: false, halfOut: false)
      }
    }
  }

  @Test(arguments: levels) func bfloat16(level: loci_encoder_isa) throws {
    let kernels = unsafe loci_encoder_kernels_get(level).pointee
    guard unsafe kernels.attention_bf16 != nil else { return }
    for length in Self.lengths {
      for dimension in Self.dimensions {
        try check(kernels, length: length, dimension: dimension, half: true, halfOut: dimension % 2 == 0)
      }
    }
  }
}
