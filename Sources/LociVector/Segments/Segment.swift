import LociCore

/// An immutable part of a collection: a mapped file.
///
/// Opening reads its header only. What the header names is checked when it is first needed, before anything of it is
/// used; from then on each access is memory. Safe from any thread.
package final class Segment: Sendable {
  let header: SegmentHeader
  let path: String
  let fileBytes: Int
  private let file: MappedFile?
  private let content: Locked<Result<Content, SegmentError>?>
  /// What filters left, for those that come again.
  private let filtered = Locked<[PointFilter: RowBitmap]>([:])
  private static let filteredMax = 32

  /// What was checked.
  struct Content: Sendable {
    let rows: MappedArray<Int64>
    let ids: PointIDColumn
    /// Local rows in the order of their ids.
    let order: MappedArray<UInt32>
    let attributes: AttributeIndex
    let originals: SegmentOriginals?
    let index: any VectorIndex
  }

  /// - Throws: `malformed` or `checksum` when the file is not the one that was written for this collection.
  convenience init(
    path: String, layout: CollectionLayout, identity: CollectionIdentity
  ) throws(SegmentError) {
    let opened = try Self.open(path, layout, identity)
    self.init(header: opened.header, file: opened.file, path: path, problem: nil)
  }

  /// Opens what a manifest names. A file that is not there, or not the one named, gives a segment that is known to be
  /// damaged.
  convenience init(
    _ entry: CollectionManifest.Entry, path: String, layout: CollectionLayout, identity: CollectionIdentity
  ) {
    let problem: SegmentError
    do throws(SegmentError) {
      let opened = try Segment.open(path, layout, identity)
      if opened.header.segment == entry.segment, opened.header.rowCount == entry.rowCount,
        opened.header.firstRow == entry.firstRow, opened.header.lastRow == entry.lastRow
      {
        self.init(header: opened.header, file: opened.file, path: path, problem: nil)
        return
      }
      problem = .malformed("not the segment that the manifest names")
    } catch { problem = error }
    var header = SegmentHeader(layout: layout, identity: identity, segment: entry.segment, covered: 0)
    (header.rowCount, header.firstRow, header.lastRow) = (entry.rowCount, entry.firstRow, entry.lastRow)
    self.init(header: header, file: nil, path: path, problem: problem)
  }

  private init(header: SegmentHeader, file: MappedFile?, path: String, problem: SegmentError?) {
    self.header = header
    self.file = file
    self.path = path
    fileBytes = file?.count ?? 0
    content = Locked(problem.map { .failure($0) })
  }

  private static func open(
    _ path: String, _ layout: CollectionLayout, _ identity: CollectionIdentity
  ) throws(SegmentError) -> (header: SegmentHeader, file: MappedFile) {
    let file = try MappedFile(path: path)
    let header = try SegmentHeader(file.bytes)
    guard header.identity == identity, header.dimension == layout.dimension, header.metric == layout.metric,
      header.element == layout.element, header.idKind == layout.idKind
    else { throw .malformed("of another collection") }
    return (header, file)
  }

  var id: UInt64 { header.segment }
  package var rowCount: Int { header.rowCount }

  /// Checks on first use, which reads all but the originals.
  func verified() throws(SegmentDamaged) -> Content {
    let result = content.withLock { content in
      if let content { return content }
      let result = Result { () throws(SegmentError) in try load() }
      content = result
      return result
    }
    do throws(SegmentError) { return try result.get() } catch {
      throw SegmentDamaged(segment: id, problem: error)
    }
  }

  /// Runs `body`, which reads originals, and names the segment when one of them is damaged.
  func reading<T>(_ body: () throws(SegmentError) -> T) throws(SegmentDamaged) -> T {
    do throws(SegmentError) { return try body() } catch {
      content.withLock { $0 = .failure(error) }
      throw SegmentDamaged(segment: id, problem: error)
    }
  }

  /// The rows that pass, deleted ones included.
  func rows(passing filter: PointFilter, _ content: Content) -> RowBitmap {
    if let known = filtered.withLock({ $0[filter] }) { return known }
    let rows = content.rows(passing: filter)
    filtered.withLock { filtered in
      if filtered.count >= Self.filteredMax { filtered.removeAll() }
      filtered[filter] = rows
    }
    return rows
  }

  /// What was found wrong, if anything.
  var problem: SegmentError? {
    content.withLock { content in
      if case .failure(let problem) = content { problem } else { nil }
    }
  }

  private func load() throws(SegmentError) -> Content {
    guard let file else { throw .malformed("no file") }
    let rows = try MappedArray<Int64>(try checked(file, .rows, count: rowCount * 8))
    let ids = try PointIDColumn(try checked(file, .ids), kind: header.idKind, rowCount: rowCount)
    let order = try MappedArray<UInt32>(try checked(file, .order, count: rowCount * 4))
    guard rows[0] == header.firstRow, rows[rowCount - 1] == header.lastRow else {
      throw .malformed("rows that are not the header's")
    }
    var last = Int64.min
    for index in 0..<rowCount {
      guard rows[index] > last, order[index] < rowCount else { throw .malformed("rows out of order") }
      last = rows[index]
    }
    let attributes = try AttributeIndex(try checked(file, .attributes), rowCount: rowCount)
    var originals: SegmentOriginals?
    if let section = header.section(.originals) {
      let rowBytes = header.dimension * header.element.bytesPerElement
      guard section.count == rowCount * rowBytes else { throw .malformed("originals of another size") }
      originals = try SegmentOriginals(
        file.bytes[section.range], checks: MappedArray(try checked(file, .checks)), rowBytes: rowBytes)
    }
    let index = try SegmentImages.open(
      try checked(file, .image), kind: header.index, rowCount: rowCount, layout: header.dimension)
    return Content(
      rows: rows, ids: ids, order: order, attributes: attributes, originals: originals, index: index)
  }

  private func checked(
    _ file: MappedFile, _ kind: SegmentHeader.SectionKind, count: Int? = nil
  ) throws(SegmentError) -> MappedBytes {
    guard let section = header.section(kind), count.map({ $0 == section.count }) ?? true else {
      throw .malformed("section \(kind) is missing or of another size")
    }
    guard file.bytes.crc32c(section.range) == section.checksum else { throw .checksum(section: "\(kind)") }
    return file.bytes[section.range]
  }
}

extension Segment.Content {
  /// Where a row of the collection is, `nil` when it is not in the segment.
  func local(of row: Int64) -> Int? {
    let place = rows.partition { $0 < row }
    return place < rows.count && rows[place] == row ? place : nil
  }

  /// Local rows of a point, in no order: more than one when it was written more than once.
  func locals(of id: PointID) -> [Int] {
    var place = order.partition { ids[Int($0)] < id }
    var locals: [Int] = []
    while place < order.count, ids[Int(order[place])] == id {
      locals.append(Int(order[place]))
      place += 1
    }
    return locals
  }
}

/// Ids of the rows of a segment, read in place.
struct PointIDColumn: Sendable {
  private enum Storage: Sendable {
    case numbers(MappedArray<Int64>)
    case names(offsets: MappedArray<UInt32>, bytes: MappedBytes)
  }
  private let storage: Storage

  init(_ bytes: MappedBytes, kind: PointID.Kind, rowCount: Int) throws(SegmentError) {
    switch kind {
    case .number:
      guard bytes.count == rowCount * 8 else { throw .malformed("ids of another size") }
      storage = .numbers(try MappedArray(bytes))
    case .name:
      let offsetBytes = (rowCount + 1) * 4
      guard bytes.count >= offsetBytes else { throw .malformed("ids of another size") }
      let offsets = try MappedArray<UInt32>(bytes[0..<offsetBytes])
      let names = bytes[offsetBytes..<bytes.count]
      for index in 0..<rowCount where offsets[index] > offsets[index + 1] {
        throw .malformed("ids out of order")
      }
      guard offsets[0] == 0, Int(offsets[rowCount]) == names.count else {
        throw .malformed("ids of another size")
      }
      for index in 0..<rowCount where names.text(Int(offsets[index])..<Int(offsets[index + 1])) == nil {
        throw .malformed("an id is not UTF-8")
      }
      storage = .names(offsets: offsets, bytes: names)
    }
  }

  subscript(index: Int) -> PointID {
    switch storage {
    case .numbers(let numbers): return .number(numbers[index])
    case .names(let offsets, let bytes):
      return .name(bytes.text(Int(offsets[index])..<Int(offsets[index + 1])) ?? "")
    }
  }
}
