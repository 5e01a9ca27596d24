/// The first page of a segment file.
///
///     offset  size  content
///     0       8     magic "LOCISEG1"
///     8       4     version, 1
///     12      4     CRC32C of these 4096 bytes with this field zero
///     16      16    identity of the collection
///     32      8     id of the segment
///     40      8     rows n
///     48      8     first row, 56: last row, in the collection's numbering
///     64      8     log sequence that was covered when it was built
///     72      4     dimension
///     76      1     metric, 77: element, 78: kind of ids, 79: kind of index
///     80      4     sections
///     84      4     zero
///     88      24 each  kind u32, CRC32C u32, offset u64, bytes u64
///
/// All little-endian. Sections begin at multiples of 64, the originals at one of 4096.
struct SegmentHeader: Equatable, Sendable {
  static let bytes = 4_096
  static let version: UInt32 = 1
  private static let magic: UInt64 = 0x3147_4553_4943_4F4C  // "LOCISEG1"
  private static let sectionsMax = 16

  enum IndexKind: UInt8, Sendable { case scan = 0, flat = 1, ivf = 2 }

  enum SectionKind: UInt32, CaseIterable, Sendable {
    /// Row numbers, Int64[n], ascending.
    case rows = 1
    /// Int64[n], or UInt32[n + 1] offsets and then the bytes of the names.
    case ids = 2
    /// UInt32[n]: local rows in the order of their ids.
    case order = 3
    /// See ``AttributeIndexWriter``.
    case attributes = 4
    /// Full vectors, (n, dimension), checked block by block.
    case originals = 5
    /// CRC32C of each block of the originals, UInt32 each.
    case checks = 6
    /// An image of CLociIndex.
    case image = 7
  }

  struct Section: Equatable, Sendable {
    var kind: SectionKind
    var checksum: UInt32
    var offset: Int
    var count: Int
    var range: Range<Int> { offset..<(offset + count) }
  }

  var identity: CollectionIdentity
  var segment: UInt64
  var rowCount: Int
  var firstRow, lastRow: Int64
  var covered: UInt64
  var dimension: Int
  var metric: VectorMetric
  var element: VectorStorage
  var idKind: PointID.Kind
  var index: IndexKind
  var sections: [Section]

  func section(_ kind: SectionKind) -> Section? { sections.first { $0.kind == kind } }

  func encoded() -> [UInt8] {
    var page = body(checksum: 0)
    page = body(checksum: Checksum.crc32c(page))
    return page
  }

  private func body(checksum: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(Self.magic)
    writer.append(Self.version)
    writer.append(checksum)
    for word in [identity.high, identity.low, segment, UInt64(rowCount)] { writer.append(word) }
    writer.append(firstRow)
    writer.append(lastRow)
    writer.append(covered)
    writer.append(UInt32(dimension))
    writer.append([metric.rawValue, element.rawValue, idKind.rawValue, index.rawValue])
    writer.append(UInt32(sections.count))
    writer.append(UInt32(0))
    for section in sections {
      writer.append(section.kind.rawValue)
      writer.append(section.checksum)
      writer.append(UInt64(section.offset))
      writer.append(UInt64(section.count))
    }
    writer.append([UInt8](repeating: 0, count: Self.bytes - writer.bytes.count))
    return writer.bytes
  }

  /// Checks the page and that every section lies in the file.
  init(_ file: MappedBytes) throws(SegmentError) {
    guard file.count >= Self.bytes else { throw .malformed("the file is shorter than a header") }
    var reader = ByteReader(file[0..<Self.bytes])
    guard try reader.read(UInt64.self) == Self.magic else { throw .malformed("not a segment") }
    let version = try reader.read(UInt32.self)
    guard version <= Self.version else { throw .newerVersion(version) }
    var page: [UInt8] = file.array(at: 0, count: Self.bytes)
    let checksum = try reader.read(UInt32.self)
    page.replaceSubrange(12..<16, with: [0, 0, 0, 0])
    guard Checksum.crc32c(page) == checksum else { throw .checksum(section: "header") }
    identity = CollectionIdentity(high: try reader.read(), low: try reader.read())
    segment = try reader.read()
    let rows = try reader.read(UInt64.self)
    firstRow = try reader.read()
    lastRow = try reader.read()
    covered = try reader.read()
    dimension = Int(try reader.read(UInt32.self))
    guard let metric = VectorMetric(rawValue: try reader.read()),
      let element = VectorStorage(rawValue: try reader.read()),
      let idKind = PointID.Kind(rawValue: try reader.read()),
      let index = IndexKind(rawValue: try reader.read())
    else { throw .malformed("a metric, element, id or index of unknown kind") }
    (self.metric, self.element, self.idKind, self.index) = (metric, element, idKind, index)
    let count = try reader.read(UInt32.self)
    guard rows > 0, rows < 1 << 31, count <= Self.sectionsMax, try reader.read(UInt32.self) == 0,
      (1...VectorCollection.dimensionMax).contains(dimension)
    else { throw .malformed("a count beyond its bounds") }
    rowCount = Int(rows)
    sections = []
    for _ in 0..<count {
      let kind = try reader.read(UInt32.self)
      let checksum = try reader.read(UInt32.self)
      let (offset, bytes) = (try reader.read(UInt64.self), try reader.read(UInt64.self))
      guard let kind = SectionKind(rawValue: kind), section(kind) == nil, offset % 64 == 0,
        offset >= Self.bytes, offset <= file.count, bytes <= UInt64(file.count) - offset
      else { throw .malformed("a section beyond the end") }
      sections.append(
        Section(kind: kind, checksum: checksum, offset: Int(offset), count: Int(bytes)))
    }
  }

  init(
    layout: CollectionLayout, identity: CollectionIdentity, segment: UInt64, covered: UInt64
  ) {
    self.identity = identity
    self.segment = segment
    self.covered = covered
    (rowCount, firstRow, lastRow) = (0, 0, 0)
    (dimension, metric, element, idKind) = (layout.dimension, layout.metric, layout.element, layout.idKind)
    index = .scan
    sections = []
  }
}
