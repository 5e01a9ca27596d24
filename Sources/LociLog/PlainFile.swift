import CLociSQLite
import Foundation
import LociCore

/// A small file beside a database, read and written through the same layer as the database. Not thread-safe.
@safe struct PlainFile: ~Copyable, @unchecked Sendable {  // its owner holds it in a Locked
  private let handle: OpaquePointer
  let path: String

  init(path: String, create: Bool) throws(LociError) {
    var handle: OpaquePointer?
    let code = unsafe loci_plain_file_open(path, create, &handle)
    guard let opened = unsafe handle else { throw Self.failure(path, "cannot be opened", code) }
    unsafe self.handle = opened
    self.path = path
  }

  deinit { unsafe loci_plain_file_close(handle) }

  func byteCount() throws(LociError) -> Int {
    var size: Int64 = 0
    try check(unsafe loci_plain_file_size(handle, &size), "cannot be read")
    return Int(size)
  }

  /// What lies beyond the end of the file reads as zeros.
  func read(_ count: Int, at offset: Int) throws(LociError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try check(unsafe loci_plain_file_read(handle, &bytes, Int32(count), Int64(offset)), "cannot be read")
    return bytes
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(LociError) {
    try check(
      unsafe loci_plain_file_write(handle, bytes, Int32(bytes.count), Int64(offset)), "cannot be written")
  }

  func synchronize() throws(LociError) {
    try check(unsafe loci_plain_file_sync(handle), "cannot be synced")
  }

  static func remove(_ path: String) throws(LociError) {
    do { try FileManager.default.removeItem(atPath: path) } catch {
      throw .unavailable("\(path) cannot be removed: \(error.localizedDescription)")
    }
  }

  private func check(_ code: Int32, _ problem: String) throws(LociError) {
    if code != 0 { throw Self.failure(path, problem, code) }
  }

  private static func failure(_ path: String, _ problem: String, _ code: Int32) -> LociError {
    switch code & 0xFF {
    case 13: .storageFull  // SQLITE_FULL
    case 14: .unavailable("\(path) \(problem)")  // SQLITE_CANTOPEN
    default: .dataLoss(file: path, problem: "\(problem) (SQLite error \(code))")
    }
  }
}
