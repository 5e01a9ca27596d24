import CLociFTS
package import GRDB
import LociCore
import LociStore

/// Words of all items of a shard in one FTS5 table, each word prefixed with its bucket, so that a search reads the
/// postings of its own bucket only. The table keeps no text: the slices that own the items do.
package enum KeywordIndex {
  static func create(in db: Database) throws {
    try db.execute(
      sql: """
        CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'loci');
        CREATE VIRTUAL TABLE words_terms USING fts5vocab (words, instance);
        """)
  }

  /// Returns how many words the text has.
  static func insert(_ text: String, item: Int64, bucket: Bucket, in db: Database) throws -> Int {
    try HotStatement("INSERT INTO words (rowid, text) VALUES (?, ?)", in: db).run { row in
      row.bind(item)
      row.bind(scoped(text, bucket))
    }
    return wordCount(text)
  }

  static func remove(_ text: String, item: Int64, bucket: Bucket, in db: Database) throws -> Int {
    try db.cachedStatement(sql: "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)")
      .execute(arguments: [item, scoped(text, bucket)])
    return wordCount(text)
  }

  struct Matches {
    /// BM25 of the items that have a word of the query, best first.
    var best: [(item: Int64, bm25: Float)] = []
    /// BM25 of those asked for that matched, wherever they rank.
    var scores: [Int64: Float] = [:]
    /// How many items matched.
    var count: UInt64 = 0
    /// What the query's terms weigh among the bucket's items.
    var weights: TermWeights?
  }

  /// The best `limit` items of a bucket by BM25 (Robertson & Zaragoza 2009; k1 1.2, b 0.75), and the score of each of
  /// `wanted`, in one pass over the postings. Items that wait to be indexed take part.
  static func search(
    _ query: String, bucket: Bucket, source: any ItemSource, limit: Int, wanted: Set<Int64>,
    allowed: Set<Int64>?, in db: Database, checkCancellation: () throws -> Void
  ) throws -> Matches {
    guard let terms = QueryTerms(query, bucket) else { return Matches() }
    return try search(
      terms, bucket: bucket, source: source, limit: limit, wanted: wanted, allowed: allowed, in: db,
      checkCancellation: checkCancellation)
  }

  static func search(
    _ terms: borrowing QueryTerms, bucket: Bucket, source: any ItemSource, limit: Int, wanted: Set<Int64>,
    allowed: Set<Int64>?, in db: Database, checkCancellation: () throws -> Void
  ) throws -> Matches {
    let statistics = try Row.fetchOne(
      db.cachedStatement(sql: "SELECT items, words FROM buckets WHERE bucket = ?"),
      arguments: [bucket.rawValue])
    var waiting: [QueryTerms.Document] = []
    for text in try source.texts(after: WaitingWords.through(in: db), scopeRow: bucket.scopeRow, in: db) {
      waiting.append(terms.observe(text.text))
    }
    let items = (statistics?[0] ?? 0) + Int64(waiting.count)
    let words = (statistics?[1] ?? 0) + Int64(waiting.reduce(0) { $0 + $1.size })
    guard items > 0 else { return Matches() }
    let length = Double(words) / Double(items)

    var top = TopScores(limit: limit)
    var matches = Matches()
    func take(_ item: Int64, _ score: Float) {
      if let allowed, !allowed.contains(item) { return }
      matches.count += 1
      if wanted.contains(item) { matches.scores[item] = score }
      top.offer(item, score)
    }
    var untilCheck = rowsBetweenChecks
    try HotStatement(
      "SELECT rowid, loci_bm25(words, ?2, ?3, 0, ?4) FROM words WHERE words MATCH ?1", in: db
    ).run { row in
      row.bind(terms.expression)
      row.bind(items)
      row.bind(length)
      unsafe row.bind(terms.pointer, type: "loci_fts_terms")
    } _: { row in
      take(row.int64(0), Float(row.double(1)))
      untilCheck -= 1
      if untilCheck == 0 {
        try checkCancellation()
        untilCheck = rowsBetweenChecks
      }
      return true
    }
    for document in waiting where document.matches {
      take(document.item, terms.score(document, documents: items, length: length))
    }
    matches.best = top.sorted()
    matches.weights = terms.weights(documents: items, length: length)
    return matches
  }

  private static let rowsBetweenChecks = 4_096

  private static func scoped(_ text: String, _ bucket: Bucket) -> String {
    "\u{1}\(bucket.keywordScope)\u{2}\(text)"
  }
}

/// The `limit` best of a stream of scores; the higher item wins between equal ones.
struct TopScores {
  private let limit: Int
  private var heap: [(item: Int64, score: Float)] = []

  init(limit: Int) { self.limit = limit }

  mutating func offer(_ item: Int64, _ score: Float) {
    if heap.count < limit {
      heap.append((item, score))
      siftUp(heap.count - 1)
    } else if let worst = heap.first, (worst.score, worst.item) < (score, item) {
      heap[0] = (item, score)
      siftDown()
    }
  }

  func sorted() -> [(item: Int64, bm25: Float)] {
    heap.sorted { ($0.score, $0.item) > ($1.score, $1.item) }.map { ($0.item, $0.score) }
  }

  private func isWorse(_ a: Int, _ b: Int) -> Bool {
    (heap[a].score, heap[a].item) < (heap[b].score, heap[b].item)
  }

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0, isWorse(child, (child - 1) / 2) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && isWorse(child, worst) {
        worst = child
      }
      if worst == parent { return }
      heap.swapAt(parent, worst)
      parent = worst
    }
  }
}

extension KeywordIndex {
  /// Makes the tokenizer and the rank function known to a connection; before its first use.
  @Sendable package static func register(_ db: Database) throws {
    guard let connection = unsafe db.sqliteConnection, unsafe loci_fts_register(connection) == 0 else {
      throw LociError.internalError(detail: "the full-text tokenizer cannot be registered")
    }
  }

  /// Length of a text as BM25 counts it: words, and characters of text without spaces.
  static func wordCount(_ text: String) -> Int {
    var text = text
    return text.withUTF8 { bytes in
      var count = 0
      _ = unsafe withUnsafeMutablePointer(to: &count) { counter in
        unsafe bytes.withMemoryRebound(to: CChar.self) { bytes in
          unsafe loci_fts_split(bytes.baseAddress, bytes.count, counter) { counter, token in
            let kind = unsafe token.pointee.kind
            if kind == .word || kind == .character {
              unsafe counter?.assumingMemoryBound(to: Int.self).pointee += 1
            }
            return 0
          }
        }
      }
      return count
    }
  }
}
