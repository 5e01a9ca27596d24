import Foundation
import GRDB
package import LociCore
import LociLog
package import LociStore
package import LociVector
package import Logging
import Synchronization

/// The collections that are open, kept current by every commit. One is opened when it is first used: its files are
/// mapped, and what the log has beyond them is read.
package final class CollectionCatalog: Sendable {
  private enum Phase {
    /// Commits that come while the collection is read are applied on top of it, in their order.
    case opening(pending: [CollectionChange])
    case open(SegmentedCollection)
    case dropped
  }

  private final class Entry: Sendable {
    let phase = Locked(Phase.opening(pending: []))
    /// Held while the collection is opened.
    let opening = Locked(())
    /// When it was last used, by the catalog's own count.
    let lastUse = Atomic<UInt64>(0)
  }

  private let entries = Locked<[CollectionKey: Entry]>([:])
  private let path: String
  private let policy: SegmentPolicy
  private let pace: Pace
  /// Collections kept open. Those not used for longest are closed first, and mapped again on use.
  private let openMax: Int
  private let uses = Atomic<UInt64>(0)
  private let isStopping = Atomic<Bool>(false)
  private let logger: Logger
  /// Told when a collection may have something to build.
  private let wake = AsyncStream.makeStream(of: CollectionKey.self, bufferingPolicy: .bufferingNewest(1_024))

  /// - Parameters:
  ///   - path: folder of the files of all collections.
  ///   - bytesPerSecond: what the building of segments may write.
  ///   - openMax: collections kept open.
  package init(
    path: String, policy: SegmentPolicy = .init(), bytesPerSecond: Int, openMax: Int = 1_024, logger: Logger
  ) {
    self.path = path
    self.policy = policy
    self.openMax = openMax
    pace = Pace(bytesPerSecond: bytesPerSecond)
    self.logger = logger
  }

  // MARK: Commits

  /// Called by the slice after each commit.
  package func apply(_ change: CollectionChange) {
    guard let entry = entries.withLock({ $0[change.key] }) else { return }
    let collection: SegmentedCollection? = entry.phase.withLock { phase in
      if case .dropped = change.kind {
        phase = .dropped
        return nil
      }
      switch phase {
      case .opening(let pending):
        phase = .opening(pending: pending + [change])
        return nil
      case .open(let collection):
        apply(change, to: collection, key: change.key)
        return collection
      case .dropped: return nil
      }
    }
    if case .dropped = change.kind {
      entries.withLock { $0[change.key] = nil }
      try? FileManager.default.removeItem(atPath: folder(change.key))
    }
    if collection?.needsMaintenance ?? false { wake.continuation.yield(change.key) }
  }

  /// A change that cannot be applied would leave the collection wrong: it is closed, and read anew when next used.
  private func apply(_ change: CollectionChange, to collection: SegmentedCollection, key: CollectionKey) {
    guard case .points(let event) = change.kind else { return }
    do { try collection.apply(PointChange(event), sequence: change.sequence) } catch {
      logger.error("a collection is closed", metadata: ["collection": "\(key)", "error": "\(error)"])
      entries.withLock { $0[key] = nil }
    }
  }

  // MARK: Opening

  /// The collection, with everything applied that was committed before the call.
  /// - Throws: `notFound` when it was dropped meanwhile.
  package func open(_ info: CollectionInfo, in shard: Shard) throws -> SegmentedCollection {
    let key = CollectionKey(shard: shard.id, collection: info.id)
    let entry = entries.withLock { entries in
      if let entry = entries[key] { return entry }
      let entry = Entry()
      entries[key] = entry
      return entry
    }
    entry.lastUse.store(uses.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
    if let open = try opened(entry, info) { return open }
    return try entry.opening.withLock { _ in
      if let open = try opened(entry, info) { return open }
      do {
        // The snapshot is taken after the entry was there: no commit is missed.
        let collection = try shard.withDatabase { db in try read(info, key, db) }
        return try entry.phase.withLock { phase in
          guard case .opening(let pending) = phase else {
            throw LociError.notFound(.collection, id: info.name)
          }
          for change in pending { apply(change, to: collection, key: key) }
          phase = .open(collection)
          wake.continuation.yield(key)
          return collection
        }
      } catch {
        entries.withLock { $0[key] = $0[key] === entry ? nil : $0[key] }
        throw error
      }
    }
  }

  /// The collection if it is open already.
  package func loaded(_ key: CollectionKey) -> SegmentedCollection? { openNow(key) }

  /// Closes what was not used for longest, down to the limit. Call where segments are built: nothing may be building.
  private func closeUnused() {
    entries.withLock { entries in
      guard entries.count > openMax else { return }
      let byUse = entries.map { ($0.key, $0.value.lastUse.load(ordering: .relaxed)) }.sorted { $0.1 < $1.1 }
      for (key, _) in byUse.prefix(entries.count - openMax) {
        let isOpen = entries[key]?.phase.withLock { phase in
          if case .open = phase { true } else { false }
        }
        if isOpen ?? false { entries[key] = nil }
      }
    }
  }

  /// Runs work on the files of a collection, one at a time in the whole catalog: on `workers`, which has one thread.
  /// - Throws: `unavailable` when the collection was closed since it was opened.
  package func upkeep<T: Sendable>(
    _ key: CollectionKey, _ collection: SegmentedCollection, on workers: WorkerPool,
    _ body: @escaping @Sendable () throws -> T
  ) async throws -> T {
    precondition(workers.width == 1, "two would write the same files")
    return try await workers.run {
      guard self.openNow(key) === collection else {
        throw LociError.unavailable("the collection was closed meanwhile; try again")
      }
      return try body()
    }
  }

  private func opened(_ entry: Entry, _ info: CollectionInfo) throws -> SegmentedCollection? {
    try entry.phase.withLock { phase in
      switch phase {
      case .opening: return nil
      case .open(let collection): return collection
      case .dropped: throw LociError.notFound(.collection, id: info.name)
      }
    }
  }

  private func read(_ info: CollectionInfo, _ key: CollectionKey, _ db: Database) throws
    -> SegmentedCollection
  {
    let points = LogPoints(info.id, in: db)
    guard try CollectionQueries.counters(of: info.id, in: db) != nil else {
      throw LociError.notFound(.collection, id: info.name)
    }
    let collection = try SegmentedCollection(
      layout: info.layout, identity: CollectionIdentity(logID: LogTable.identity(in: db).logID, key),
      folder: folder(key), policy: policy
    ) { sequence, stamp in
      (try? points.stamp(covering: sequence)) == stamp
    }
    let source = SnapshotPoints(
      points: points, rowBytes: info.layout.dimension * info.layout.element.bytesPerElement)
    for sequence in try CollectionQueries.writes(after: collection.sequence, info.id, in: db) {
      try collection.apply(points.change(sequence), sequence: sequence)
      // A long history is sealed while it is read, or it would all be in memory.
      if collection.isTailFull { try collection.sealTail(source) }
    }
    let position = try ScopeQueries.position(shard: key.shard, in: db)
    collection.skip(to: position.sequence)
    return collection
  }

  private func folder(_ key: CollectionKey) -> String { "\(path)/shard-\(key.shard)/\(key.collection)" }

  // MARK: Background work

  /// What the building of segments may take, until `stop`.
  package var budget: MaintenanceBudget {
    MaintenanceBudget(pace: pace.callAsFunction) { [weak self] in
      self?.isStopping.load(ordering: .relaxed) ?? true
    }
  }

  /// Builds segments until `stop`.
  package func run(_ store: Store, workers: WorkerPool) async {
    for shard in store.shards { removeStrangers(shard) }
    let budget = budget
    for await key in wake.stream {
      guard !isStopping.load(ordering: .relaxed) else { return }
      try? await workers.run { self.closeUnused() }
      guard let collection = openNow(key), collection.needsMaintenance else { continue }
      let source = source(key, collection, store)
      do {
        try await upkeep(key, collection, on: workers) { try collection.maintain(source, budget: budget) }
      } catch SegmentError.cancelled {
        return
      } catch {
        logger.warning("segments not built", metadata: ["collection": "\(key)", "error": "\(error)"])
        // Tried again when the collection next changes.
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Ends `run`, in the middle of a segment if need be: what was begun is begun anew another time.
  package func stop() {
    isStopping.store(true, ordering: .relaxed)
    wake.continuation.finish()
  }

  /// Asks for background work on a collection.
  package func wake(_ key: CollectionKey) { wake.continuation.yield(key) }

  private func openNow(_ key: CollectionKey) -> SegmentedCollection? {
    guard let entry = entries.withLock({ $0[key] }) else { return nil }
    entry.lastUse.store(uses.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
    return entry.phase.withLock { phase in
      if case .open(let collection) = phase { collection } else { nil }
    }
  }

  package func source(_ key: CollectionKey, _ collection: SegmentedCollection, _ store: Store)
    -> any PointSource
  {
    ShardPoints(
      shard: store.shards[Int(key.shard.rawValue)], collection: key.collection,
      rowBytes: collection.layout.dimension * collection.layout.element.bytesPerElement)
  }

  /// Folders of collections that were dropped when the server was killed.
  private func removeStrangers(_ shard: Shard) {
    let folder = "\(path)/shard-\(shard.id)"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard !names.isEmpty, let known = try? shard.withDatabase({ db in try CollectionQueries.all(in: db) })
    else {
      return
    }
    for name in names {
      guard let collection = Int64(name), !known.contains(collection),
        openNow(CollectionKey(shard: shard.id, collection: collection)) == nil
      else { continue }
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
  }
}

extension CollectionIdentity {
  /// Of a collection of a data directory.
  init(logID: String, _ key: CollectionKey) {
    // FNV-1a over the log's random id: two directories differ in it, and a collection's row is never used twice.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in logID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    self.init(high: hash, low: UInt64(key.shard.rawValue) << 48 ^ UInt64(bitPattern: key.collection))
  }
}

/// Holds a stream of writes to a rate.
private final class Pace: Sendable {
  private let bytesPerSecond: Int
  private let free = Locked(ContinuousClock.now)

  init(bytesPerSecond: Int) { self.bytesPerSecond = bytesPerSecond }

  @Sendable func callAsFunction(_ bytes: Int) {
    let wait = free.withLock { free in
      let now = ContinuousClock.now
      free = max(free, now) + .seconds(Double(bytes) / Double(bytesPerSecond))
      return free - now
    }
    // A quarter of a second may be written at once.
    let excess = wait - .milliseconds(250)
    if excess > .zero { Thread.sleep(forTimeInterval: excess / .seconds(1)) }
  }
}
