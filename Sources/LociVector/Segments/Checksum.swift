import CLociMath

enum Checksum {
  static func crc32c(_ bytes: [UInt8], from crc: UInt32 = 0) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe loci_math_crc32c(crc, $0.baseAddress, $0.count) }
  }
}
