import CLociMath
package import Foundation

/// Vectors as they are kept on disk: IEEE half precision, little-endian, one number after the other.
package enum Float16Codec {
  package static func encode(_ values: [Float]) -> [UInt8] {
    var halves = [UInt16](repeating: 0, count: values.count)
    unsafe VectorKernels.best.table.pointee.f16_from_f32(values, &halves, values.count)
    return unsafe halves.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Appends the numbers in `bytes`, of even length, to `values`.
  package static func decode(_ bytes: Data, onto values: inout [Float]) {
    let count = bytes.count / 2
    let start = values.count
    values.append(contentsOf: repeatElement(0, count: count))
    unsafe bytes.withUnsafeBytes { raw in
      unsafe values.withUnsafeMutableBufferPointer { target in
        guard let source = raw.baseAddress, let base = target.baseAddress else { return }
        let halves = unsafe source.assumingMemoryBound(to: UInt16.self)
        unsafe VectorKernels.best.table.pointee.f32_from_f16(halves, base + start, count)
      }
    }
  }
}
