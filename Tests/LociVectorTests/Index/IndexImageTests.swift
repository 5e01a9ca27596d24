import Foundation
import Testing

@testable import LociVector
import LociTestKit

/// Bytes at an address that is a multiple of 64, as a mapped file has.
@safe final class AlignedBytes: Sendable {
  nonisolated(unsafe) let base: UnsafeMutableRawPointer  // written by one test only
  let count: Int

  init(_ bytes: UnsafeRawBufferPointer, count: Int? = nil) {
    self.count = count ?? bytes.count
    unsafe base = .allocate(byteCount: max(self.count, 1), alignment: 64)
    if let source = bytes.baseAddress { unsafe base.copyMemory(from: source, byteCount: self.count) }
  }

  deinit { unsafe base.deallocate() }

  @unsafe var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: count) }
}

struct IndexImageTests {
  private let data = ClusteredRows(rows: 500, queries: 6, dimension: 16, metric: .euclidean, seed: 31)

  private func images() throws -> (ivf: IndexImage, flat: IndexImage) {
    (
      try IVFIndex.build(rows: data.rows.span, dimension: 16, metric: .euclidean),
      try ScalarQuantizedRows.build(rows: data.rows.span, dimension: 16, metric: .euclidean)
    )
  }

  @Test func opensInPlaceAndGivesTheSameAnswers() throws {
    let image = try images().ivf
    let copy = unsafe AlignedBytes(image.bytes)
    let first = try IVFIndex(image)
    let second = unsafe try IVFIndex(image: copy.bytes, owner: copy, verify: true)
    let (a, b) = (
      try first.search(data.queries.span, k: 10), try second.search(data.queries.span, k: 10)
    )
    #expect(a.rows == b.rows && a.scores == b.scores)
    #expect(second.count == 500 && second.dimension == 16 && second.metric == .euclidean)
  }

  @Test func buildsAreReproducible() throws {
    let (a, b) = (try images().ivf, try images().ivf)
    #expect(unsafe a.bytes.elementsEqual(b.bytes))
    let threaded = try IVFIndex.build(rows: data.rows.span, dimension: 16, metric: .euclidean, threads: 2)
    #expect(unsafe a.bytes.elementsEqual(threaded.bytes))
  }

  @Test func kindsAreNotMixedUp() throws {
    let (ivf, flat) = try images()
    #expect(throws: VectorIndexError.wrongKind) { try ScalarQuantizedRows(ivf) }
    #expect(throws: VectorIndexError.wrongKind) { try IVFIndex(flat) }
  }

  @Test func everyTruncationIsRefused() throws {
    for image in [try images().ivf, try images().flat] {
      let lengths =
        [0, 1, 7, 8, 63, 64] + Array(stride(from: 65, to: image.count, by: 997)) + [image.count - 1]
      for length in lengths {
        let cut = unsafe AlignedBytes(image.bytes, count: length)
        #expect(throws: VectorIndexError.self) {
          _ = unsafe try IVFIndex(image: cut.bytes, owner: cut, verify: false)
        }
        #expect(throws: VectorIndexError.self) {
          _ = unsafe try ScalarQuantizedRows(image: cut.bytes, owner: cut, verify: false)
        }
      }
    }
  }

  /// With `verify` every changed byte outside of padding is noticed; without, nothing crashes.
  @Test func flippedBytesAreNoticedOrHarmless() throws {
    let image = try images().ivf
    let changed = unsafe AlignedBytes(image.bytes)
    var rng = SplitMix64(seed: 99)
    var refused = 0
    let rounds = 400
    for round in 0..<rounds {
      let at = round < 300 ? Int(rng.next() % UInt64(image.count)) : Int(rng.next() % 600)
      let mask = UInt8(truncatingIfNeeded: rng.next() % 255 + 1)
      unsafe (changed.base + at).assumingMemoryBound(to: UInt8.self).pointee ^= mask
      if (try? unsafe IVFIndex(image: changed.bytes, owner: changed, verify: true)) == nil { refused += 1 }
      if let open = try? unsafe IVFIndex(image: changed.bytes, owner: changed, verify: false) {
        for effort in [SearchEffort.recall(0.9), .explicit(probes: 500, candidates: 400)] {
          let results = try open.search(data.queries.span, k: 10, effort: effort)
          #expect(results.counts.allSatisfy { $0 <= 10 })
          for query in 0..<6 { #expect(results.hits(query).allSatisfy { $0.row < 500 }) }
        }
      }
      unsafe (changed.base + at).assumingMemoryBound(to: UInt8.self).pointee ^= mask
    }
    // The rest fell on padding between sections, which is zero and read by nobody.
    #expect(refused > rounds * 9 / 10)
    #expect(unsafe changed.bytes.elementsEqual(image.bytes))
  }
}
