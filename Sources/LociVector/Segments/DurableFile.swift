import CLociMath
import Foundation

/// A new file, written from its beginning, that appears under its name only when it is whole and synced.
@safe final class DurableFile {
  private let path: String
  private let descriptor: Int32
  private(set) var count = 0
  private var buffer: [UInt8] = []
  private var isFinished = false
  /// Called with the bytes of each write: keeps it within a budget.
  private let pace: (Int) -> Void

  private static let bufferBytes = 1 << 20

  /// - Parameter pace: may sleep.
  init(path: String, pace: @escaping (Int) -> Void = { _ in }) throws(SegmentError) {
    self.path = path
    self.pace = pace
    descriptor = unsafe open(path + ".new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .io(path: path, code: errno) }
  }

  deinit {
    close(descriptor)
    if !isFinished { unsafe unlink(path + ".new") }
  }

  func write(_ bytes: [UInt8]) throws(SegmentError) {
    let result: Result<Void, SegmentError> = unsafe bytes.withUnsafeBytes { bytes in
      Result { () throws(SegmentError) in unsafe try write(bytes) }
    }
    try result.get()
  }

  @unsafe func write(_ bytes: UnsafeRawBufferPointer) throws(SegmentError) {
    count += bytes.count
    if buffer.count + bytes.count < Self.bufferBytes {
      unsafe buffer.append(contentsOf: bytes)
      return
    }
    try flush()
    unsafe try writeThrough(bytes)
  }

  func pad(to alignment: Int) throws(SegmentError) {
    let rest = count % alignment
    if rest > 0 { try write([UInt8](repeating: 0, count: alignment - rest)) }
  }

  func flush() throws(SegmentError) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    let result: Result<Void, SegmentError> = unsafe pending.withUnsafeBytes { bytes in
      Result { () throws(SegmentError) in unsafe try writeThrough(bytes) }
    }
    try result.get()
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(SegmentError) {
    var rest = unsafe bytes[...]
    while unsafe !rest.isEmpty {
      let part = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(4 << 20))
      let written = unsafe Foundation.write(descriptor, part.baseAddress, part.count)
      guard written > 0 else {
        if errno == EINTR { continue }
        throw .io(path: path, code: errno)
      }
      pace(written)
      unsafe rest = rest.dropFirst(written)
    }
  }

  /// Replaces bytes near the beginning, already written.
  func overwrite(at offset: Int, _ bytes: [UInt8]) throws(SegmentError) {
    try flush()
    let written = unsafe bytes.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset))
    }
    guard written == bytes.count else { throw .io(path: path, code: errno) }
  }

  /// What has been written so far, mapped.
  func mapped() throws(SegmentError) -> MappedFile {
    try flush()
    return try MappedFile(path: path + ".new")
  }

  /// Syncs the file, gives it its name, and syncs the folder.
  func finish() throws(SegmentError) {
    try flush()
    guard fsync(descriptor) == 0 else { throw .io(path: path, code: errno) }
    guard unsafe rename(path + ".new", path) == 0 else { throw .io(path: path, code: errno) }
    isFinished = true
    try Self.synchronizeFolder(of: path)
  }

  static func synchronizeFolder(of path: String) throws(SegmentError) {
    let folder = (path as NSString).deletingLastPathComponent
    let descriptor = unsafe open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .io(path: folder, code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .io(path: folder, code: errno) }
  }
}
