import CLociEncoder
import Foundation
import Synchronization

/// The forward pass of one model: token ids to pooled vectors. Safe to share; a call computes on the calling thread and,
/// when asked, on idle helpers.
@safe final class Transformer: Sendable {
  let precision: EncoderPrecision
  /// Lowest cosine to float32 over the built-in sentences, as the check at loading found it; 1 for float32.
  let agreement: Float
  /// Bytes of the weights in the form that is computed with.
  var packedBytes: Int { packed.byteCount }

  private let weights: EncoderWeights
  private let packed: PackedWeights
  private let pooling: loci_encoder_pooling
  private nonisolated(unsafe) let kernels: UnsafePointer<loci_encoder_kernels>  // static const in C
  private nonisolated(unsafe) let crew: OpaquePointer?  // has its own lock
  private let scratch = ScratchPool()
  private let running = Atomic(0)

  /// - Parameters:
  ///   - sentences: token ids of texts that precision is checked and calibrated on.
  ///   - helpers: threads that help with a single query.
  ///   - cap: the newest instruction level to use.
  init(
    _ weights: EncoderWeights, pooling: ModelFolder.Pooling, precision: EncoderPrecision,
    sentences: [[Int32]], helpers: Int, cap: loci_encoder_isa = .avx512
  ) throws(EncoderError) {
    self.weights = weights
    self.pooling = pooling == .cls ? .first : .mean
    unsafe kernels = loci_encoder_kernels_get(cap)
    let chosen = unsafe try PrecisionCheck(weights, kernels, self.pooling, sentences).choose(precision)
    (packed, agreement) = (chosen.packed, chosen.agreement)
    self.precision = packed.format.precision.name
    unsafe crew = helpers > 0 ? loci_encoder_crew_create(helpers) : nil
    weights.release()
  }

  deinit { unsafe loci_encoder_crew_destroy(crew) }

  /// Brings a vector of `count` numbers to unit length.
  func normalize(_ vector: UnsafeMutablePointer<Float>, _ count: Int) {
    unsafe kernels.pointee.normalize(vector, count)
  }

  /// Pooled vectors of the sequences named by `pack`, written to their rows of `vectors`, shape (sequences, hidden).
  /// - Parameter isUrgent: other cores help when they are idle and no other pass runs.
  func run(_ pack: [Int], of sequences: [[Int32]], isUrgent: Bool, into vectors: inout [Float]) {
    var ids: [Int32] = []
    var starts = [0]
    for index in pack {
      ids += sequences[index]
      starts.append(ids.count)
    }
    let n = weights.shape.hidden
    var pooled = [Float](repeating: 0, count: pack.count * n)
    let others = running.wrappingAdd(1, ordering: .relaxed).oldValue
    defer { running.wrappingSubtract(1, ordering: .relaxed) }
    unsafe forward(ids, starts, isUrgent && others == 0 ? crew : nil, into: &pooled)
    for (place, index) in pack.enumerated() {
      vectors.replaceSubrange(index * n..<(index + 1) * n, with: pooled[place * n..<(place + 1) * n])
    }
  }

  private func forward(_ ids: [Int32], _ starts: [Int], _ crew: OpaquePointer?, into pooled: inout [Float]) {
    unsafe weights.withEmbeddings { embeddings in
      unsafe ids.withUnsafeBufferPointer { ids in
        unsafe starts.withUnsafeBufferPointer { starts in
          var batch = unsafe loci_encoder_batch(
            ids: ids.baseAddress, starts: starts.baseAddress, texts: starts.count - 1)
          var model = unsafe loci_encoder_model(
            shape: weights.shape, format: packed.format, kernels: kernels, embeddings: embeddings,
            packed: packed.pointer, pooling: pooling, normalizes: false)
          let bytes = unsafe loci_encoder_scratch_bytes(&model, &batch, crew)
          unsafe scratch.with(byteCount: bytes) { memory in
            _ = unsafe loci_encoder_encode(&model, &batch, crew, memory, &pooled, nil)
          }
        }
      }
    }
  }
}
