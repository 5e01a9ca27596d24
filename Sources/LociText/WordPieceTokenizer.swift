import CLociEncoder
import Foundation

/// Splits text into the ids of a BERT vocabulary, exactly as HuggingFace's tokenizers do. Immutable.
@safe package final class WordPieceTokenizer: Sendable {
  private nonisolated(unsafe) let handle: OpaquePointer  // only read after init
  private let classID, separatorID: Int32
  /// One more than the greatest id it can give.
  package let vocabularyCount: Int

  /// Reads vocab.txt, or the vocabulary in tokenizer.json, with the settings of both tokenizer files.
  package convenience init(modelDirectory: String) throws(EncoderError) {
    try self.init(TokenizerFiles(modelDirectory))
  }

  init(_ files: TokenizerFiles) throws(EncoderError) {
    let pieces = files.vocabulary
    func id(_ token: String) throws(EncoderError) -> Int32 {
      guard let id = pieces.id(of: token) else {
        throw .malformed(file: pieces.path, problem: "has no token '\(token)'")
      }
      return id
    }
    classID = try id(files.classToken)
    separatorID = try id(files.separatorToken)
    let greatestAdded = files.addedTokens.map(\.id).max() ?? 0
    vocabularyCount = Int(max(pieces.greatestID, greatestAdded)) + 1
    var options = loci_wordpiece_options(
      clean_text: files.cleansText, space_ideographs: files.spacesIdeographs,
      strip_accents: files.stripsAccents,
      lower_case: files.lowersCase, unknown_id: try id(files.unknownToken),
      word_characters_max: UInt32(clamping: files.wordCharactersMax))
    guard let handle = unsafe loci_wordpiece_create(&options, pieces.bytes.count) else {
      throw .unsupported(
        file: pieces.path, problem: "a vocabulary of \(pieces.bytes.count) bytes, or its settings")
    }
    unsafe self.handle = unsafe handle
    guard unsafe Self.add(pieces, prefix: files.continuationPrefix, to: handle),
      unsafe Self.add(files.addedTokens, to: handle)
    else { throw .malformed(file: pieces.path, problem: "holds an empty token or a negative id") }
  }

  deinit { unsafe loci_wordpiece_destroy(handle) }

  /// The tokens of `text`, at most `maxTokens` ≥ 2 of them. O(bytes of text), whatever `maxTokens`.
  package func encode(_ text: String, maxTokens: Int) -> TokenizedText {
    precondition(maxTokens >= 2, "no room for [CLS] and [SEP]")
    var text = text
    return text.withUTF8 { bytes in
      // A byte gives at most four tokens: one for each character of its decomposition.
      let capacity = min(maxTokens - 2, 4 * bytes.count)
      var total = 0
      let ids = unsafe [Int32](unsafeUninitializedCapacity: capacity + 2) { buffer, initialized in
        guard let start = buffer.baseAddress else { return }
        total = unsafe loci_wordpiece_encode(handle, bytes.baseAddress, bytes.count, start + 1, capacity)
        let kept = min(total, capacity)
        unsafe buffer[0] = classID
        unsafe buffer[kept + 1] = separatorID
        initialized = kept + 2
      }
      return TokenizedText(ids: ids, tokenCount: total + 2)
    }
  }

  /// Tokens of `text` before truncation, [CLS] and [SEP] included.
  package func countTokens(_ text: String) -> Int {
    encode(text, maxTokens: 2).tokenCount
  }

  private static func add(_ pieces: Vocabulary, prefix: String, to handle: OpaquePointer) -> Bool {
    let prefix = Array(prefix.utf8)
    return unsafe pieces.bytes.withUnsafeBufferPointer { bytes in
      for entry in pieces.entries {
        guard let base = bytes.baseAddress else { return false }
        let piece = unsafe UnsafeBufferPointer(start: base + entry.range.lowerBound, count: entry.range.count)
        let continues = unsafe !prefix.isEmpty && piece.starts(with: prefix)
        let skipped = continues ? prefix.count : 0
        let start = unsafe base + entry.range.lowerBound + skipped
        let count = piece.count - skipped
        // The bare prefix and an empty line match nothing.
        if count > 0, unsafe !loci_wordpiece_add_piece(handle, start, count, continues, entry.id) {
          return false
        }
        if prefix.isEmpty, count > 0, unsafe !loci_wordpiece_add_piece(handle, start, count, true, entry.id) {
          return false
        }
      }
      return true
    }
  }

  private static func add(_ tokens: [TokenizerFiles.AddedToken], to handle: OpaquePointer) -> Bool {
    tokens.allSatisfy { token in
      let bytes = Array(token.content.utf8)
      return unsafe loci_wordpiece_add_special(handle, bytes, bytes.count, token.isSingleWord, token.id)
    }
  }
}
