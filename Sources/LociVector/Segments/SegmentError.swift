/// What is wrong with a file of a collection. Such a file is never read from again: it is built anew.
package enum SegmentError: Error, Sendable, Equatable {
  /// Not what its header says, or not a file of ours.
  case malformed(String)
  /// Bytes that are not those written.
  case checksum(section: String)
  case newerVersion(UInt32)
  /// The operating system refused: errno.
  case io(path: String, code: Int32)
  case outOfMemory(bytes: Int)
  case cancelled
}

/// A search met a segment that is damaged and not yet built anew.
package struct SegmentDamaged: Error, Sendable, Equatable {
  package let segment: UInt64
  package let problem: SegmentError
}
