import Crypto
import LociCore

/// The hash of a record, SHA-256 over these bytes; integers big-endian:
///
///     offset  size  content
///     0       16    "loci.log.record\0"
///     16      1     format version of the log
///     17      1     n, bytes of the log id
///     18      n     log id, UTF-8
///     18+n    4     shard
///     22+n    8     first sequence
///     30+n    8     last sequence
///     38+n    16    batch id
///     54+n    32    hash of the record before; zeros before the first
///     86+n    …     body, see LogBody
///
/// The digest of a redacted record is the same over what is left of it, with the record's own hash as the one before.
///
/// All but the body have fixed or stated lengths, so no two records have the same bytes.
struct RecordHash: Sendable {
  static let formatVersion: UInt8 = 1
  private let start: SHA256

  init(_ identity: LogIdentity) {
    var prefix = Array("loci.log.record\0".utf8)
    prefix.append(Self.formatVersion)
    prefix.append(UInt8(identity.logID.utf8.count))
    prefix.append(contentsOf: identity.logID.utf8)
    prefix.append(bigEndian: identity.shard.rawValue)
    var start = SHA256()
    start.update(data: prefix)
    self.start = start
  }

  func of(
    first: LogSequence, last: LogSequence, batch: BatchID, prev: ChainHash, body: UnsafeRawBufferPointer
  ) -> ChainHash {
    var header: [UInt8] = []
    header.reserveCapacity(64)
    header.append(bigEndian: first)
    header.append(bigEndian: last)
    header.append(contentsOf: batch.bytes)
    header.append(contentsOf: prev.bytes)
    var hash = start
    hash.update(data: header)
    unsafe hash.update(bufferPointer: body)
    return ChainHash(hash.finalize())
  }

  /// Of the plain body of `events`.
  func of(
    _ events: [[UInt8]], first: LogSequence, last: LogSequence, batch: BatchID, prev: ChainHash
  ) -> ChainHash {
    unsafe LogBody.encode(events).withUnsafeBytes { body in
      unsafe of(first: first, last: last, batch: batch, prev: prev, body: body)
    }
  }
}
