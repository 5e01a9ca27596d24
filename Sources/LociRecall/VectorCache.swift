import Dispatch
import Foundation
package import GRDB
package import LociCore
package import LociVector
import Synchronization

/// The vectors of buckets that were searched lately, in memory, kept current by every commit. A bucket is read
/// from its table when it is first searched, and let go when the cache outgrows its budget.
package final class VectorCache: Sendable {
  package struct Key: Hashable, Sendable {
    package let shard: ShardID
    package let bucket: Bucket

    package init(shard: ShardID, bucket: Bucket) {
      self.shard = shard
      self.bucket = bucket
    }
  }

  fileprivate struct State {
    /// Each bucket once for every encoder whose vectors are searched.
    var entries: [Key: [Entry]] = [:]
    var clock: UInt64 = 0
  }

  private let state = Locked(State())
  private let encoder: EncoderIdentity?
  private let bytesMax: Int
  private let indexing = DispatchQueue(label: "loci.indexing", qos: .background)

  /// `encoder` is the one that makes vectors now.
  package init(encoder: EncoderIdentity?, bytesMax: Int) {
    self.encoder = encoder
    self.bytesMax = bytesMax
  }

  // MARK: Commits

  func insert(_ vectors: [(item: Int64, vector: Data)], fingerprint: String, into key: Key) {
    guard !vectors.isEmpty else { return }
    let entries = entries(key)
    for entry in entries where entry.encoder.fingerprint == fingerprint { entry.change(.insert(vectors)) }
    // Made again by another encoder: the former vector goes once the new one is there, so that a search which asks
    // the former encoder first misses none.
    let items = vectors.map(\.item)
    for entry in entries where entry.encoder.fingerprint != fingerprint { entry.change(.remove(items)) }
  }

  func remove(_ items: [Int64], from key: Key) {
    for entry in entries(key) { entry.change(.remove(items)) }
  }

  private func entries(_ key: Key) -> [Entry] { state.withLock { $0.entries[key] ?? [] } }

  fileprivate func holds(_ entry: Entry, _ key: Key) -> Bool { entries(key).contains { $0 === entry } }

  // MARK: Searches

  /// Call before the snapshot is taken that `collection` will read: from here on no commit is missed.
  /// - Parameter earlier: an encoder that made vectors before; `nil` is the one that makes them now.
  package func open(_ key: Key, of earlier: EncoderIdentity? = nil) -> OpenBucket? {
    guard let encoder = earlier ?? encoder else { return nil }
    let entry = state.withLock { state in
      state.clock += 1
      let known = state.entries[key]?.first { $0.encoder == encoder }
      let entry = known ?? Entry(encoder: encoder)
      entry.touch(state.clock)
      if known == nil { state.entries[key, default: []].append(entry) }
      return entry
    }
    return OpenBucket(key: key, entry: entry, cache: self)
  }

  /// In the background: until it is done, all vectors are looked at.
  fileprivate func index(_ collection: IndexedCollection, _ key: Key) {
    guard collection.claimBuild() else { return }
    indexing.async { [weak self] in
      collection.build()
      self?.trim(keeping: key)
    }
  }

  /// Bytes held by loaded buckets.
  package var bytes: Int { state.withLock { $0.bytes } }

  /// Lets the longest unused buckets go until the budget is met; never `kept`.
  fileprivate func trim(keeping kept: Key) {
    state.withLock { state in
      var total = state.bytes
      guard total > bytesMax else { return }
      let use = state.entries.mapValues { entries in entries.map(\.lastUse).max() ?? 0 }
      for (key, _) in use.sorted(by: { $0.value < $1.value }) where key != kept {
        guard total > bytesMax else { return }
        total -= state.entries[key]?.reduce(0) { $0 + $1.bytes } ?? 0
        state.entries[key] = nil
      }
    }
  }

  package struct OpenBucket: Sendable {
    fileprivate let key: Key
    fileprivate let entry: Entry
    fileprivate let cache: VectorCache

    /// The bucket's vectors as of `db`'s snapshot or later, read on first use.
    package func collection(_ db: Database) throws -> IndexedCollection {
      guard cache.holds(entry, key) else {
        // Let go since it was opened: commits have passed it by.
        return try Entry(encoder: entry.encoder).load(key.bucket, db).0
      }
      let (collection, isNew) = try entry.load(key.bucket, db)
      if isNew { cache.trim(keeping: key) }
      cache.index(collection, key)
      return collection
    }
  }

  fileprivate enum Change {
    case insert([(item: Int64, vector: Data)])
    case remove([Int64])

    var bytes: Int {
      switch self {
      case .insert(let vectors): vectors.reduce(0) { $0 + $1.vector.count + 16 }
      case .remove(let items): items.count * 8
      }
    }
  }

  /// One bucket. Commits that come before it is read are kept and applied on top, in their order: replaying one
  /// that the snapshot already shows changes nothing.
  fileprivate final class Entry: Sendable {
    private enum Phase {
      case unread(changes: [Change])
      case loaded(IndexedCollection)
    }
    let encoder: EncoderIdentity
    private let phase = Locked(Phase.unread(changes: []))
    private let use = Atomic<UInt64>(0)

    init(encoder: EncoderIdentity) { self.encoder = encoder }

    func touch(_ clock: UInt64) { use.store(clock, ordering: .relaxed) }
    var lastUse: UInt64 { use.load(ordering: .relaxed) }

    var bytes: Int {
      phase.withLock { phase in
        switch phase {
        case .unread(let changes): changes.reduce(0) { $0 + $1.bytes }
        case .loaded(let collection): collection.allocatedBytes
        }
      }
    }

    func change(_ change: Change) {
      phase.withLock { phase in
        switch phase {
        case .unread(let changes): phase = .unread(changes: changes + [change])
        case .loaded(let collection): Self.apply(change, to: collection)
        }
      }
    }

    func load(_ bucket: Bucket, _ db: Database) throws -> (IndexedCollection, isNew: Bool) {
      try phase.withLock { phase in
        switch phase {
        case .loaded(let collection): return (collection, false)
        case .unread(let changes):
          let collection = try read(bucket, db)
          for change in changes { Self.apply(change, to: collection) }
          phase = .loaded(collection)
          return (collection, true)
        }
      }
    }

    private func read(_ bucket: Bucket, _ db: Database) throws -> IndexedCollection {
      let collection = IndexedCollection(
        try VectorCollection(dimension: encoder.dimension, metric: .innerProduct, storage: .float16))
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT item, vector FROM vectors
            WHERE bucket = ? AND encoder = (SELECT row FROM encoders WHERE fingerprint = ?)
            """), arguments: [bucket.rawValue, encoder.fingerprint])
      var (items, vectors): ([Int64], [Float]) = ([], [])
      while let row = try rows.next() {
        items.append(row[0])
        Float16Codec.decode(row[1] as Data, onto: &vectors)
        if items.count == Self.readBatch {
          try collection.upsert(ids: items, vectors: vectors)
          items.removeAll(keepingCapacity: true)
          vectors.removeAll(keepingCapacity: true)
        }
      }
      try collection.upsert(ids: items, vectors: vectors)
      return collection
    }

    private static let readBatch = 4_096

    private static func apply(_ change: Change, to collection: IndexedCollection) {
      switch change {
      case .insert(let vectors):
        var rows: [Float] = []
        for (_, vector) in vectors { Float16Codec.decode(vector, onto: &rows) }
        do { try collection.upsert(ids: vectors.map(\.item), vectors: rows) } catch {
          preconditionFailure("a stored vector is refused: \(error)")
        }
      case .remove(let items): collection.remove(ids: items)
      }
    }
  }
}

extension VectorCache.State {
  fileprivate var bytes: Int { entries.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.bytes } } }
}
