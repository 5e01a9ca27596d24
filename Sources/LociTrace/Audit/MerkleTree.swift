import Crypto

/// The Merkle tree of RFC 6962 (section 2.1) over SHA-256: roots, and proofs that a third party can check.
package enum MerkleTree {
  package typealias Hash = [UInt8]

  package static let hashBytes = 32

  package static func leaf(_ data: [UInt8]) -> Hash { hash([0x00], data) }

  static func node(_ left: Hash, _ right: Hash) -> Hash { hash([0x01], left, right) }

  static func hash(_ parts: [UInt8]...) -> Hash {
    var hash = SHA256()
    for part in parts { hash.update(data: part) }
    return Array(hash.finalize())
  }

  /// The root of an empty tree: the hash of nothing.
  package static var emptyRoot: Hash { hash() }

  /// Gives the hash of the full subtree over leaves `index << level` up to `(index + 1) << level`.
  package typealias Nodes = (_ level: Int, _ index: UInt64) throws -> Hash

  /// Hash over leaves `from` to `to`, `from` a multiple of the range's enclosing power of two.
  private static func range(_ from: UInt64, _ to: UInt64, _ nodes: Nodes) throws -> Hash {
    let size = to - from
    let level = size.trailingZeroBitCount
    if size.nonzeroBitCount == 1 { return try nodes(level, from >> UInt64(level)) }
    let split = from + split(size)
    return try node(range(from, split, nodes), range(split, to, nodes))
  }

  /// The largest power of two below `size`, which is above 1.
  private static func split(_ size: UInt64) -> UInt64 { 1 << UInt64(63 - (size - 1).leadingZeroBitCount) }

  package static func root(size: UInt64, nodes: Nodes) throws -> Hash {
    size == 0 ? emptyRoot : try range(0, size, nodes)
  }

  /// Siblings from the leaf up (section 2.1.1).
  /// - Precondition: index < size.
  package static func inclusionPath(of index: UInt64, size: UInt64, nodes: Nodes) throws -> [Hash] {
    var path: [Hash] = []
    var (from, to) = (UInt64(0), size)
    while to - from > 1 {
      let middle = from + split(to - from)
      if index < middle {
        path.append(try range(middle, to, nodes))
        to = middle
      } else {
        path.append(try range(from, middle, nodes))
        from = middle
      }
    }
    return path.reversed()
  }

  /// Section 2.1.2.
  /// - Precondition: first ≤ second.
  package static func consistencyPath(first: UInt64, second: UInt64, nodes: Nodes) throws -> [Hash] {
    guard first > 0, first < second else { return [] }
    var path: [Hash] = []
    var (from, to) = (UInt64(0), second)
    var isWhole = true
    while first != to {
      let middle = from + split(to - from)
      if first <= middle {
        path.append(try range(middle, to, nodes))
        to = middle
      } else {
        path.append(try range(from, middle, nodes))
        from = middle
        isWhole = false
      }
    }
    if !isWhole { path.append(try range(from, to, nodes)) }
    return path.reversed()
  }

  // MARK: Checks, by whoever has a proof

  /// RFC 9162, section 2.1.3.2.
  package static func verifyInclusion(
    leaf: Hash, index: UInt64, size: UInt64, root: Hash, path: [Hash]
  ) -> Bool {
    guard index < size else { return false }
    var (place, last) = (index, size - 1)
    var hash = leaf
    for sibling in path {
      guard last > 0, sibling.count == hashBytes else { return false }
      if place & 1 == 1 || place == last {
        hash = node(sibling, hash)
        while place & 1 == 0, place != 0 {
          place >>= 1
          last >>= 1
        }
      } else {
        hash = node(hash, sibling)
      }
      place >>= 1
      last >>= 1
    }
    return last == 0 && hash == root
  }

  /// RFC 9162, section 2.1.4.2.
  package static func verifyConsistency(
    first: UInt64, second: UInt64, firstRoot: Hash, secondRoot: Hash, path: [Hash]
  ) -> Bool {
    guard first <= second, path.allSatisfy({ $0.count == hashBytes }) else { return false }
    if first == second { return path.isEmpty && firstRoot == secondRoot }
    if first == 0 { return path.isEmpty && firstRoot == emptyRoot }
    var path = path[...]
    if first.nonzeroBitCount == 1 { path = [firstRoot] + path }
    guard let start = path.popFirst() else { return false }
    var (place, last) = (first - 1, second - 1)
    while place & 1 == 1 {
      place >>= 1
      last >>= 1
    }
    var (old, new) = (start, start)
    for sibling in path {
      guard last > 0 else { return false }
      if place & 1 == 1 || place == last {
        old = node(sibling, old)
        new = node(sibling, new)
        while place & 1 == 0, place != 0 {
          place >>= 1
          last >>= 1
        }
      } else {
        new = node(new, sibling)
      }
      place >>= 1
      last >>= 1
    }
    return last == 0 && old == firstRoot && new == secondRoot
  }
}

/// A tree that grows leaf by leaf, of which only the peaks are kept.
package struct MerkleAccumulator: Sendable {
  package private(set) var size: UInt64 = 0
  /// Full subtrees, largest first.
  private var peaks: [MerkleTree.Hash] = []

  package init() {}

  package mutating func append(_ leaf: MerkleTree.Hash) {
    var hash = leaf
    var rest = size
    while rest & 1 == 1, let left = peaks.popLast() {
      hash = MerkleTree.node(left, hash)
      rest >>= 1
    }
    peaks.append(hash)
    size += 1
  }

  package var root: MerkleTree.Hash {
    guard var hash = peaks.last else { return MerkleTree.emptyRoot }
    for peak in peaks.dropLast().reversed() { hash = MerkleTree.node(peak, hash) }
    return hash
  }
}
