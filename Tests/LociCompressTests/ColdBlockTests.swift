import Testing

@testable import LociCompress

/// Cold texts come back to the byte, or not at all.
@Suite struct ColdBlockTests {
  static let texts = RandomText.texts(seed: 3, count: 40).map(\.text) + ["", "e\u{301}", "\u{E9}", "\0"]

  @Test func whatGoesInComesOut() throws {
    for texts in [[], [""], ["", ""], Self.texts] {
      let back = try ColdBlock.unpack(try ColdBlock.pack(texts))
      #expect(back.map { Array($0.utf8) } == texts.map { Array($0.utf8) })
    }
  }

  private static func dictionary() throws -> ZstdDictionary {
    let samples = (0..<200).map { seed in
      RandomText.texts(seed: UInt64(seed), count: 3).map(\.text).joined(separator: "\n").utf8.map { $0 }
    }
    return try ZstdDictionary(bytes: try ZstdDictionary.train(samples, bytesMax: 8 << 10))
  }

  @Test func aDictionaryIsNeededAndSaves() throws {
    let dictionary = try Self.dictionary()
    let block = try ColdBlock.pack(Self.texts, dictionary: dictionary)
    let back = try ColdBlock.unpack(block, dictionary: dictionary)
    #expect(back.map { Array($0.utf8) } == Self.texts.map { Array($0.utf8) })
    let plain = try ColdBlock.pack(Self.texts)
    #expect(block.count < plain.count)
    #expect(throws: CompressionError.self) { try ColdBlock.unpack(block) }
  }

  @Test func everyTruncationIsRefused() throws {
    let block = try ColdBlock.pack(Self.texts)
    for count in 0..<block.count {
      #expect(throws: CompressionError.self) { try ColdBlock.unpack(Array(block.prefix(count))) }
    }
  }

  /// A flipped bit is noticed, or lies where it changes nothing of the texts.
  @Test func flippedBitsAreNoticed() throws {
    let block = try ColdBlock.pack(Self.texts)
    for index in block.indices {
      for bit in 0..<8 {
        var damaged = block
        damaged[index] ^= 1 << bit
        guard let back = try? ColdBlock.unpack(damaged) else { continue }
        #expect(back.joined().utf8.elementsEqual(Self.texts.joined().utf8), "byte \(index), bit \(bit)")
      }
    }
  }

  @Test func hugeClaimsAreRefusedBeforeMemoryIsTaken() {
    // Version, no dictionary, one text of 2^62 bytes.
    let block: [UInt8] = [1, 0, 1] + [UInt8](repeating: 0xFF, count: 8) + [0x3F, 0, 0, 0, 0]
    #expect(throws: CompressionError.self) { try ColdBlock.unpack(block) }
    #expect(throws: CompressionError.unknownVersion(9)) { try ColdBlock.unpack([9, 0, 0]) }
  }

  @Test(arguments: UInt64(1)...20) func anArchiveGivesTheTextsBack(seed: UInt64) throws {
    let texts = RandomText.texts(seed: seed, count: Int(seed) - 1)
    let archive = try Archive.pack(texts)
    #expect(try Archive.expand(archive) == texts)
    for count in stride(from: 0, to: archive.count, by: 7) {
      #expect(throws: CompressionError.self) { try Archive.expand(Array(archive.prefix(count))) }
    }
  }

  @Test func aBlockThatIsNoArchiveIsRefused() throws {
    let block = try ColdBlock.pack(["a", "b"])
    #expect(throws: CompressionError.self) { try Archive.expand(block) }
  }

  @Test func tooFewSamplesTrainNothing() {
    #expect(throws: CompressionError.tooFewSamples(1)) {
      try ZstdDictionary.train([Array("0123456789".utf8)])
    }
  }
}
