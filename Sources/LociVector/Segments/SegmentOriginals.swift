import CLociMath

/// The full vectors of a segment, mapped, and each block checked before it is first read.
@safe final class SegmentOriginals: @unchecked Sendable {  // `verified` is atomic, the rest never changes
  static let blockBytes = 16 << 10

  let rowBytes: Int
  private let rows: MappedBytes
  private let checks: MappedArray<UInt32>
  /// A word for each block: 1 once it was checked.
  private let verified: MemoryBlock
  private let allVerified: MemoryBlock

  init(_ rows: MappedBytes, checks: MappedArray<UInt32>, rowBytes: Int) throws(SegmentError) {
    guard checks.count == (rows.count + Self.blockBytes - 1) / Self.blockBytes else {
      throw .malformed("too few checksums of originals")
    }
    self.rowBytes = rowBytes
    self.rows = rows
    self.checks = checks
    verified = try MemoryBlock(count: checks.count * 8)
    allVerified = try MemoryBlock(count: 8)
  }

  private func isVerified(_ block: Int) -> Bool {
    unsafe loci_atomic_load(verified.base.assumingMemoryBound(to: UInt64.self) + block) == 1
  }

  private func verify(_ block: Int) throws(SegmentError) {
    guard !isVerified(block) else { return }
    let start = block * Self.blockBytes
    let range = start..<min(start + Self.blockBytes, rows.count)
    guard rows.crc32c(range) == checks[block] else { throw .checksum(section: "originals") }
    unsafe loci_atomic_store(verified.base.assumingMemoryBound(to: UInt64.self) + block, 1)
  }

  /// Checks what has not been read yet.
  func verifyAll() throws(SegmentError) {
    let flag = unsafe allVerified.base.assumingMemoryBound(to: UInt64.self)
    guard unsafe loci_atomic_load(flag) == 0 else { return }
    for block in 0..<checks.count { try verify(block) }
    unsafe loci_atomic_store(flag, 1)
  }

  /// Row `index`, checked. The pointer is valid while the segment lives.
  @unsafe func row(_ index: Int) throws(SegmentError) -> UnsafeRawPointer {
    let start = index * rowBytes
    precondition(index >= 0 && start + rowBytes <= rows.count)
    for block in (start / Self.blockBytes)...((start + rowBytes - 1) / Self.blockBytes) { try verify(block) }
    return unsafe rows.pointer + start
  }

  /// All rows, after `verifyAll`. The pointer is valid while the segment lives.
  @unsafe var base: UnsafeRawPointer { unsafe rows.pointer }
}
