import CLociFTS
import LociCore
import LociStore

/// What a person typed, as the index looks for it, with how many documents have each term.
@safe struct QueryTerms: ~Copyable {
  private let handle: OpaquePointer

  /// `nil` when there is nothing to look for.
  init?(_ query: String, _ bucket: Bucket) {
    guard let handle = unsafe loci_fts_terms_create(query, query.utf8.count, bucket.keywordScope) else {
      return nil
    }
    unsafe self.handle = unsafe handle
  }

  deinit { unsafe loci_fts_terms_destroy(handle) }

  /// For FTS5's MATCH.
  var expression: String {
    let capacity = Int(LOCI_FTS_QUERY_BYTES_MAX)
    return unsafe String(unsafeUninitializedCapacity: capacity) { buffer in
      unsafe buffer.withMemoryRebound(to: CChar.self) { out in
        guard let start = out.baseAddress else { return 0 }
        return unsafe loci_fts_terms_expression(handle, start, capacity)
      }
    }
  }

  /// For loci_bm25, which asks for the type LOCI_FTS_TERMS_POINTER. Valid as long as the terms are.
  @unsafe var pointer: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(handle) }

  /// A document that is not in the index.
  struct Document {
    let item: Int64
    /// Words, as BM25 counts them.
    let size: Int
    /// How often it has each term; empty when it has none.
    fileprivate let occurrences: [UInt32]
    var matches: Bool { !occurrences.isEmpty }
  }

  func observe(_ text: ItemText) -> Document {
    var occurrences = [UInt32](repeating: 0, count: unsafe loci_fts_terms_count(handle))
    var (size, any) = (0, false)
    unsafe any = loci_fts_terms_observe(handle, text.text, text.text.utf8.count, &occurrences, &size)
    return Document(item: text.item, size: size, occurrences: any ? occurrences : [])
  }

  /// How often each term is in a text that the index knows, and the text's words. Reads at most `bytesMax` of it.
  func occurrences(in text: String, bytesMax: Int) -> (counts: [UInt32], size: Int) {
    var counts = [UInt32](repeating: 0, count: unsafe loci_fts_terms_count(handle))
    var size = 0
    _ = unsafe loci_fts_terms_occurrences(handle, text, min(text.utf8.count, bytesMax), &counts, &size)
    return (counts, size)
  }

  /// After all documents were observed, and the index was asked.
  func weights(documents: Int64, length: Double) -> TermWeights {
    let count = unsafe loci_fts_terms_count(handle)
    var frequencies = [Int64](repeating: 0, count: count)
    var uses = [UInt32](repeating: 0, count: count)
    unsafe loci_fts_terms_frequencies(handle, &frequencies, &uses)
    return TermWeights(documents: documents, frequencies: frequencies, uses: uses, length: length)
  }

  var count: Int { unsafe loci_fts_terms_count(handle) }

  /// How often the query has each term.
  var uses: [UInt32] {
    let count = unsafe loci_fts_terms_count(handle)
    var frequencies = [Int64](repeating: 0, count: count)
    var uses = [UInt32](repeating: 0, count: count)
    unsafe loci_fts_terms_frequencies(handle, &frequencies, &uses)
    return uses
  }

  /// After all documents were observed, and the index was asked.
  func score(_ document: Document, documents: Int64, length: Double) -> Float {
    guard document.matches else { return 0 }
    return unsafe Float(
      loci_fts_terms_score(handle, document.occurrences, document.size, Double(documents), length))
  }
}
