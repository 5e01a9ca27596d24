/// Number of an event in its shard's log. The first event is 1; 0 is the empty log.
public typealias LogSequence = UInt64

/// Index of a shard, from 0 to the shard count of the data directory minus 1.
public struct ShardID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  public var description: String { String(rawValue) }
}

/// A place in the log. Every write answers with one; a read can wait for it.
public struct Position: Hashable, Sendable {
  public let shard: ShardID
  public let sequence: LogSequence
  public init(shard: ShardID, sequence: LogSequence) {
    self.shard = shard
    self.sequence = sequence
  }
}

/// How fresh a read must be.
public enum Consistency: Sendable, Equatable {
  /// Whatever is applied here.
  case eventual
  /// At least the given positions; those of other shards do not matter to the read.
  case atLeast([Position])
  /// Everything that was acknowledged before the read began.
  case strong
}
