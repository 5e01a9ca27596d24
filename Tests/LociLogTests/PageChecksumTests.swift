import CLociSQLite
import Testing
import LociTestKit

struct PageChecksumTests {
  /// Bytes: multiples of 8 around the two lanes, and whole pages less their checksum.
  static let counts =
    [0, 1, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65].map { $0 * 8 } + [504, 4088, 8184, 65_528]

  @Test(arguments: counts)
  func hardwareAgreesWithTheReference(count: Int) {
    let bytes = event(count, count: count)
    for page: UInt32 in [1, 2, 77, .max] {
      #expect(checksum(bytes, page, loci_checksum_level_best()) == checksum(bytes, page, .scalar))
    }
  }

  /// CRC-32C of "123456789" is 0xE3069283: the even lane is the standard checksum, seeded with the page number.
  @Test func isTheStandardPolynomial() {
    let text = Array("12345678".utf8)
    #expect(UInt32(truncatingIfNeeded: checksum(text, 0, .scalar)) ^ .max == 0x6087_809A)
  }

  @Test func everyFlipOfOneBitIsDetected() {
    var page = event(5, count: 4088)
    let sum = checksum(page, 9, loci_checksum_level_best())
    for bit in 0..<(page.count * 8) {
      page[bit / 8] ^= 1 << UInt8(bit % 8)
      if checksum(page, 9, loci_checksum_level_best()) == sum { Issue.record("bit \(bit) is not covered") }
      page[bit / 8] ^= 1 << UInt8(bit % 8)
    }
  }

  @Test func flipsOfTwoAndThreeBitsAreDetected() {
    var random = SplitMix64(seed: 7)
    var page = event(6, count: 4088)
    let sum = checksum(page, 9, loci_checksum_level_best())
    for round in 0..<20_000 {
      let bits = Set((0..<(2 + round % 2)).map { _ in Int.random(in: 0..<(page.count * 8), using: &random) })
      for bit in bits { page[bit / 8] ^= 1 << UInt8(bit % 8) }
      if checksum(page, 9, loci_checksum_level_best()) == sum { Issue.record("\(bits) are not detected") }
      for bit in bits { page[bit / 8] ^= 1 << UInt8(bit % 8) }
    }
  }

  @Test func aPageInAnotherPlaceDoesNotMatch() {
    let page = event(8, count: 4088)
    let sums = (1...1_000).map { checksum(page, UInt32($0), loci_checksum_level_best()) }
    #expect(Set(sums).count == sums.count)
  }

  /// The byte stream of file format §4.2, by its definition.
  @Test(arguments: [0, 8, 16, 24, 64, 4096], [false, true])
  func logFrameChecksumAgreesWithItsDefinition(count: Int, bigEndian: Bool) {
    let bytes = event(3, count: count)
    var sums: [UInt32] = [11, 22]
    unsafe loci_wal_checksum(bytes, count, bigEndian, &sums)
    var (s1, s2): (UInt32, UInt32) = (11, 22)
    for at in stride(from: 0, to: count, by: 8) {
      func word(_ at: Int) -> UInt32 {
        let four = bytes[at..<(at + 4)]
        return (bigEndian ? Array(four) : four.reversed()).reduce(0) { $0 << 8 | UInt32($1) }
      }
      s1 &+= word(at) &+ s2
      s2 &+= word(at + 4) &+ s1
    }
    #expect(sums == [s1, s2])
  }

  private func checksum(_ bytes: [UInt8], _ page: UInt32, _ level: loci_checksum_level) -> UInt64 {
    // An empty array has no address to hand over.
    bytes.isEmpty
      ? unsafe loci_page_checksum([0], 0, page, level)
      : unsafe loci_page_checksum(bytes, bytes.count, page, level)
  }
}
