import CLociEncoder
import Foundation

/// Splits text into the ids of a Unigram vocabulary, exactly as HuggingFace's tokenizers do. Immutable.
@safe package final class UnigramTokenizer: Sendable {
  private nonisolated(unsafe) let handle: OpaquePointer  // only read after init
  private let openingID, closingID: Int32
  /// One more than the greatest id it can give.
  package let vocabularyCount: Int

  /// Reads tokenizer.json, and the names of the special tokens from tokenizer_config.json.
  package convenience init(modelDirectory: String) throws(EncoderError) {
    let path = modelDirectory + "/tokenizer.json"
    guard let json = try TokenizerJSON(optional: path) else {
      throw .missing(file: path, advice: "a Unigram tokenizer is read from tokenizer.json only")
    }
    try self.init(UnigramFiles(json, directory: modelDirectory))
  }

  init(_ files: UnigramFiles) throws(EncoderError) {
    let path = files.json.path
    var options = loci_unigram_options(
      unknown_id: files.unknownID, byte_fallback: files.hasByteFallback,
      splits_white_space: files.splitsWhiteSpace, splits_metaspaces: files.splitsMetaspaces,
      prepend: files.prepend, metaspace: files.metaspace)
    guard let handle = unsafe loci_unigram_create(&options) else {
      throw .unsupported(file: path, problem: "there is no memory for it")
    }
    var kept = false
    defer { if !kept { unsafe loci_unigram_destroy(handle) } }
    try unsafe Self.fill(handle, files)
    let count = unsafe loci_unigram_piece_count(handle)
    func id(_ token: String) throws(EncoderError) -> Int32 {
      if let added = files.addedTokens.last(where: { $0.content == token }) { return added.id }
      let bytes = Array(token.utf8)
      let id = unsafe loci_unigram_id(handle, bytes, bytes.count)
      guard id >= 0 else { throw .malformed(file: path, problem: "has no token '\(token)'") }
      return id
    }
    openingID = try id(files.openingToken)
    closingID = try id(files.closingToken)
    vocabularyCount = max(count, Int(files.addedTokens.map(\.id).max() ?? 0) + 1)
    unsafe self.handle = unsafe handle
    kept = true
  }

  deinit { unsafe loci_unigram_destroy(handle) }

  private static func fill(_ handle: OpaquePointer, _ files: UnigramFiles) throws(EncoderError) {
    let path = files.json.path
    if let charsmap = files.charsmap {
      let bytes = [UInt8](charsmap)
      guard unsafe loci_unigram_set_charsmap(handle, bytes, bytes.count) else {
        throw .malformed(file: path, problem: "has damaged normalisation rules")
      }
    }
    for step in files.steps {
      let (from, to) = (Array(step.from.utf8), Array(step.to.utf8))
      guard unsafe loci_unigram_add_step(handle, step.kind, from, from.count, to, to.count) else {
        throw .unsupported(file: path, problem: "more than \(LOCI_UNIGRAM_STEPS_MAX) normalisers")
      }
    }
    let isRead = unsafe files.json.withVocabulary { bytes in
      guard let start = bytes.baseAddress else { return false }
      return unsafe loci_unigram_add_json(handle, start, bytes.count)
    }
    guard isRead == true else {
      throw .malformed(file: path, problem: "has a vocabulary that is not a list of pieces and scores")
    }
    for token in files.addedTokens {
      let bytes = Array(token.content.utf8)
      guard
        unsafe loci_unigram_add_special(
          handle, bytes, bytes.count, token.id, token.isSingleWord, token.takesLeft, token.takesRight)
      else { throw .malformed(file: path, problem: "has the added token '\(token.content)'") }
    }
    guard unsafe loci_unigram_finish(handle) else {
      throw .malformed(file: path, problem: "has no piece with its unk_id")
    }
  }

  /// The tokens of `text`, at most `maxTokens` ≥ 2 of them.
  package func encode(_ text: String, maxTokens: Int) throws(EncoderError) -> TokenizedText {
    precondition(maxTokens >= 2, "no room for <s> and </s>")
    var text = text
    let encoded: TokenizedText? = text.withUTF8 { bytes in
      // Usual text has more bytes than tokens; where it has not, the second pass knows how many.
      var capacity = min(maxTokens - 2, bytes.count + 1)
      while true {
        var total = 0
        let ids = unsafe [Int32](unsafeUninitializedCapacity: capacity + 2) { buffer, initialized in
          guard let start = buffer.baseAddress else { return }
          total = unsafe loci_unigram_encode(handle, bytes.baseAddress, bytes.count, start + 1, capacity)
          guard total >= 0 else { return }  // LOCI_UNIGRAM_NO_MEMORY is all ones
          let kept = min(total, capacity)
          unsafe buffer[0] = openingID
          unsafe buffer[kept + 1] = closingID
          initialized = kept + 2
        }
        guard total >= 0 else { return nil }
        if total <= capacity || capacity == maxTokens - 2 {
          return TokenizedText(ids: ids, tokenCount: total + 2)
        }
        capacity = min(maxTokens - 2, total)
      }
    }
    guard let encoded else { throw .overloaded("no memory to tokenize a text of \(text.utf8.count) bytes") }
    return encoded
  }
}
