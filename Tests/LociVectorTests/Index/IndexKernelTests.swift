import CLociIndex
import Testing

@testable import LociVector
import LociTestKit

/// Every level this machine has, the scalar reference included.
private let indexLevels: [loci_index_isa] = {
  let all: [loci_index_isa] = [.scalar, .neon, .avx2, .avx512]
  let present = all.map { unsafe loci_index_kernels_get($0).pointee.isa.rawValue }
  return all.filter { present.contains($0.rawValue) }
}()

/// Integer routines give the reference's bits at every level; float routines differ by rounding only.
struct IndexKernelTests {
  private static let sizes = [0, 1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 200]
  private let reference = unsafe loci_index_kernels_get(.scalar).pointee

  private func kernels(_ level: loci_index_isa) -> loci_index_kernels {
    unsafe loci_index_kernels_get(level).pointee
  }

  @Test func theBestLevelIsUsed() {
    #expect(indexLevels.first == .scalar)
    #expect(unsafe loci_index_kernels_get(.avx512).pointee.isa == indexLevels.last)
  }

  @Test(arguments: indexLevels, [0, 1, 2, 3, 5])
  func int8TilesAgree(level: loci_index_isa, blocks: Int) {
    var rng = SplitMix64(seed: UInt64(blocks) + 11)
    for groups in [1, 2, 3, 7, 16, 33] {
      for count in 1...8 {
        // Codes are 1...255: 0 would be -128, which quantisers do not make.
        let codes = (0..<blocks * groups * 64).map { _ in UInt8(rng.next() % 255 + 1) }
        let queries = (0..<groups * count * 4).map { _ in Int8(Int(rng.next() % 255) - 127) }
        let sums = (0..<count).map { q in
          (0..<groups).reduce(Int32(0)) { sum, g in
            (0..<4).reduce(sum) { $0 + Int32(queries[(g * count + q) * 4 + $1]) }
          }
        }
        let stride = blocks * 16 + 3
        var got = [Int32](repeating: 7, count: count * stride), want = got
        unsafe kernels(level).int8_tile(codes, blocks, groups, queries, sums, count, &got, stride)
        unsafe reference.int8_tile(codes, blocks, groups, queries, sums, count, &want, stride)
        #expect(got == want, "groups \(groups), queries \(count)")
      }
    }
  }

  /// The greatest sums that the formats allow.
  @Test(arguments: indexLevels)
  func int8TilesDoNotOverflow(level: loci_index_isa) {
    let groups = 1024
    for (code, query) in [(UInt8(255), Int8(127)), (255, -127), (1, 127), (1, -127)] {
      let codes = [UInt8](repeating: code, count: groups * 64)
      let queries = [Int8](repeating: query, count: groups * 4)
      var got = [Int32](repeating: 0, count: 16)
      unsafe kernels(level).int8_tile(
        codes, 1, groups, queries, [Int32(query) * Int32(groups) * 4], 1, &got, 16)
      #expect(got == [Int32](repeating: (Int32(code) - 128) * Int32(query) * Int32(groups) * 4, count: 16))
    }
  }

  @Test(arguments: indexLevels, [0, 1, 2, 5])
  func pq4ScansAgree(level: loci_index_isa, blocks: Int) {
    var rng = SplitMix64(seed: UInt64(blocks) + 23)
    for subspaces in [4, 8, 12, 96, 1040] {
      for count in 1...4 {
        let codes = (0..<blocks * subspaces * 16).map { _ in UInt8(truncatingIfNeeded: rng.next()) }
        let greatest = rng.next() % 2 == 0
        let tables = (0..<count * subspaces * 16).map { _ in greatest ? 63 : UInt8(rng.next() % 64) }
        let stride = blocks * 32 + 5
        var got = [UInt16](repeating: 9, count: count * stride), want = got
        unsafe kernels(level).pq4_scan(codes, blocks, subspaces, tables, count, &got, stride, codes)
        unsafe reference.pq4_scan(codes, blocks, subspaces, tables, count, &want, stride, nil)
        #expect(got == want, "subspaces \(subspaces), queries \(count)")
      }
    }
  }

  @Test(arguments: indexLevels, sizes)
  func appendingAndKeepingAgree(level: loci_index_isa, n: Int) {
    var rng = SplitMix64(seed: UInt64(n) + 31)
    let wide = (0..<n).map { _ in Int32(truncatingIfNeeded: rng.next() % 2000) - 1000 }
    let narrow = (0..<n).map { _ in UInt16(rng.next() % 6000) }
    let ids = (0..<n).map { _ in UInt32(truncatingIfNeeded: rng.next()) }
    let bias = rng.floats(n)
    for threshold in [-Float.infinity, -400, 0.25, 400, .infinity, .nan] {
      for usesBias in [false, true] {
        var results: [[Float]] = [], rows: [[UInt32]] = []
        for table in [kernels(level), reference] {
          for isWide in [true, false] {
            var scores = [Float](repeating: -1, count: n + Int(LOCI_APPEND_SLACK))
            var found = [UInt32](repeating: 0, count: n + Int(LOCI_APPEND_SLACK))
            let count = unsafe bias.withUnsafeBufferPointer { bias in
              let bias = usesBias ? bias.baseAddress : nil
              return unsafe isWide
                ? table.append_int32(wide, bias, ids, n, 0.5, 0.25, threshold, &scores, &found)
                : table.append_uint16(narrow, bias, ids, n, 0.125, -300, threshold, &scores, &found)
            }
            #expect(scores[..<count].allSatisfy { $0 >= threshold })
            results.append(Array(scores[..<count]))
            rows.append(Array(found[..<count]))
            let kept = unsafe table.keep_at_least(&scores, &found, count, threshold + 100)
            results.append(Array(scores[..<kept]))
            rows.append(Array(found[..<kept]))
          }
        }
        #expect(results[0..<4] == results[4..<8])
        #expect(rows[0..<4] == rows[4..<8])
      }
    }
  }

  @Test(arguments: indexLevels, sizes)
  func countsRangesAndBestAgree(level: loci_index_isa, n: Int) {
    var rng = SplitMix64(seed: UInt64(n) + 41)
    let scores = rng.floats(n)
    for threshold in [-2, -0.5, 0, 0.5, 2] as [Float] {
      #expect(
        unsafe kernels(level).count_at_least(scores, n, threshold)
          == scores.count(where: { $0 >= threshold }))
    }
    guard n > 0 else { return }
    var least: Float = 0, greatest: Float = 0
    unsafe kernels(level).range(scores, n, &least, &greatest)
    #expect(least == scores.min() && greatest == scores.max())
    let raw = (0..<n).map { _ in Int32(rng.next() % 50) }
    let zeros = [Float](repeating: 0, count: n)
    let best = unsafe kernels(level).best_int32(raw, zeros, n, 2)
    #expect(raw[best] == raw.max() && raw.firstIndex(of: raw[best]) == best)
  }

  @Test(arguments: indexLevels, [128, 256, 1280])
  func groupMaximaAreLowerBounds(level: loci_index_isa, n: Int) {
    var rng = SplitMix64(seed: UInt64(n) + 51)
    let raw = (0..<n).map { _ in Int32(truncatingIfNeeded: rng.next() % 4000) - 2000 }
    let bias = rng.floats(n)
    var got = [Float](repeating: 0, count: n), want = got
    var maxima = [Float](repeating: 0, count: n / 8), wanted = maxima
    unsafe kernels(level).group_maxima(raw, bias, n, 0.01, &got, &maxima)
    unsafe reference.group_maxima(raw, bias, n, 0.01, &want, &wanted)
    #expect(zip(got, want).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(zip(maxima, wanted).allSatisfy { abs($0 - $1) < 1e-4 })
    // As many scores reach the k-th greatest maximum as there are maxima that do.
    let floor = maxima.sorted(by: >)[n / 32]
    #expect(got.count(where: { $0 >= floor }) > n / 32)
  }

  @Test(arguments: indexLevels, [64, 128, 384, 448])
  func int8RowsAgree(level: loci_index_isa, stride: Int) {
    var rng = SplitMix64(seed: UInt64(stride) + 61)
    let rows = (0..<stride * 40).map { _ in UInt8(rng.next() % 255 + 1) }
    let ids = (0..<33).map { _ in UInt32(rng.next() % 40) }
    let high = (0..<stride).map { _ in Int8(Int(rng.next() % 255) - 127) }
    let low = (0..<stride).map { _ in Int8(Int(rng.next() % 129) - 64) }
    for n in [0, 1, 2, 11, 33] {
      var got = [Int64](repeating: 1, count: 33), want = got
      unsafe kernels(level).int8_rows(rows, stride, ids, n, high, low, &got)
      unsafe reference.int8_rows(rows, stride, ids, n, high, low, &want)
      #expect(got == want)
    }
  }

  @Test(arguments: indexLevels, [1, 2, 5, 16, 33])
  func projectionsAndTablesAgree(level: loci_index_isa, d: Int) {
    var rng = SplitMix64(seed: UInt64(d) + 71)
    for panels in [1, 3] {
      for count in [1, 7, 8, 9, 17] {
        let matrix = rng.floats(panels * d * 16), queries = rng.floats(count * d)
        var got = [Float](repeating: 0, count: count * panels * 16), want = got
        unsafe kernels(level).project(matrix, d, panels, queries, count, &got)
        unsafe reference.project(matrix, d, panels, queries, count, &want)
        #expect(zip(got, want).allSatisfy { abs($0 - $1) < 1e-6 * Float(d + 1) })
      }
    }
    let subspaces = 8
    let codebook = rng.floats(subspaces * d * 16), query = rng.floats(subspaces * d)
    var products = [Float](repeating: 0, count: subspaces * 16), wanted = products
    unsafe kernels(level).pq4_products(codebook, subspaces, d, query, &products)
    unsafe reference.pq4_products(codebook, subspaces, d, query, &wanted)
    #expect(zip(products, wanted).allSatisfy { abs($0 - $1) < 1e-6 * Float(d + 1) })
    var table = [UInt8](repeating: 0, count: products.count)
    var base: Float = 0
    let step = unsafe kernels(level).pq4_quantise(products, subspaces, &table, &base)
    #expect(table.allSatisfy { $0 <= 63 } && table.contains(63))
    for m in 0..<subspaces {
      let part = products[m * 16..<m * 16 + 16]
      for (c, product) in part.enumerated() {
        let back = (part.min() ?? 0) + step * Float(table[m * 16 + c])
        #expect(abs(back - product) <= step * 0.51)
      }
    }
    #expect(
      abs(base - (0..<subspaces).reduce(0) { $0 + (products[$1 * 16..<$1 * 16 + 16].min() ?? 0) }) < 1e-4)
  }

  @Test func constantTablesAreZero() {
    let products = [Float](repeating: 3, count: 64)
    var table = [UInt8](repeating: 9, count: 64)
    for level in indexLevels {
      var base: Float = 0
      #expect(unsafe kernels(level).pq4_quantise(products, 4, &table, &base) == 0)
      #expect(table == [UInt8](repeating: 0, count: 64) && base == 12)
    }
  }
}
