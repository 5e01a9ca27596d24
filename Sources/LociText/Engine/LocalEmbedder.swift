package import LociCore

/// An encoder that computes here, on threads of its own.
package struct LocalEmbedder: TextEmbedder {
  package let encoder: TextEncoder
  private let workers: WorkerPool

  /// - Parameter workers: as wide as the engine runs batches at once.
  package init(_ encoder: TextEncoder, workers: WorkerPool) {
    self.encoder = encoder
    self.workers = workers
  }

  package var about: EncoderDescription { encoder.about }
  package let batchTextsMax = 64

  package func encode(
    _ texts: [String], kind: TextEncoder.Kind, longTexts: LongTexts,
    isCancelled: @escaping @Sendable () -> Bool
  ) async throws -> EncodedBatch {
    let encoder = encoder
    return try await workers.run {
      try encoder.encode(texts, kind: kind, longTexts: longTexts, isCancelled: isCancelled)
    }
  }
}
