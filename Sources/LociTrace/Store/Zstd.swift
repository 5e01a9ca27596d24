internal import CLociZstd
package import LociCore

/// Compression of stored bytes (zstd).
///
/// Used by one thread at a time: the one that took it from its pool, or the writer. That makes it safe to send.
@safe package final class Zstd: @unchecked Sendable {
  private let compressor: OpaquePointer
  private let expander: OpaquePointer

  package init() {
    guard let compressor = unsafe ZSTD_createCCtx(), let expander = unsafe ZSTD_createDCtx() else {
      preconditionFailure("out of memory")
    }
    unsafe self.compressor = compressor
    unsafe self.expander = expander
  }

  deinit {
    unsafe ZSTD_freeCCtx(compressor)
    unsafe ZSTD_freeDCtx(expander)
  }

  /// - Parameter level: 1, the fastest, to 19.
  package func compress(_ bytes: [UInt8], level: Int32 = 1) -> [UInt8] {
    let bound = ZSTD_compressBound(bytes.count)
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      let size = unsafe bytes.withUnsafeBytes {
        unsafe ZSTD_compressCCtx(compressor, buffer.baseAddress, bound, $0.baseAddress, $0.count, level)
      }
      count = ZSTD_isError(size) == 0 ? size : 0
    }
  }

  /// - Parameter limit: bytes that the content may have.
  /// - Throws: `dataLoss` when `frame` is not what `compress` made, or holds more than `limit`.
  package func expand(_ frame: [UInt8], limit: Int = 256 << 20) throws(LociError) -> [UInt8] {
    let size = unsafe frame.withUnsafeBytes { unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count) }
    // Unknown and damaged are the two largest numbers.
    guard size <= UInt64(limit) else {
      throw .dataLoss(file: "steps", problem: "a compressed part is damaged")
    }
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      let got = unsafe frame.withUnsafeBytes {
        unsafe ZSTD_decompressDCtx(expander, buffer.baseAddress, Int(size), $0.baseAddress, $0.count)
      }
      count = ZSTD_isError(got) == 0 ? got : 0
    }
    guard bytes.count == Int(size) else {
      throw .dataLoss(file: "steps", problem: "a compressed part is damaged")
    }
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
