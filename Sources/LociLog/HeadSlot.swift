import CLociSQLite
import LociCore

/// One of the two slots of a head file. Integers big-endian:
///
///     offset  size  content
///     0       8     "LOCIHEAD"
///     8       4     format version, 1
///     12      4     shard
///     16      4     restore epoch
///     20      4     n, bytes of the log id
///     24      8     sequence
///     32      32    hash of the record that ends there
///     64      16    its batch id
///     80      n     log id, UTF-8; zeros up to 504
///     504     8     checksum of the bytes before (two CRC-32C as for a page, with the slot's number)
struct HeadSlot: Equatable {
  static let byteCount = 512
  private static let magic = Array("LOCIHEAD".utf8)
  private static let formatVersion: UInt32 = 1
  private static let checksummed = byteCount - 8

  let identity: LogIdentity
  let head: LogHead

  enum Content: Equatable {
    /// Never written.
    case blank
    case damaged
    case newer(format: UInt32)
    case valid(HeadSlot)
  }

  func encoded(slot: Int) -> [UInt8] {
    var bytes = Self.magic
    bytes.append(bigEndian: Self.formatVersion)
    bytes.append(bigEndian: identity.shard.rawValue)
    bytes.append(bigEndian: identity.restoreEpoch)
    bytes.append(bigEndian: UInt32(identity.logID.utf8.count))
    bytes.append(bigEndian: head.sequence)
    bytes.append(contentsOf: head.hash.bytes)
    bytes.append(contentsOf: head.batch.bytes)
    bytes.append(contentsOf: identity.logID.utf8)
    bytes.append(contentsOf: [UInt8](repeating: 0, count: Self.checksummed - bytes.count))
    bytes.append(bigEndian: Self.checksum(bytes, slot: slot))
    return bytes
  }

  /// - Precondition: 512 bytes.
  static func decode(_ bytes: [UInt8], slot: Int) -> Content {
    precondition(bytes.count == byteCount)
    if bytes.allSatisfy({ $0 == 0 }) { return .blank }
    guard checksum(bytes, slot: slot) == integer(bytes, 504, UInt64.self), Array(bytes[0..<8]) == magic else {
      return .damaged
    }
    let version = integer(bytes, 8, UInt32.self)
    guard version == formatVersion else { return .newer(format: version) }
    let length = Int(integer(bytes, 20, UInt32.self))
    guard (1...255).contains(length), let hash = ChainHash(bytes: bytes[32..<64]),
      let batch = BatchID(bytes: bytes[64..<80])
    else { return .damaged }
    let identity = LogIdentity(
      logID: String(decoding: bytes[80..<(80 + length)], as: UTF8.self),
      shard: ShardID(rawValue: integer(bytes, 12, UInt32.self)), restoreEpoch: integer(bytes, 16, UInt32.self)
    )
    return .valid(
      HeadSlot(
        identity: identity,
        head: LogHead(sequence: integer(bytes, 24, UInt64.self), hash: hash, batch: batch)))
  }

  private static func checksum(_ bytes: [UInt8], slot: Int) -> UInt64 {
    unsafe bytes.withUnsafeBytes {
      unsafe loci_page_checksum($0.baseAddress!, checksummed, UInt32(slot), loci_checksum_level_best())
    }
  }

  private static func integer<T: FixedWidthInteger>(_ bytes: [UInt8], _ at: Int, _: T.Type) -> T {
    bytes[at..<(at + MemoryLayout<T>.size)].reduce(0) { $0 << 8 | T($1) }
  }
}
