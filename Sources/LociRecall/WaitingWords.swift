import GRDB
import LociStore

/// Items whose words are not in the full-text index yet. FTS5 writes a segment, and now and then merges several, for
/// every commit that has a new word: at one message a commit that is most of the commit. So words go in many items at a
/// time, and until then a search reads the texts of the few items that wait.
///
/// The index holds exactly the items up to `through`, and those that wait are exactly the items above it, so a restart
/// finds them in the tables. When they go in depends on the log alone.
final class WaitingWords: @unchecked Sendable {  // only the shard's writer has it
  static let itemsMax = 256
  static let bytesMax = 64 << 10

  /// The last item whose words are in the index.
  private var through: Int64
  private var items: [Int64: (bucket: Bucket, text: String)] = [:]
  private var bytes = 0

  static func create(in db: Database) throws {
    try db.execute(
      sql: """
        CREATE TABLE words_state (one INTEGER PRIMARY KEY CHECK (one = 1), through INTEGER NOT NULL) STRICT;
        INSERT INTO words_state VALUES (1, 0);
        """)
  }

  static func through(in db: Database) throws -> Int64 {
    try Int64.fetchOne(db.cachedStatement(sql: "SELECT through FROM words_state")) ?? 0
  }

  init(_ sources: [any ItemSource], in db: Database) throws {
    through = try Self.through(in: db)
    for source in sources {
      for (scopeRow, text) in try source.texts(after: through, scopeRow: nil, in: db) {
        add(text, Bucket(scopeRow: scopeRow, kind: source.kind))
      }
    }
  }

  func insert(_ texts: [ItemText], into bucket: Bucket, in db: Database) throws {
    var words = Length()
    for text in texts {
      if text.item > through {
        add(text, bucket)
      } else {
        words.add(try KeywordIndex.insert(text.text, item: text.item, bucket: bucket, in: db))
      }
    }
    try words.add(to: bucket, in: db)
    if items.count >= Self.itemsMax || bytes >= Self.bytesMax { try flush(db) }
  }

  /// `texts` are what was inserted.
  func remove(_ texts: [ItemText], from bucket: Bucket, in db: Database) throws {
    var words = Length()
    for text in texts {
      if text.item > through {
        drop(text.item)
      } else {
        words.subtract(try KeywordIndex.remove(text.text, item: text.item, bucket: bucket, in: db))
      }
    }
    try words.add(to: bucket, in: db)
  }

  private func flush(_ db: Database) throws {
    var lengths: [Bucket: Length] = [:]
    for (item, (bucket, text)) in items.sorted(by: { $0.key < $1.key }) {
      lengths[bucket, default: Length()].add(
        try KeywordIndex.insert(text, item: item, bucket: bucket, in: db))
      through = item
    }
    for (bucket, length) in lengths { try length.add(to: bucket, in: db) }
    try db.execute(sql: "UPDATE words_state SET through = ?", arguments: [through])
    items.removeAll(keepingCapacity: true)
    bytes = 0
  }

  private func add(_ text: ItemText, _ bucket: Bucket) {
    drop(text.item)
    items[text.item] = (bucket, text.text)
    bytes += text.text.utf8.count
  }

  private func drop(_ item: Int64) {
    if let old = items.removeValue(forKey: item) { bytes -= old.text.utf8.count }
  }
}

/// Items and words that a bucket gains or loses.
private struct Length {
  private var items = 0
  private var words = 0

  mutating func add(_ count: Int) { (items, words) = (items + 1, words + count) }
  mutating func subtract(_ count: Int) { (items, words) = (items - 1, words - count) }

  func add(to bucket: Bucket, in db: Database) throws {
    guard items != 0 else { return }
    try db.cachedStatement(
      sql: """
        INSERT INTO buckets (bucket, items, words) VALUES (?, ?, ?)
        ON CONFLICT (bucket) DO UPDATE SET items = items + excluded.items, words = words + excluded.words
        """
    ).execute(arguments: [bucket.rawValue, items, words])
  }
}
