internal import CLociTrace
package import LociCore

/// Compression of stored bytes (zstd).
///
/// Used by one thread at a time: the one that took it from its pool, or the writer. That makes it safe to send.
@safe package final class Zstd: @unchecked Sendable {
  private let handle: OpaquePointer

  package init() {
    guard let handle = unsafe loci_zstd_create() else { preconditionFailure("out of memory") }
    unsafe self.handle = handle
  }

  deinit { unsafe loci_zstd_destroy(handle) }

  /// - Parameter level: 1, the fastest, to 19.
  package func compress(_ bytes: [UInt8], level: Int32 = 1) -> [UInt8] {
    let bound = loci_zstd_bound(bytes.count)
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      count = unsafe bytes.withUnsafeBufferPointer {
        unsafe loci_zstd_compress(handle, level, $0.baseAddress, $0.count, start, bound)
      }
    }
  }

  /// - Parameter limit: bytes that the content may have.
  /// - Throws: `dataLoss` when `frame` is not what `compress` made, or holds more than `limit`.
  package func expand(_ frame: [UInt8], limit: Int = 256 << 20) throws(LociError) -> [UInt8] {
    let size = unsafe frame.withUnsafeBufferPointer {
      unsafe loci_zstd_content_size($0.baseAddress, $0.count)
    }
    guard size >= 0, size <= Int64(limit) else {
      throw .dataLoss(file: "steps", problem: "a compressed part is damaged")
    }
    var result: Int32 = -1
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      result = unsafe frame.withUnsafeBufferPointer {
        unsafe loci_zstd_expand(handle, $0.baseAddress, $0.count, buffer.baseAddress, Int(size))
      }
      count = result == 0 ? Int(size) : 0
    }
    guard result == 0 else { throw .dataLoss(file: "steps", problem: "a compressed part is damaged") }
    return bytes
  }
}

/// Compressors that wait to be used again: making one costs more than compressing a batch.
package final class ZstdPool: Sendable {
  private let idle = Locked<[Zstd]>([])
  private static let idleMax = 16

  package init() {}

  package func with<T, E: Error>(_ body: (Zstd) throws(E) -> T) throws(E) -> T {
    let zstd = idle.withLock { $0.popLast() } ?? Zstd()
    defer { idle.withLock { if $0.count < Self.idleMax { $0.append(zstd) } } }
    return try body(zstd)
  }
}
