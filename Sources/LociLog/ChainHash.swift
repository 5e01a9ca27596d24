import Crypto
import LociCore

/// A SHA-256 that chains the records of a log. `zero` is the predecessor of the first record.
package struct ChainHash: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = 32
  package static let zero = ChainHash(words: (0, 0, 0, 0))

  private let a, b, c, d: UInt64

  private init(words: (UInt64, UInt64, UInt64, UInt64)) { (a, b, c, d) = words }

  init(_ digest: SHA256.Digest) {
    self = unsafe digest.withUnsafeBytes { unsafe Self(loading: $0) }
  }

  /// `nil` unless there are exactly 32 bytes.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    self = unsafe Array(bytes).withUnsafeBytes { unsafe Self(loading: $0) }
  }

  /// - Precondition: 32 bytes.
  init(loading bytes: UnsafeRawBufferPointer) {
    func word(_ index: Int) -> UInt64 {
      UInt64(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
    }
    self.init(words: (word(0), word(1), word(2), word(3)))
  }

  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    for word in [a, b, c, d] { bytes.append(bigEndian: word) }
    return bytes
  }

  /// The first eight bytes: enough for a token to tell one history from another.
  package var prefix: UInt64 { a }

  package var description: String { bytes.hexadecimal }
}

extension [UInt8] {
  mutating func append<T: FixedWidthInteger>(bigEndian value: T) {
    unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
  }
}
