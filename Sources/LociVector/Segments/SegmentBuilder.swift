import CLociMath

/// Writes a segment: rows of the tail, or the live rows of other segments, in rising order.
@safe final class SegmentBuilder {
  private let layout: CollectionLayout
  private let path: String
  private let pace: (Int) -> Void
  private let isCancelled: @Sendable () -> Bool
  private let file: DurableFile
  /// Full vectors go into the segment, or into a scratch file that the index is made from.
  private let originals: DurableFile
  private var header: SegmentHeader
  private var rows: [Int64] = []
  private var ids: PointIDs
  private var attributes = AttributeIndexWriter()
  private var checks = BlockChecksums(blockBytes: SegmentOriginals.blockBytes)

  init(
    path: String, layout: CollectionLayout, identity: CollectionIdentity, segment: UInt64, covered: UInt64,
    pace: @escaping (Int) -> Void = { _ in }, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(SegmentError) {
    self.layout = layout
    self.path = path
    self.pace = pace
    self.isCancelled = isCancelled
    header = SegmentHeader(layout: layout, identity: identity, segment: segment, covered: covered)
    ids = PointIDs(kind: layout.idKind)
    file = try DurableFile(path: path, pace: pace)
    originals = layout.keepsOriginals ? file : try DurableFile(path: path + ".originals", pace: pace)
    try file.write([UInt8](repeating: 0, count: SegmentHeader.bytes))
  }

  var rowCount: Int { rows.count }

  /// `vector` holds one row in the layout's element.
  @unsafe func add(
    row: Int64, id: PointID, attributes values: [PointAttribute], vector: UnsafeRawPointer
  ) throws(SegmentError) {
    attributes.add(values, row: rows.count)
    unsafe try add(row: row, id: id, vector: vector)
  }

  @unsafe private func add(row: Int64, id: PointID, vector: UnsafeRawPointer) throws(SegmentError) {
    if rows.count % 1_024 == 0, isCancelled() { throw .cancelled }
    precondition(rows.last.map { $0 < row } ?? true, "rows rise")
    rows.append(row)
    ids.append(id)
    let bytes = unsafe UnsafeRawBufferPointer(start: vector, count: layout.rowBytes)
    unsafe checks.add(bytes)
    unsafe try originals.write(bytes)
  }

  /// The rows of `segment` in `live`, with the vectors that it has, or otherwise those of `source`.
  func add(_ segment: Segment, live: RowBitmap, _ source: any PointSource) throws {
    let content = try segment.verified()
    let locals = live.rows
    var places = [Int32](repeating: -1, count: segment.rowCount)
    for (index, local) in locals.enumerated() { places[local] = Int32(rows.count + index) }
    if let originals = content.originals {
      for local in locals {
        let row = unsafe try segment.reading { () throws(SegmentError) in unsafe try originals.row(local) }
        unsafe try add(row: content.rows[local], id: content.ids[local], vector: row)
      }
    } else {
      try source.forEachVector(rows: locals.map { content.rows[$0] }) { index, vector in
        guard vector.count == layout.rowBytes else {
          throw SegmentError.malformed("a vector of another size")
        }
        try unsafe vector.withUnsafeBytes { bytes in
          guard let base = bytes.baseAddress else { return }
          unsafe try add(row: content.rows[locals[index]], id: content.ids[locals[index]], vector: base)
        }
      }
    }
    attributes.add(content.attributes, places: places)
  }

  /// Writes the rest, syncs, gives the file its name, and returns its path.
  /// - Precondition: there is a row.
  func finish() throws(SegmentError) -> String {
    precondition(!rows.isEmpty, "a segment has rows")
    header.rowCount = rows.count
    (header.firstRow, header.lastRow) = (rows[0], rows[rows.count - 1])
    if layout.keepsOriginals {
      header.sections.append(
        .init(kind: .originals, checksum: 0, offset: SegmentHeader.bytes, count: rows.count * layout.rowBytes)
      )
      try append(.checks, elements: checks.finished())
    }
    try append(.rows, elements: rows)
    try append(.ids, idBytes())
    try append(.order, elements: order())
    try append(.attributes, attributes.encoded())
    try buildIndex()
    try file.overwrite(at: 0, header.encoded())
    try file.finish()
    return path
  }

  private func append<T: BitwiseCopyable>(
    _ kind: SegmentHeader.SectionKind, elements: [T]
  ) throws(SegmentError) {
    var writer = ByteWriter()
    writer.append(elements: elements)
    try append(kind, writer.bytes)
  }

  private func append(_ kind: SegmentHeader.SectionKind, _ bytes: [UInt8]) throws(SegmentError) {
    try file.pad(to: 64)
    header.sections.append(
      .init(kind: kind, checksum: Checksum.crc32c(bytes), offset: file.count, count: bytes.count))
    try file.write(bytes)
  }

  private func idBytes() -> [UInt8] {
    var writer = ByteWriter()
    switch ids {
    case .numbers(let numbers): writer.append(elements: numbers)
    case .names(let names):
      var offset: UInt32 = 0
      writer.append(offset)
      for name in names {
        offset += UInt32(name.utf8.count)
        writer.append(offset)
      }
      for name in names { writer.append(Array(name.utf8)) }
    }
    return writer.bytes
  }

  private func order() -> [UInt32] {
    let locals = (0..<UInt32(rows.count))
    switch ids {
    case .numbers(let numbers): return locals.sorted { (numbers[Int($0)], $0) < (numbers[Int($1)], $1) }
    case .names(let names):
      let keys = names.map { TextKey($0) }
      return locals.sorted { (keys[Int($0)], $0) < (keys[Int($1)], $1) }
    }
  }

  private func buildIndex() throws(SegmentError) {
    // From the file just written: the system may let go of what it reads, which it cannot of memory.
    let mapped = try originals.mapped()
    let offset = layout.keepsOriginals ? SegmentHeader.bytes : 0
    let (image, kind) = unsafe try mapped.bytes.withPointer { (base) throws(SegmentError) in
      unsafe try SegmentImages.build(
        rows: base + offset, count: rows.count, layout: layout, threads: 1, isCancelled: isCancelled)
    }
    header.index = kind
    try file.pad(to: 4_096)
    let checksum = unsafe loci_math_crc32c(0, image.bytes.baseAddress, image.count)
    header.sections.append(.init(kind: .image, checksum: checksum, offset: file.count, count: image.count))
    unsafe try file.write(image.bytes)
  }
}

/// CRC32C of each block of a stream of bytes.
private struct BlockChecksums {
  let blockBytes: Int
  private var done: [UInt32] = []
  private var current: UInt32 = 0
  private var filled = 0

  init(blockBytes: Int) { self.blockBytes = blockBytes }

  @unsafe mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset < bytes.count {
      let part = min(bytes.count - offset, blockBytes - filled)
      let start = unsafe bytes.baseAddress.map { unsafe $0 + offset }
      unsafe current = loci_math_crc32c(current, start, part)
      filled += part
      offset += part
      if filled == blockBytes {
        done.append(current)
        (current, filled) = (0, 0)
      }
    }
  }

  func finished() -> [UInt32] { filled > 0 ? done + [current] : done }
}
