import CLociMath
import Foundation
import Testing

@testable import LociVector
import LociTestKit

/// Files of a collection, read back, cut, and flipped.
struct SegmentFileTests {
  private static let identity = CollectionIdentity(high: 1, low: 2)

  private static func layout(rows: Int) -> CollectionLayout {
    var layout = CollectionLayout(dimension: 5, metric: .euclidean, idKind: .name)
    layout.indexFromRows = rows
    return layout
  }

  /// Writes a segment of `rows` rows, and returns its path.
  private func write(_ layout: CollectionLayout, rows: Int, in folder: ScratchFolder) throws -> String {
    let path = folder.path + "/segment"
    let builder = try SegmentBuilder(
      path: path, layout: layout, identity: Self.identity, segment: 3, covered: 4)
    for row in 0..<rows {
      let vector = (0..<5).map { Float(row * 5 + $0) }
      try unsafe vector.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        unsafe try builder.add(
          row: Int64(row * 2 + 10), id: .name("point \(row)"),
          attributes: [.init(key: "row", value: .integer(Int64(row)))], vector: base)
      }
    }
    _ = try builder.finish()
    return path
  }

  /// Everything that a segment can be asked, as a value that two segments can be compared by.
  private func answers(_ path: String, _ layout: CollectionLayout) throws -> [[PointHit]] {
    let segment = try Segment(path: path, layout: layout, identity: Self.identity)
    var view = CollectionView(layout: layout)
    view.parts = [.init(segment: segment)]
    var exact = SegmentSearchParameters()
    exact.isExact = true
    let query: [Float] = [1, 2, 3, 4, 5]
    return try [
      view.search(query, k: 1_000).hits[0], view.search(query, k: 1_000, parameters: exact).hits[0],
      view.search(query, k: 7, filter: .integers(key: "row", from: 3, until: 12)).hits[0],
      view.search(query, k: 7, filter: .ids([.name("point 1"), .name("point 4")])).hits[0]
    ]
  }

  @Test(arguments: [1, 2, 31, 32, 33, 200])
  func readsBackWhatWasWritten(rows: Int) throws {
    let folder = try ScratchFolder()
    for indexFrom in [1_000, 1] {
      let layout = Self.layout(rows: indexFrom)
      let answers = try answers(write(layout, rows: rows, in: folder), layout)
      let expectedRows = (0..<rows).map { Int64($0 * 2 + 10) }
      #expect(answers[1].map(\.row) == expectedRows)
      #expect(answers[0].count == rows)
      let inRange = max(0, min(7, min(rows, 12) - 3))
      #expect(answers[2].count == inRange)
      var named: [PointID] = []
      if rows > 1 { named.append(.name("point 1")) }
      if rows > 4 { named.append(.name("point 4")) }
      #expect(answers[3].map(\.id) == named)
    }
  }

  /// Whatever a damaged file says, the answer is that it is damaged, or what the sound file answers.
  private func isRefusedOrSame(_ path: String, _ layout: CollectionLayout, _ sound: [[PointHit]]) throws
    -> Bool
  {
    do { return try answers(path, layout) == sound } catch is SegmentError {
      return true
    } catch is SegmentDamaged {
      return true
    }
  }

  @Test(arguments: [1_000, 1])
  func noFlippedBitIsServed(indexFrom: Int) throws {
    let folder = try ScratchFolder()
    let layout = Self.layout(rows: indexFrom)
    let path = try write(layout, rows: 40, in: folder)
    let sound = try answers(path, layout)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var rng = SplitMix64(seed: 3)
    var offsets = Array(0..<256) + (0..<600).map { _ in Int.random(in: 0..<bytes.count, using: &rng) }
    offsets += stride(from: SegmentHeader.bytes, to: bytes.count, by: 61)
    for offset in offsets {
      var flipped = bytes
      flipped[offset] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
      let other = folder.path + "/flipped"
      try Data(flipped).write(to: URL(fileURLWithPath: other))
      #expect(try isRefusedOrSame(other, layout, sound), "offset \(offset)")
    }
  }

  @Test func noCutFileIsServed() throws {
    let folder = try ScratchFolder()
    let layout = Self.layout(rows: 1)
    let path = try write(layout, rows: 40, in: folder)
    let sound = try answers(path, layout)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    for count in Array(0..<200) + Array(stride(from: 200, to: bytes.count, by: 97)) {
      let other = folder.path + "/cut"
      try Data(bytes[..<count]).write(to: URL(fileURLWithPath: other))
      #expect(try isRefusedOrSame(other, layout, sound), "\(count) bytes")
    }
  }

  @Test func manifestsAreReadBackAndRefusedWhenDamaged() throws {
    var dead = RowBitmap(count: 70)
    dead.insert(69)
    let manifest = CollectionManifest(
      identity: Self.identity, covered: 9, nextSegment: 4, stamp: [1, 2, 3],
      entries: [
        .init(segment: 1, rowCount: 70, firstRow: 1, lastRow: 80, dead: dead),
        .init(segment: 2, rowCount: 5, firstRow: 81, lastRow: 85, dead: nil)
      ])
    let bytes = manifest.encoded()
    #expect(try CollectionManifest(bytes) == manifest)
    for count in 0..<bytes.count {
      #expect(throws: SegmentError.self) { _ = try CollectionManifest(Array(bytes[..<count])) }
      var flipped = bytes
      flipped[count] ^= 4
      #expect(throws: SegmentError.self) { _ = try CollectionManifest(flipped) }
    }
  }

  @Test func anotherCollectionsSegmentIsRefused() throws {
    let folder = try ScratchFolder()
    let layout = Self.layout(rows: 1_000)
    let path = try write(layout, rows: 3, in: folder)
    #expect(throws: SegmentError.self) {
      _ = try Segment(path: path, layout: layout, identity: CollectionIdentity(high: 1, low: 3))
    }
  }

  @Test(arguments: [0, 1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 4_097])
  func checksumsAgree(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ 7) }
    let sums = unsafe bytes.withUnsafeBytes { bytes in
      unsafe (
        loci_math_crc32c(0, bytes.baseAddress, count), loci_math_crc32c_scalar(0, bytes.baseAddress, count)
      )
    }
    #expect(sums.0 == sums.1)
    // "123456789" of RFC 3720's polynomial.
    #expect(Checksum.crc32c(Array("123456789".utf8)) == 0xE306_9283)
  }
}
