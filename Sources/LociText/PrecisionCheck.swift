import CLociEncoder
import Foundation

/// Chooses what a model is computed in, by comparing vectors of built-in sentences with float32's.
///
/// The float32 pass packs one layer at a time, so that a model never lies in memory twice; for int8 it also finds the
/// magnitudes that inputs are smoothed by (Xiao et al. 2022, SmoothQuant, with exponent ½).
@safe struct PrecisionCheck {
  /// A model in bfloat16 stays well above this (0.99996 for all-MiniLM-L6-v2); one that does not is left in float32.
  static let bfloat16Bar: Float = 0.9998

  struct Choice {
    let packed: PackedWeights
    let agreement: Float
  }

  private let weights: EncoderWeights
  private let kernels: UnsafePointer<loci_encoder_kernels>
  private let pooling: loci_encoder_pooling
  private let ids: [Int32]
  private let starts: [Int]

  init(
    _ weights: EncoderWeights, _ kernels: UnsafePointer<loci_encoder_kernels>,
    _ pooling: loci_encoder_pooling,
    _ sentences: [[Int32]]
  ) {
    self.weights = weights
    unsafe self.kernels = unsafe kernels
    self.pooling = pooling
    ids = sentences.flatMap { $0 }
    starts = sentences.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
  }

  /// - Throws: `unsupported` when the processor cannot compute what is asked for, `malformed` for weights that are not
  ///   finite.
  func choose(_ wanted: EncoderPrecision) throws(EncoderError) -> Choice {
    switch wanted {
    case .float32: return Choice(packed: try pack(.float32), agreement: 1)
    case .automatic:
      guard unsafe kernels.pointee.product_bf16 != nil else { return try choose(.float32) }
      let choice = try checked(try pack(.bfloat16))
      return choice.agreement >= Self.bfloat16Bar ? choice : try choose(.float32)
    case .bfloat16:
      guard unsafe kernels.pointee.product_bf16 != nil else { throw refusal("bfloat16", "AVX512_BF16") }
      return try checked(try pack(.bfloat16))
    case .int8:
      guard unsafe kernels.pointee.product_i8 != nil else { throw refusal("int8", "AVX512_VNNI") }
      let reference = try reference()
      let packed = try PackedWeights(weights, format(.int8), smoothing: reference.smoothing)
      return Choice(packed: packed, agreement: agreement(vectors(packed), reference.vectors))
    }
  }

  private func refusal(_ precision: String, _ instructions: String) -> EncoderError {
    .unsupported(file: weights.path, problem: "\(precision) on a processor without \(instructions)")
  }

  private func format(_ precision: loci_encoder_precision) -> loci_encoder_format {
    unsafe loci_encoder_format_of(kernels, precision)
  }

  private func pack(_ precision: loci_encoder_precision) throws(EncoderError) -> PackedWeights {
    try PackedWeights(weights, format(precision))
  }

  private func checked(_ packed: PackedWeights) throws(EncoderError) -> Choice {
    Choice(packed: packed, agreement: agreement(vectors(packed), try reference().vectors))
  }

  /// Lowest cosine of two sets of vectors; not a number counts as −1.
  private func agreement(_ a: [Float], _ b: [Float]) -> Float {
    let n = weights.shape.hidden
    return stride(from: 0, to: a.count, by: n).reduce(into: Float(1)) { lowest, row in
      var (dot, aa, bb) = (0.0, 0.0, 0.0)
      for i in row..<row + n {
        dot += Double(a[i]) * Double(b[i])
        aa += Double(a[i]) * Double(a[i])
        bb += Double(b[i]) * Double(b[i])
      }
      let cosine = Float(dot / (aa * bb).squareRoot())
      lowest = cosine.isFinite ? min(lowest, cosine) : -1
    }
  }

  private func vectors(_ packed: PackedWeights) -> [Float] {
    var vectors = [Float](repeating: 0, count: (starts.count - 1) * weights.shape.hidden)
    unsafe withModel(packed.format, packed.pointer) { model, batch in
      let bytes = unsafe loci_encoder_scratch_bytes(model, batch, nil)
      let scratch = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      defer { unsafe scratch.deallocate() }
      _ = unsafe loci_encoder_encode(model, batch, nil, scratch, &vectors, nil)
    }
    return vectors
  }

  /// float32's vectors, and for each layer what int8 divides its inputs by.
  private func reference() throws(EncoderError) -> (vectors: [Float], smoothing: [[Float]]) {
    let format = format(.float32)
    let (shape, n) = (weights.shape, weights.shape.hidden)
    var vectors = [Float](repeating: 0, count: (starts.count - 1) * n)
    var smoothing: [[Float]] = []
    var bad: Int?
    unsafe withModel(format, nil) { model, batch in
      let layer = unsafe UnsafeMutableRawPointer.allocate(
        byteCount: loci_encoder_layer_bytes(&model.pointee.shape, &model.pointee.format), alignment: 64)
      let scratch = unsafe UnsafeMutableRawPointer.allocate(
        byteCount: loci_encoder_scratch_bytes(model, batch, nil), alignment: 64)
      let states = unsafe UnsafeMutablePointer<Float>.allocate(
        capacity: ids.count * loci_encoder_hidden_stride(&model.pointee.shape))
      defer {
        unsafe layer.deallocate()
        unsafe scratch.deallocate()
        unsafe states.deallocate()
      }
      unsafe loci_encoder_embed(model, batch, states)
      for index in 0..<shape.layers where bad == nil {
        if unsafe !PackedWeights.pack(weights, index, shape, format, nil, layer) { bad = index }
        var peaks = [Float](repeating: 0, count: 2 * n)
        unsafe loci_encoder_run_layer(model, layer, batch, states, scratch, &peaks)
        var divisors = [Float](repeating: 1, count: 2 * n)
        unsafe weights.withLayer(index) { source in
          unsafe loci_encoder_smoothing(&model.pointee.shape, source, peaks, &divisors)
        }
        smoothing.append(divisors)
      }
      unsafe loci_encoder_pool(model, batch, states, &vectors)
    }
    if let bad {
      throw .malformed(file: weights.path, problem: "has numbers in layer \(bad) that are not finite")
    }
    return (vectors, smoothing)
  }

  private func withModel(
    _ format: loci_encoder_format, _ packed: UnsafeRawPointer?,
    _ body: (UnsafeMutablePointer<loci_encoder_model>, UnsafeMutablePointer<loci_encoder_batch>) -> Void
  ) {
    unsafe weights.withEmbeddings { embeddings in
      unsafe ids.withUnsafeBufferPointer { ids in
        unsafe starts.withUnsafeBufferPointer { starts in
          var batch = unsafe loci_encoder_batch(
            ids: ids.baseAddress, starts: starts.baseAddress, texts: starts.count - 1)
          var model = unsafe loci_encoder_model(
            shape: weights.shape, format: format, kernels: kernels, embeddings: embeddings, packed: packed,
            pooling: pooling, normalizes: false)
          unsafe body(&model, &batch)
        }
      }
    }
  }

  /// Prose, a question, Chinese, code, figures: what an agent's memory holds.
  static let sentences = [
    "We moved the Berlin meeting to Tuesday because Anna is travelling.",
    "what did the customer say about the delayed invoice?",
    "我们把会议改到星期二了，因为她在出差。",
    "The function returns nil when the file is missing; see `open(path, O_RDONLY)` in src/io.c, line 214.",
    "Total: $1,284.50 (incl. 19% VAT), due 2024-03-31, ref. INV-00871",
    "Photosynthesis converts carbon dioxide and water into glucose and oxygen, using the energy of sunlight.",
    "ok, thanks!", "用户更喜欢简短的中文回答，并且不吃花生。"
  ]
}
