import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file mapped for reading: its pages are shared with every process that maps it, and the system may take them back.
@safe final class MappedFile: Sendable {
  private nonisolated(unsafe) let start: UnsafeRawPointer  // read only, unmapped with the object
  let byteCount: Int

  /// `nil` when it cannot be opened, is no regular file, or is empty.
  init?(path: String) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0
    else { return nil }
    byteCount = Int(status.st_size)
    guard let start = unsafe mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0),
      unsafe start != MAP_FAILED
    else { return nil }
    unsafe self.start = UnsafeRawPointer(start)
  }

  deinit { unsafe munmap(UnsafeMutableRawPointer(mutating: start), byteCount) }

  /// Valid as long as the object lives.
  var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: byteCount) }

  /// Gives the pages back; they come again when they are read.
  func release() { unsafe madvise(UnsafeMutableRawPointer(mutating: start), byteCount, MADV_DONTNEED) }
}
