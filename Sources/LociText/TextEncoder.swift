import CLociEncoder
import Foundation
import Synchronization

/// Vectors of a batch of texts.
package struct EncodedBatch: Sendable {
  /// Shape (texts, dimension), row-major, unit length when the model normalises.
  package let vectors: [Float]
  /// Tokens of each text, special tokens included, before truncation.
  package let tokenCounts: [Int]
  package let truncated: [Bool]

  package init(vectors: [Float], tokenCounts: [Int], truncated: [Bool]) {
    self.vectors = vectors
    self.tokenCounts = tokenCounts
    self.truncated = truncated
  }
}

/// Names the model, its weights and its settings. Vectors of two fingerprints never mix.
package struct EncoderFingerprint: Sendable, Hashable, CustomStringConvertible {
  package let description: String

  package init(description: String) { self.description = description }
}

/// Text to vectors: tokenizer, transformer, pooling. Safe to share; a call computes on the calling thread.
@safe package final class TextEncoder: Sendable {
  package enum Kind: Sendable { case query, document }

  /// Tokens computed together: enough for the matrix products to run at full rate, few enough for the caches.
  private static let packTokens = 512

  package let fingerprint: EncoderFingerprint
  package var name: String { folder.name }
  package var dimension: Int { folder.hidden }
  /// Longest text in tokens, special tokens included.
  package var maxTokens: Int { folder.tokensMax }
  package var about: EncoderDescription {
    EncoderDescription(
      kind: .transformer, name: name, fingerprint: fingerprint, dimension: dimension, maxTokens: maxTokens,
      architecture: folder.kind.rawValue, precision: "\(precision)", tokenizer: tokenizer.kind,
      queryPrefix: folder.queryPrefix,
      documentPrefix: folder.documentPrefix)
  }
  /// Which BLAS computes, e.g. "OpenBLAS Cooperlake"; "reference BLAS" is about 40 times slower.
  package static let blasName = unsafe String(cString: loci_encoder_prepare_blas())

  private let folder: ModelFolder
  private let tokenizer: TextTokenizer
  private let transformer: Transformer

  /// Loads a HuggingFace folder.
  /// - Parameters:
  ///   - modelDirectory: holds config.json, tokenizer.json or vocab.txt, and model.safetensors.
  ///   - precision: what the products are computed in.
  ///   - helpers: threads that help with a single query while nothing else is encoded; by default one for each other
  ///     core, at most 3.
  /// - Throws: also when the processor cannot compute in a precision that was asked for by name.
  package convenience init(
    modelDirectory: String, precision: EncoderPrecision = .automatic, helpers: Int? = nil
  ) throws(EncoderError) {
    try self.init(modelDirectory, precision, helpers, cap: .avx512)
  }

  /// - Parameter cap: the newest instruction level to use.
  init(
    _ modelDirectory: String, _ precision: EncoderPrecision, _ helpers: Int? = nil, cap: loci_encoder_isa
  ) throws(EncoderError) {
    _ = Self.blasName
    folder = try ModelFolder(path: modelDirectory)
    tokenizer = try TextTokenizer(modelDirectory: modelDirectory)
    guard tokenizer.vocabularyCount <= folder.vocabulary else {
      throw .malformed(
        file: modelDirectory,
        problem: "has a tokenizer of \(tokenizer.vocabularyCount) tokens for \(folder.vocabulary) embeddings")
    }
    let weights = try EncoderWeights(folder)
    var sentences: [[Int32]] = []
    for text in PrecisionCheck.sentences {
      sentences.append(try tokenizer.encode(text, maxTokens: folder.tokensMax).ids)
    }
    transformer = try Transformer(
      weights, pooling: folder.pooling, precision: precision, sentences: sentences,
      helpers: helpers ?? min(3, ProcessInfo.processInfo.activeProcessorCount - 1), cap: cap)
    fingerprint = EncoderFingerprint.of(folder, weights, transformer.precision)
  }

  /// What it computes in; never `automatic`.
  package var precision: EncoderPrecision { transformer.precision }
  /// Lowest cosine to float32 that the check at loading found; 1 for float32.
  package var agreement: Float { transformer.agreement }
  /// Bytes of the weights in the form that is computed with; the embedding table stays in its file.
  package var packedBytes: Int { transformer.packedBytes }

  /// Tokens of a text, special tokens included, before truncation.
  package func countTokens(_ text: String) throws(EncoderError) -> Int {
    try tokenizer.encode(text, maxTokens: 2).tokenCount
  }

  /// - Throws: `EncoderError.cancelled` when `isCancelled` says so between two packs.
  package func encode(
    _ texts: [String], kind: Kind, longTexts: LongTexts = .truncate, isCancelled: () -> Bool = { false }
  ) throws(EncoderError) -> EncodedBatch {
    let prefix = kind == .query ? folder.queryPrefix : folder.documentPrefix
    let limit = longTexts.limit(tokensMax: maxTokens)
    var tokenized: [TokenizedText] = []
    tokenized.reserveCapacity(texts.count)
    for text in texts {
      tokenized.append(try tokenizer.encode(prefix.isEmpty ? text : prefix + text, maxTokens: limit))
    }
    let windows = TokenWindows(tokenized, tokensMax: maxTokens)
    var vectors = windows.joined(
      try pooled(windows.sequences, isUrgent: kind == .query, isCancelled), dimension: dimension,
      texts: texts.count)
    if folder.normalizes { normalize(&vectors) }
    guard vectors.allSatisfy({ $0.isFinite }) else {
      throw .malformed(file: folder.path, problem: "has weights so large that a vector is not finite")
    }
    return EncodedBatch(
      vectors: vectors, tokenCounts: tokenized.map(\.tokenCount), truncated: tokenized.map(\.isTruncated))
  }

  /// A pooled vector for each sequence of tokens, shape (sequences, dimension), of whatever length it comes out.
  private func pooled(
    _ sequences: [[Int32]], isUrgent: Bool, _ isCancelled: () -> Bool
  ) throws(EncoderError) -> [Float] {
    // Texts of like length together: packs fill evenly, and attention's scratch fits the longest of each.
    let order = sequences.indices.sorted { sequences[$0].count > sequences[$1].count }
    var vectors = [Float](repeating: 0, count: sequences.count * dimension)
    var pack: [Int] = []
    var tokens = 0
    for index in order {
      let count = sequences[index].count
      if !pack.isEmpty, tokens + count > Self.packTokens {
        if isCancelled() { throw .cancelled }
        transformer.run(pack, of: sequences, isUrgent: isUrgent, into: &vectors)
        pack.removeAll(keepingCapacity: true)
        tokens = 0
      }
      pack.append(index)
      tokens += count
    }
    if isCancelled() { throw .cancelled }
    if !pack.isEmpty { transformer.run(pack, of: sequences, isUrgent: isUrgent, into: &vectors) }
    return vectors
  }

  private func normalize(_ vectors: inout [Float]) {
    let (n, count) = (dimension, vectors.count)
    unsafe vectors.withUnsafeMutableBufferPointer { vectors in
      guard let start = vectors.baseAddress else { return }
      for row in stride(from: 0, to: count, by: n) { unsafe transformer.normalize(start + row, n) }
    }
  }
}

extension EncoderFingerprint {
  /// Depends on what is computed, not on where the folder lies: headers, sizes and a sample of the weights, and every
  /// file and setting that shapes how they are used. Hashing all weights would double the time to start.
  ///
  /// float32 and bfloat16 share one: their vectors mix (cosine above 0.9999), and a data folder may move to a machine
  /// that has only the former. int8 has its own.
  static func of(
    _ folder: ModelFolder, _ weights: EncoderWeights, _ precision: EncoderPrecision
  ) -> EncoderFingerprint {
    var hash = Fingerprint64()
    hash.add(Data("\(weights.signature)".utf8))
    for file in ModelFolder.configurationFiles {
      hash.add(FileManager.default.contents(atPath: folder.path + "/" + file) ?? Data())
    }
    for setting in [folder.queryPrefix, folder.documentPrefix] { hash.add(Data(setting.utf8)) }
    if precision == .int8 { hash.add(Data(precision.rawValue.utf8)) }
    let digits = String(hash.value, radix: 16)
    let padded = String(repeating: "0", count: 16 - digits.count) + digits
    return EncoderFingerprint(description: "\(folder.kind.rawValue)-\(folder.hidden)-\(padded)")
  }
}

/// FNV-1a. Tells files apart; does not resist an adversary.
struct Fingerprint64: Sendable {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  private mutating func mix(_ bits: UInt64) { value = (value ^ bits) &* 0x0000_0100_0000_01B3 }

  mutating func add(_ bytes: Data) {
    for byte in bytes { mix(UInt64(byte)) }
    mix(UInt64(bytes.count))
  }

  mutating func add(_ number: Float) { mix(UInt64(number.bitPattern)) }
}
