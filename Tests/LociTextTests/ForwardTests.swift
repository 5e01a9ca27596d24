import CLociEncoder
import Foundation
import Testing
import LociTestKit

/// Whole forward passes at every level and precision, with odd shapes, against float64.
struct ForwardTests {
  struct Case: Sendable, CustomStringConvertible {
    let layers, hidden, heads, intermediate, firstPosition: Int
    var description: String { "\(layers)x\(hidden)/\(heads), \(intermediate), from \(firstPosition)" }
  }

  static let cases = [
    Case(layers: 2, hidden: 8, heads: 2, intermediate: 16, firstPosition: 0),
    Case(layers: 1, hidden: 15, heads: 3, intermediate: 31, firstPosition: 2),
    Case(layers: 2, hidden: 50, heads: 2, intermediate: 99, firstPosition: 2),
    Case(layers: 3, hidden: 64, heads: 1, intermediate: 200, firstPosition: 0),
    Case(layers: 2, hidden: 96, heads: 3, intermediate: 130, firstPosition: 1)
  ]
  static let levels: [loci_encoder_isa] = [.scalar, .neon, .avx2, .avx512]
  /// By length: one token, around the tiles, more than a block of rows together.
  static let lengths = [1, 2, 7, 8, 9, 17, 33, 70]

  static let texts: [[Int32]] = {
    var random = SplitMix64(seed: 3)
    return lengths.map { count in (0..<count).map { _ in Int32.random(in: 0..<50, using: &random) } }
  }()

  @Test(arguments: cases, levels) func agreesWithFloat64(c: Case, level: loci_encoder_isa) throws {
    let exact = ExactTransformer(
      layers: c.layers, hidden: c.hidden, heads: c.heads, intermediate: c.intermediate,
      firstPosition: c.firstPosition, epsilon: 1e-5, seed: UInt64(c.hidden))
    let wanted = Self.texts.map(exact.vector)
    let kernels = unsafe try #require(loci_encoder_kernels_get(level))
    let bars: [(loci_encoder_precision, Double)] = [(.float32, 0.9999999), (.bfloat16, 0.9995), (.int8, 0.99)]
    for (precision, bar) in bars {
      if precision == .bfloat16, unsafe kernels.pointee.product_bf16 == nil { continue }
      if precision == .int8, unsafe kernels.pointee.product_i8 == nil { continue }
      let network = unsafe PackedTransformer(exact, kernels, precision)
      let together = network.vectors(Self.texts, helpers: 0)
      for (row, text) in Self.texts.enumerated() {
        #expect(Self.cosine(together[row], wanted[row]) > bar, "\(precision), \(text.count) tokens")
        guard network.isOurs else { continue }  // BLAS sums as it likes
        #expect(network.vectors([text], helpers: 0)[0] == together[row])
        #expect(network.vectors([text], helpers: 2)[0] == together[row])
      }
      if network.isOurs { #expect(network.vectors(Self.texts, helpers: 3) == together) }
    }
  }

  @Test func stopsWhenCancelled() throws {
    let exact = ExactTransformer(
      layers: 2, hidden: 8, heads: 2, intermediate: 16, firstPosition: 0, epsilon: 1e-5, seed: 1)
    let network = unsafe try PackedTransformer(exact, #require(loci_encoder_kernels_get(.avx512)), .float32)
    #expect(network.finishes(Self.texts, cancelled: false))
    #expect(!network.finishes(Self.texts, cancelled: true))
  }

  static func cosine(_ a: [Float], _ b: [Double]) -> Double {
    let dot = zip(a, b).reduce(0) { $0 + Double($1.0) * $1.1 }
    let lengths = a.reduce(0) { $0 + Double($1) * Double($1) } * b.reduce(0) { $0 + $1 * $1 }
    return dot / lengths.squareRoot()
  }
}

/// The same weights, packed for one level.
@safe final class PackedTransformer {
  private let exact: ExactTransformer
  private let kernels: UnsafePointer<loci_encoder_kernels>
  private var format: loci_encoder_format
  private let packed: UnsafeMutableRawPointer

  /// Whether our kernels compute, and not BLAS.
  var isOurs: Bool { format.panel != 0 }

  init(
    _ exact: ExactTransformer, _ kernels: UnsafePointer<loci_encoder_kernels>,
    _ precision: loci_encoder_precision
  ) {
    self.exact = exact
    unsafe self.kernels = unsafe kernels
    format = unsafe loci_encoder_format_of(kernels, precision)
    var shape = exact.shape
    let bytes = unsafe loci_encoder_layer_bytes(&shape, &format)
    unsafe packed = UnsafeMutableRawPointer.allocate(byteCount: bytes * shape.layers, alignment: 64)
    for index in 0..<shape.layers {
      var layer = unsafe loci_encoder_layer()
      var copies: [UnsafeMutablePointer<Float>] = unsafe []
      func tensor(_ name: String) -> loci_encoder_tensor {
        let numbers = exact.tensors["\(index).\(name)"] ?? []
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: numbers.count)
        unsafe memory.initialize(from: numbers, count: numbers.count)
        unsafe copies.append(memory)
        return unsafe loci_encoder_tensor(data: memory, number: .f32)
      }
      func pair(_ name: String) -> (loci_encoder_tensor, loci_encoder_tensor) {
        unsafe (tensor(name + ".weight"), tensor(name + ".bias"))
      }
      unsafe (layer.query_weight, layer.query_bias) = unsafe pair("query")
      unsafe (layer.key_weight, layer.key_bias) = unsafe pair("key")
      unsafe (layer.value_weight, layer.value_bias) = unsafe pair("value")
      unsafe (layer.output_weight, layer.output_bias) = unsafe pair("output")
      unsafe (layer.attention_norm_gain, layer.attention_norm_bias) = unsafe pair("attention_norm")
      unsafe (layer.up_weight, layer.up_bias) = unsafe pair("up")
      unsafe (layer.down_weight, layer.down_bias) = unsafe pair("down")
      unsafe (layer.output_norm_gain, layer.output_norm_bias) = unsafe pair("output_norm")
      _ = unsafe loci_encoder_pack_layer(&shape, &format, &layer, nil, packed + index * bytes)
      unsafe copies.forEach { unsafe $0.deallocate() }
    }
  }

  deinit { unsafe packed.deallocate() }

  func vectors(_ texts: [[Int32]], helpers: Int) -> [[Float]] {
    var flat = [Float](repeating: .nan, count: texts.count * exact.shape.hidden)
    _ = run(texts, helpers: helpers, cancelled: false, into: &flat)
    let n = exact.shape.hidden
    return texts.indices.map { Array(flat[$0 * n..<($0 + 1) * n]) }
  }

  func finishes(_ texts: [[Int32]], cancelled: Bool) -> Bool {
    var flat = [Float](repeating: 0, count: texts.count * exact.shape.hidden)
    return run(texts, helpers: 0, cancelled: cancelled, into: &flat)
  }

  private func run(_ texts: [[Int32]], helpers: Int, cancelled: Bool, into flat: inout [Float]) -> Bool {
    let crew = unsafe loci_encoder_crew_create(helpers)
    defer { unsafe loci_encoder_crew_destroy(crew) }
    let ids = texts.flatMap { $0 }
    let starts = texts.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    let tables = exact.tensors
    var stop = cancelled
    return unsafe tables["word", default: []].withUnsafeBytes { word in
      unsafe tables["position", default: []].withUnsafeBytes { position in
        unsafe tables["type", default: []].withUnsafeBytes { type in
          unsafe tables["gain", default: []].withUnsafeBufferPointer { gain in
            unsafe tables["bias", default: []].withUnsafeBufferPointer { bias in
              unsafe ids.withUnsafeBufferPointer { ids in
                unsafe starts.withUnsafeBufferPointer { starts in
                  var batch = unsafe loci_encoder_batch(
                    ids: ids.baseAddress, starts: starts.baseAddress, texts: texts.count)
                  var model = unsafe loci_encoder_model(
                    shape: exact.shape, format: format, kernels: kernels,
                    embeddings: loci_encoder_embeddings(
                      word: loci_encoder_tensor(data: word.baseAddress, number: .f32),
                      position: loci_encoder_tensor(data: position.baseAddress, number: .f32),
                      type: loci_encoder_tensor(data: type.baseAddress, number: .f32),
                      norm_gain: gain.baseAddress,
                      norm_bias: bias.baseAddress),
                    packed: packed, pooling: .mean, normalizes: false)
                  let bytes = unsafe loci_encoder_scratch_bytes(&model, &batch, crew)
                  let scratch = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
                  defer { unsafe scratch.deallocate() }
                  // Not numbers.
                  unsafe scratch.initializeMemory(as: UInt8.self, repeating: 0xFF, count: bytes)
                  return unsafe loci_encoder_encode(&model, &batch, crew, scratch, &flat, &stop)
                }
              }
            }
          }
        }
      }
    }
  }
}
