/// What an encoder is, for those who use it and for those who ask.
package struct EncoderDescription: Sendable, Equatable {
  package enum Kind: String, Sendable {
    /// A transformer computed here.
    case transformer
    /// A server somewhere else.
    case remote
    /// Words hashed to places: compares words, not meanings.
    case hashing
  }

  package let kind: Kind
  package let name: String
  package let fingerprint: EncoderFingerprint
  package let dimension: Int
  /// Longest text in tokens, special tokens included; 0 when it is not known.
  package let maxTokens: Int
  package var architecture = ""
  package var precision = ""
  package var tokenizer = ""
  package var queryPrefix = ""
  package var documentPrefix = ""

  package init(
    kind: Kind, name: String, fingerprint: EncoderFingerprint, dimension: Int, maxTokens: Int,
    architecture: String = "", precision: String = "", tokenizer: String = "", queryPrefix: String = "",
    documentPrefix: String = ""
  ) {
    self.kind = kind
    self.name = name
    self.fingerprint = fingerprint
    self.dimension = dimension
    self.maxTokens = maxTokens
    self.architecture = architecture
    self.precision = precision
    self.tokenizer = tokenizer
    self.queryPrefix = queryPrefix
    self.documentPrefix = documentPrefix
  }
}

/// Text to vectors, however it is done.
package protocol TextEmbedder: Sendable {
  var about: EncoderDescription { get }
  /// Texts that one call of `encode` takes at most.
  var batchTextsMax: Int { get }

  /// A vector of unit length for each text.
  /// - Throws: `EncoderError`; `CancellationError`.
  func encode(
    _ texts: [String], kind: TextEncoder.Kind, longTexts: LongTexts,
    isCancelled: @escaping @Sendable () -> Bool
  ) async throws -> EncodedBatch
}
