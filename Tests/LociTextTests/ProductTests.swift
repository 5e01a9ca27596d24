import CLociEncoder
import Foundation
import Testing
import LociTestKit

/// Products at every instruction level and precision against float64 sums of the same rounded operands.
struct ProductTests {
  static let levels: [loci_encoder_isa] = [.scalar, .neon, .avx2, .avx512]
  static let rowCounts = [0, 1, 3, 7, 8, 9, 15, 17, 31, 33]
  static let columnCounts = [1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97]
  static let depths = [1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 384]

  struct Case {
    let rows, columns, depth: Int
    let epilogue: loci_encoder_epilogue
    let halfOut: Bool
  }

  /// Every number of rows with every number of columns; depth and epilogue go round.
  static let cases: [Case] = rowCounts.flatMap { rows in
    columnCounts.enumerated().flatMap { index, columns in
      (0..<3).map { turn in
        let kind: loci_encoder_epilogue = turn == 0 ? .store : turn == 1 ? .gelu : .add
        return Case(
          rows: rows, columns: columns, depth: depths[(index * 3 + turn + rows) % depths.count],
          epilogue: kind,
          halfOut: turn != 2 && index % 2 == 0)
      }
    }
  }

  private func numbers(_ count: Int, _ random: inout SplitMix64) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
  }

  private func finished(_ sum: Double, _ old: Float, _ c: Case) -> Double {
    switch c.epilogue {
    case .store: sum
    case .gelu: sum * 0.5 * erfc(-sum / 2.0.squareRoot())
    case .add: sum + Double(old)
    }
  }

  /// Runs a product over the rows and panels it is given and compares it with `exact`, (rows, columns) sums with bias.
  private func check(
    _ c: Case, _ kernels: loci_encoder_kernels, _ product: loci_encoder_product, exact: [Double],
    tolerance: Double,
    _ routine: (UnsafePointer<loci_encoder_product>) -> Void
  ) {
    var product = unsafe product
    let stride = c.columns + 5
    unsafe (product.rows, product.columns, product.depth) = (c.rows, c.columns, c.depth)
    unsafe (product.epilogue, product.half_out, product.out_stride) = (c.epilogue, c.halfOut, stride)
    let count = Int((c.columns + kernels.panel - 1) / kernels.panel)
    let start = (0..<c.rows * stride).map { Float($0 % 13) / 4 }
    var (floats, halves) = (start, start.map(roundedToBFloat16))
    // In two parts, as threads share a product.
    for (from, to) in [(0, count / 2), (count / 2, count)] {
      unsafe (product.panel_from, product.panel_to) = (from, to)
      if c.halfOut {
        unsafe halves.withUnsafeMutableBytes { out in
          unsafe product.out = out.baseAddress
          unsafe routine(&product)
        }
      } else {
        unsafe floats.withUnsafeMutableBytes { out in
          unsafe product.out = out.baseAddress
          unsafe routine(&product)
        }
      }
    }
    for i in 0..<c.rows * stride {
      let got = c.halfOut ? widened(halves[i]) : floats[i]
      if i % stride < c.columns {
        let wanted = finished(exact[i / stride * c.columns + i % stride], start[i], c)
        let bound = tolerance * (1 + abs(wanted)) + (c.halfOut ? abs(wanted) / 256 : 0)
        #expect(
          abs(Double(got) - wanted) <= bound, "\(c) at \(i / stride), \(i % stride): \(got), not \(wanted)")
      } else {
        #expect(
          got == (c.halfOut ? widened(roundedToBFloat16(start[i])) : start[i]), "\(c) wrote past its columns")
      }
    }
  }

  @Test(arguments: levels) func float32(level: loci_encoder_isa) {
    let kernels = unsafe loci_encoder_kernels_get(level).pointee
    for c in Self.cases where !c.halfOut {
      var random = SplitMix64(seed: UInt64(c.rows * 1000 + c.columns))
      let (a, w, bias) = (
        numbers(c.rows * c.depth, &random), numbers(c.columns * c.depth, &random), numbers(c.columns, &random)
      )
      let exact = sums(c, bias) { Double(a[$0 * c.depth + $2]) * Double(w[$1 * c.depth + $2]) }
      let packed = panels(
        w, depth: c.depth, columns: c.columns, panel: kernels.panel, unit: kernels.panel_unit, group: 1)
      let stride = c.depth + 3
      unsafe spread(a, count: c.depth, stride: stride, filler: .nan, lead: 0).withUnsafeBytes { a in
        unsafe packed.withUnsafeBytes { packed in
          unsafe padded(bias, unit: kernels.panel_unit).withUnsafeBufferPointer { bias in
            var product = unsafe loci_encoder_product()
            unsafe (product.in, product.in_stride) = (a.baseAddress, stride)
            unsafe (product.panels, product.bias) = (packed.baseAddress, bias.baseAddress)
            unsafe check(c, kernels, product, exact: exact, tolerance: 1e-5) {
              unsafe kernels.product_f32($0)
            }
          }
        }
      }
    }
  }

  @Test(arguments: levels) func bfloat16(level: loci_encoder_isa) {
    let kernels = unsafe loci_encoder_kernels_get(level).pointee
    guard let routine = unsafe kernels.product_bf16 else { return }
    for c in Self.cases {
      var random = SplitMix64(seed: UInt64(c.rows * 1000 + c.columns))
      let a = numbers(c.rows * c.depth, &random).map(roundedToBFloat16)
      let w = numbers(c.columns * c.depth, &random).map(roundedToBFloat16)
      let bias = numbers(c.columns, &random)
      let exact = sums(c, bias) {
        Double(widened(a[$0 * c.depth + $2])) * Double(widened(w[$1 * c.depth + $2]))
      }
      let packed = panels(
        w, depth: c.depth, columns: c.columns, panel: kernels.panel, unit: kernels.panel_unit, group: 2)
      let stride = (c.depth + 1) / 2 * 2
      unsafe spread(a, count: c.depth, stride: stride, filler: 0, lead: 0).withUnsafeBytes { a in
        unsafe packed.withUnsafeBytes { packed in
          unsafe padded(bias, unit: kernels.panel_unit).withUnsafeBufferPointer { bias in
            var product = unsafe loci_encoder_product()
            unsafe (product.in, product.in_stride) = (a.baseAddress, stride)
            unsafe (product.panels, product.bias) = (packed.baseAddress, bias.baseAddress)
            unsafe check(c, kernels, product, exact: exact, tolerance: 2e-4) { unsafe routine($0) }
          }
        }
      }
    }
  }

  @Test(arguments: levels) func int8(level: loci_encoder_isa) {
    let kernels = unsafe loci_encoder_kernels_get(level).pointee
    guard let routine = unsafe kernels.product_i8 else { return }
    let storesHalf = unsafe kernels.product_bf16 != nil
    for c in Self.cases where !c.halfOut || storesHalf {
      var random = SplitMix64(seed: UInt64(c.rows * 1000 + c.columns))
      let a = (0..<c.rows * c.depth).map { _ in UInt8.random(in: 0...255, using: &random) }
      let w = (0..<c.columns * c.depth).map { _ in Int8.random(in: -127...127, using: &random) }
      let bias = numbers(c.columns, &random)
      let columnScale = (0..<c.columns).map { _ in Float.random(in: 1e-3...1e-2, using: &random) }
      let rowScale = (0..<c.rows).map { _ in Float.random(in: 1e-3...1e-2, using: &random) }
      let rowZero = (0..<c.rows).map { _ in Float.random(in: 0...255, using: &random).rounded() }
      let columnSum = (0..<c.columns).map { column in
        Float(w[column * c.depth..<(column + 1) * c.depth].reduce(0) { $0 + Int($1) })
      }
      let exact = sums(c, bias) { row, column, k in
        let code = Double(a[row * c.depth + k]) - Double(rowZero[row])
        return code * Double(w[column * c.depth + k]) * Double(rowScale[row]) * Double(columnScale[column])
      }
      let packed = panels(
        w, depth: c.depth, columns: c.columns, panel: kernels.panel, unit: kernels.panel_unit, group: 4)
      let stride = (c.depth + 3) / 4 * 4
      let unit = kernels.panel_unit
      unsafe spread(a, count: c.depth, stride: stride, filler: 0, lead: 0).withUnsafeBytes { a in
        unsafe packed.withUnsafeBytes { packed in
          unsafe (padded(bias, unit: unit) + padded(columnScale, unit: unit) + padded(columnSum, unit: unit))
            .withUnsafeBufferPointer { columns in
              unsafe (rowScale + rowZero + [0]).withUnsafeBufferPointer { rows in
                var product = unsafe loci_encoder_product()
                let width = columns.count / 3
                unsafe (product.in, product.in_stride, product.panels) = (
                  a.baseAddress, stride, packed.baseAddress
                )
                unsafe (product.bias, product.column_scale) = (
                  columns.baseAddress, columns.baseAddress! + width
                )
                unsafe product.column_sum = columns.baseAddress! + 2 * width
                unsafe (product.row_scale, product.row_zero) = (rows.baseAddress, rows.baseAddress! + c.rows)
                unsafe check(c, kernels, product, exact: exact, tolerance: 3e-4) { unsafe routine($0) }
              }
            }
        }
      }
    }
  }

  private func sums(_ c: Case, _ bias: [Float], _ term: (Int, Int, Int) -> Double) -> [Double] {
    var out: [Double] = []
    out.reserveCapacity(c.rows * c.columns)
    for row in 0..<c.rows {
      for column in 0..<c.columns {
        var sum = Double(bias[column])
        for k in 0..<c.depth { sum += term(row, column, k) }
        out.append(sum)
      }
    }
    return out
  }
}
