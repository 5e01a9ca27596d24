import CLociMath
import Foundation

/// A file mapped for reading, for as long as anything refers to it. It may be unlinked meanwhile.
@safe package final class MappedFile: @unchecked Sendable {  // never changes
  let path: String
  let count: Int
  private let base: UnsafeRawPointer

  init(path: String) throws(SegmentError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .io(path: path, code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .io(path: path, code: errno) }
    let count = Int(status.st_size)
    guard count > 0 else { throw .malformed("the file is empty") }
    guard let base = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0),
      unsafe base != UnsafeMutableRawPointer(bitPattern: -1)
    else { throw .io(path: path, code: errno) }
    self.path = path
    self.count = count
    unsafe self.base = UnsafeRawPointer(base)
  }

  deinit { unsafe munmap(UnsafeMutableRawPointer(mutating: base), count) }

  var bytes: MappedBytes { unsafe MappedBytes(owner: self, base: base, count: count) }

  enum Access { case random, sequential, soon }

  /// A hint for the system's read-ahead.
  func advise(_ access: Access, _ range: Range<Int>) {
    let page = 4_096
    let start = range.lowerBound / page * page
    guard range.upperBound <= count, start < range.upperBound else { return }
    let advice =
      switch access {
      case .random: MADV_RANDOM
      case .sequential: MADV_SEQUENTIAL
      case .soon: MADV_WILLNEED
      }
    unsafe madvise(UnsafeMutableRawPointer(mutating: base + start), range.upperBound - start, advice)
  }
}

/// Read-only bytes that keep their owner alive. Every access is checked against the end.
@safe struct MappedBytes: @unchecked Sendable {  // immutable
  let owner: AnyObject
  private let base: UnsafeRawPointer
  let count: Int

  /// `base` must stay valid and unchanged for as long as `owner` lives.
  @unsafe init(owner: AnyObject, base: UnsafeRawPointer, count: Int) {
    self.owner = owner
    unsafe self.base = base
    self.count = count
  }

  /// A copy in memory of its own, aligned as a mapping is to a cache line.
  init(copying bytes: [UInt8]) throws(SegmentError) {
    let block = try MemoryBlock(count: bytes.count)
    unsafe bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { unsafe block.base.copyMemory(from: start, byteCount: source.count) }
    }
    unsafe self.init(owner: block, base: UnsafeRawPointer(block.base), count: bytes.count)
  }

  subscript(range: Range<Int>) -> MappedBytes {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "beyond the end")
    return unsafe MappedBytes(owner: owner, base: base + range.lowerBound, count: range.count)
  }

  func load<T: BitwiseCopyable>(at offset: Int, as: T.Type = T.self) -> T {
    precondition(offset >= 0 && offset + MemoryLayout<T>.size <= count, "beyond the end")
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  func text(_ range: Range<Int>) -> String? {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "beyond the end")
    return unsafe String(
      validating: UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count), as: UTF8.self)
  }

  func array<T: BitwiseCopyable>(at offset: Int, count elements: Int) -> [T] {
    precondition(offset >= 0 && elements >= 0 && offset + elements * MemoryLayout<T>.stride <= count)
    return unsafe [T](unsafeUninitializedCapacity: elements) { buffer, initialized in
      if let target = buffer.baseAddress, elements > 0 {
        unsafe UnsafeMutableRawPointer(target)
          .copyMemory(from: base + offset, byteCount: elements * MemoryLayout<T>.stride)
      }
      initialized = elements
    }
  }

  /// `body` must not let the pointer out.
  @unsafe func withPointer<R, E: Error>(_ body: (UnsafeRawPointer) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(owner) {} }
    return unsafe try body(base)
  }

  /// Valid while `owner` lives.
  @unsafe var pointer: UnsafeRawPointer { unsafe base }

  func crc32c(_ range: Range<Int>) -> UInt32 {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "beyond the end")
    return unsafe loci_math_crc32c(0, base + range.lowerBound, range.count)
  }
}

/// Elements of one type in mapped bytes.
@safe struct MappedArray<Element: BitwiseCopyable>: @unchecked Sendable {  // immutable
  private let bytes: MappedBytes
  private let base: UnsafePointer<Element>
  let count: Int

  /// - Throws: `malformed` when the bytes are not whole elements, or not aligned to them.
  init(_ bytes: MappedBytes) throws(SegmentError) {
    let base = unsafe bytes.pointer
    guard bytes.count % MemoryLayout<Element>.stride == 0,
      Int(bitPattern: base) % MemoryLayout<Element>.alignment == 0
    else { throw .malformed("a section is not made of whole elements") }
    self.bytes = bytes
    unsafe self.base = base.assumingMemoryBound(to: Element.self)
    count = bytes.count / MemoryLayout<Element>.stride
  }

  subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count, "beyond the end")
    return unsafe base[index]
  }

  func array(_ range: Range<Int>) -> [Element] {
    bytes.array(at: range.lowerBound * MemoryLayout<Element>.stride, count: range.count)
  }

  /// The first index whose element is not below what is looked for, in elements that ascend.
  func partition(_ isBelow: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if unsafe isBelow(base[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Memory aligned to a cache line, freed with the object.
@safe final class MemoryBlock: @unchecked Sendable {  // whoever makes one writes it before sharing it
  let count: Int
  let base: UnsafeMutableRawPointer

  init(count: Int) throws(SegmentError) {
    guard let base = unsafe loci_rows_alloc(max(count, 1)) else { throw .outOfMemory(bytes: count) }
    self.count = count
    unsafe self.base = base
  }

  deinit { unsafe loci_rows_free(base, max(count, 1)) }
}
