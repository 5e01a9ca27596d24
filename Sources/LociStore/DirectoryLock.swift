import Foundation
import LociCore

/// Holds a folder for this process until it is released; the kernel gives it back when the process ends, however it
/// ends.
final class DirectoryLock: Sendable {
  private let descriptor: Locked<CInt?>

  init(path: String) throws(LociError) {
    let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .failedPrecondition("cannot open \(path): errno \(errno)") }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      close(file)
      throw .failedPrecondition("another process uses the data directory (\(path))")
    }
    descriptor = Locked(file)
  }

  func release() {
    if let file = descriptor.withLock({ $0.take() }) { close(file) }
  }

  deinit { release() }
}

/// Files that must survive a power cut: written beside, synced, renamed, and the folder synced.
enum DurableFile {
  static func replace(_ path: String, with bytes: Data) throws {
    let beside = path + ".new"
    try bytes.write(to: URL(fileURLWithPath: beside))
    try synchronize(beside)
    try unsafe check(rename(beside, path), path)
    try synchronize((path as NSString).deletingLastPathComponent)
  }

  private static func synchronize(_ path: String) throws {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    try check(descriptor, path)
    defer { close(descriptor) }
    try check(fsync(descriptor), path)
  }

  private static func check(_ result: CInt, _ path: String) throws {
    guard result >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
  }
}
