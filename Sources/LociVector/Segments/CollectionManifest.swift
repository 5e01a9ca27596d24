import Foundation

/// What a collection is made of, in one small file that is replaced as a whole.
///
///     offset  size  content
///     0       8     magic "LOCICOL1"
///     8       4     version, 1
///     12      4     CRC32C of the file with this field zero
///     16      16    identity of the collection
///     32      8     log sequence that the segments and the bitmaps cover
///     40      8     id of the next segment
///     48      4     bytes of the stamp s, 52: segments
///     56      s     stamp: proves that the log is the one that was covered; then padding to 8
///     for each segment: id u64, rows u64, first row i64, last row i64, dead rows u64, then the bitmap of the dead,
///                       u64[(rows + 63) / 64], when there are any
struct CollectionManifest: Equatable, Sendable {
  struct Entry: Equatable, Sendable {
    var segment: UInt64
    var rowCount: Int
    var firstRow, lastRow: Int64
    var dead: RowBitmap?
  }

  private static let magic: UInt64 = 0x314C_4F43_4943_4F4C  // "LOCICOL1"
  private static let version: UInt32 = 1
  private static let stampBytesMax = 4_096

  var identity: CollectionIdentity
  var covered: UInt64
  var nextSegment: UInt64
  var stamp: [UInt8]
  var entries: [Entry]

  init(
    identity: CollectionIdentity, covered: UInt64, nextSegment: UInt64, stamp: [UInt8], entries: [Entry]
  ) {
    self.identity = identity
    self.covered = covered
    self.nextSegment = nextSegment
    self.stamp = stamp
    self.entries = entries
  }

  func encoded() -> [UInt8] {
    body(checksum: Checksum.crc32c(body(checksum: 0)))
  }

  private func body(checksum: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(Self.magic)
    writer.append(Self.version)
    writer.append(checksum)
    for word in [identity.high, identity.low, covered, nextSegment] { writer.append(word) }
    writer.append(UInt32(stamp.count))
    writer.append(UInt32(entries.count))
    writer.append(stamp)
    writer.pad(to: 8)
    for entry in entries {
      writer.append(entry.segment)
      writer.append(UInt64(entry.rowCount))
      writer.append(entry.firstRow)
      writer.append(entry.lastRow)
      writer.append(UInt64(entry.dead?.cardinality ?? 0))
      if let dead = entry.dead, !dead.isEmpty { writer.append(elements: dead.words) }
    }
    return writer.bytes
  }

  init(_ file: [UInt8]) throws(SegmentError) {
    let bytes = try MappedBytes(copying: file)
    var reader = ByteReader(bytes)
    guard try reader.read(UInt64.self) == Self.magic else { throw .malformed("not a manifest") }
    let version = try reader.read(UInt32.self)
    guard version <= Self.version else { throw .newerVersion(version) }
    let checksum = try reader.read(UInt32.self)
    var zeroed = file
    zeroed.replaceSubrange(12..<16, with: [0, 0, 0, 0])
    guard Checksum.crc32c(zeroed) == checksum else { throw .checksum(section: "manifest") }
    identity = CollectionIdentity(high: try reader.read(), low: try reader.read())
    covered = try reader.read()
    nextSegment = try reader.read()
    let (stampBytes, count) = (Int(try reader.read(UInt32.self)), try reader.read(UInt32.self))
    guard stampBytes <= Self.stampBytesMax else { throw .malformed("a stamp too long") }
    stamp = try reader.readArray(stampBytes)
    try reader.skip(to: 8)
    entries = []
    for _ in 0..<count {
      let segment = try reader.read(UInt64.self)
      let rows = try reader.read(UInt64.self)
      let (first, last) = (try reader.read(Int64.self), try reader.read(Int64.self))
      let dead = try reader.read(UInt64.self)
      guard rows > 0, rows < 1 << 31, dead <= rows, first <= last else {
        throw .malformed("a count beyond its bounds")
      }
      var entry = Entry(segment: segment, rowCount: Int(rows), firstRow: first, lastRow: last, dead: nil)
      if dead > 0 {
        entry.dead = try RowBitmap(
          count: Int(rows), words: reader.readArray((Int(rows) + 63) / 64, of: UInt64.self))
      }
      guard entries.last.map({ $0.lastRow < first }) ?? true else {
        throw .malformed("segments out of order")
      }
      entries.append(entry)
    }
    guard reader.remaining == 0 else { throw .malformed("bytes behind the end") }
  }

  static func read(_ path: String) throws(SegmentError) -> CollectionManifest {
    guard let data = FileManager.default.contents(atPath: path) else { throw .io(path: path, code: ENOENT) }
    return try CollectionManifest([UInt8](data))
  }

  func write(_ path: String) throws(SegmentError) {
    let file = try DurableFile(path: path)
    try file.write(encoded())
    try file.finish()
  }
}
