import Synchronization

/// Vectors of texts encoded lately, by text and by how it was encoded. One encoder's; least recently used ones go when
/// the bytes run out. Texts are not kept, only 128 bits of keyed hash: the key is new with each process, so nobody can
/// make two texts meet.
final class EmbeddingCache: Sendable {
  struct Key: Hashable, Sendable {
    let high, low: Int

    init(_ text: String, _ way: EncodingQueue.Way) {
      func hash(_ salt: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(salt)
        hasher.combine(way)
        // The bytes, not the string: canonically equivalent texts may have different vectors.
        var text = text
        text.withUTF8 { bytes in unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes)) }
        return hasher.finalize()
      }
      high = hash(1)
      low = hash(2)
    }
  }

  struct Value: Sendable {
    let vector: [Float]
    let tokenCount: Int
    let isTruncated: Bool
  }

  struct Counts: Sendable, Equatable {
    var hits: UInt64 = 0
    var misses: UInt64 = 0
    var bytes = 0
  }

  fileprivate struct Entry {
    let key: Key
    let value: Value
    var newer, older: Int
  }

  fileprivate struct State {
    var places: [Key: Int] = [:]
    var entries: [Entry] = []
    var free: [Int] = []
    var newest = -1
    var oldest = -1
    var counts = Counts()
  }

  let bytesMax: Int
  private let state = Mutex(State())

  /// - Parameter bytesMax: 0 keeps nothing.
  init(bytesMax: Int) { self.bytesMax = bytesMax }

  var counts: Counts { state.withLock { $0.counts } }

  func value(_ key: Key) -> Value? {
    state.withLock { state in
      guard let place = state.places[key] else {
        state.counts.misses += 1
        return nil
      }
      state.counts.hits += 1
      state.unlink(place)
      state.linkNewest(place)
      return state.entries[place].value
    }
  }

  func insert(_ value: Value, for key: Key) {
    let size = Self.bytes(value)
    guard size <= bytesMax else { return }
    state.withLock { state in
      guard state.places[key] == nil else { return }
      while state.counts.bytes + size > bytesMax, state.oldest >= 0 { state.removeOldest() }
      let entry = Entry(key: key, value: value, newer: -1, older: -1)
      let place: Int
      if let free = state.free.popLast() {
        place = free
        state.entries[place] = entry
      } else {
        place = state.entries.count
        state.entries.append(entry)
      }
      state.places[key] = place
      state.counts.bytes += size
      state.linkNewest(place)
    }
  }

  /// The vector and what keeps it.
  private static func bytes(_ value: Value) -> Int { value.vector.count * 4 + 160 }
}

extension EmbeddingCache.State {
  mutating func unlink(_ place: Int) {
    let (newer, older) = (entries[place].newer, entries[place].older)
    if newer >= 0 { entries[newer].older = older } else { newest = older }
    if older >= 0 { entries[older].newer = newer } else { oldest = newer }
  }

  mutating func linkNewest(_ place: Int) {
    entries[place].newer = -1
    entries[place].older = newest
    if newest >= 0 { entries[newest].newer = place } else { oldest = place }
    newest = place
  }

  mutating func removeOldest() {
    let place = oldest
    unlink(place)
    places[entries[place].key] = nil
    counts.bytes -= entries[place].value.vector.count * 4 + 160
    // The vector's memory goes now, the place is used again.
    entries[place] = EmbeddingCache.Entry(
      key: entries[place].key, value: EmbeddingCache.Value(vector: [], tokenCount: 0, isTruncated: false),
      newer: -1,
      older: -1)
    free.append(place)
  }
}
