import Foundation
import Testing

@testable import LociText
import LociTestKit

/// The packed e5: a made-up one here, the real one where it was fetched.
struct E5ConversionTests {
  /// A pack of one layer, in the format that E5Pack documents.
  static func pack() -> Data {
    var random = SplitMix64(seed: 11)
    let (h, f, vocabulary, positions) = (32, 64, 8, 6)
    var head = Data("E5S1".utf8)
    func put<T: FixedWidthInteger>(_ value: T, _ data: inout Data) {
      for byte in 0..<MemoryLayout<T>.size { data.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
    put(UInt32(1), &head)
    for value in [h, 1, 2, f, vocabulary, positions, 2] { put(Int32(value), &head) }
    put(Float(1e-12).bitPattern, &head)
    put(Int32(32), &head)
    let pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "中", "<mask>"]
    for value in [pieces.count, 0, 2, 1, 3] { put(Int32(value), &head) }
    let blob = Data(pieces.joined().utf8)
    put(UInt64(blob.count), &head)
    var at = 0
    for piece in pieces + [""] {
      put(UInt32(at), &head)
      at += piece.utf8.count
    }
    for index in pieces.indices { put(Float(index < 4 ? 0 : -Float(index)).bitPattern, &head) }
    head += blob
    put(Int32(1), &head)
    put(UInt32(9), &head)
    put(UInt32(0x3000), &head)
    head.append(1)
    put(UInt32(0x20), &head)
    var tensors: [(String, Bool, Int)] = [
      ("emb.word", true, vocabulary * h), ("emb.pos", false, positions * h), ("emb.type", false, 2 * h),
      ("emb.ln.w", false, h), ("emb.ln.b", false, h)
    ]
    for (name, out, into) in [("q", h, h), ("k", h, h), ("v", h, h), ("ao", h, h), ("fi", f, h), ("fo", h, f)]
    {
      tensors += [("l0.\(name).w", true, out * into), ("l0.\(name).b", false, out)]
    }
    for name in ["aln", "oln"] { tensors += [("l0.\(name).w", false, h), ("l0.\(name).b", false, h)] }
    var directory = Data()
    var body = Data()
    put(Int32(tensors.count), &directory)
    let directoryBytes = 4 + tensors.reduce(0) { $0 + 2 + $1.0.utf8.count + 1 + 4 + 16 }
    for (name, isQuantized, count) in tensors {
      put(UInt16(name.utf8.count), &directory)
      directory += Data(name.utf8)
      directory.append(isQuantized ? 1 : 0)
      put(UInt32(count), &directory)
      put(UInt64(head.count + directoryBytes + body.count), &directory)
      put(UInt64(isQuantized ? count / 32 * 18 : count * 4), &directory)
      if isQuantized {
        for _ in 0..<count / 32 {
          put(Float16(0.25).bitPattern, &body)
          for _ in 0..<16 { body.append(.random(in: 0...255, using: &random)) }
        }
      } else {
        for _ in 0..<count { put(Float(Int.random(in: -64...64, using: &random)).bitPattern / 1, &body) }
      }
    }
    return head + directory + body
  }

  @Test func aPackBecomesAFolderThatLoads() throws {
    let folder = try Scratch()
    try folder.write("pack.bin", Self.pack())
    try folder.write("model/.keep", "")
    try E5Conversion.convert(pack: folder.path + "/pack.bin", to: folder.path + "/model")
    let encoder = try TextEncoder(modelDirectory: folder.path + "/model")
    #expect(encoder.dimension == 32)
    #expect(encoder.maxTokens == 6)
    let batch = try encoder.encode(["a中"], kind: .query)
    #expect(batch.vectors.allSatisfy { $0.isFinite })
    #expect(
      try TextTokenizer(modelDirectory: folder.path + "/model").encode("a\u{3000}中", maxTokens: 9).ids == [
        0, 4, 5, 4, 6, 2
      ])
    // Q4_0 by hand: the first byte holds numbers 0 and 16.
    let pack = try E5Pack(path: folder.path + "/pack.bin")
    var numbers = Data()
    try pack.write("emb.word", count: 256, to: &numbers)
    let content = Self.pack()
    let start = try #require(pack.tensors["emb.word"]).range.lowerBound
    let byte = content[start + 2]
    for (index, four) in [(0, byte & 15), (16, byte >> 4)] {
      let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(numbers[index * 4 + $1]) << (8 * $1) }
      #expect(Float(bitPattern: bits) == Float(Int(four) - 8) * 0.25)
    }
  }

  @Test func everyTruncationIsRefused() throws {
    let folder = try Scratch()
    let whole = Self.pack()
    for length in stride(from: 0, to: whole.count, by: 3) {
      try folder.write("pack.bin", whole.prefix(length))
      #expect(throws: EncoderError.self, "\(length)") { try E5Pack(path: folder.path + "/pack.bin") }
    }
  }
}

/// multilingual-e5-small against vectors that PyTorch computed of the same weights, Chinese texts among them.
@Suite(
  .enabled(
    if: Fixtures.hasE5Reference,
    "no multilingual model: run `loci models fetch multilingual-e5-small`; or no reference data (encref-e5-small-q4)"
  ))
struct E5Reference {
  /// The reference's own tokenizer adds scores in float32, and here takes another of two paths that differ by 1e-6.
  private static let nearTie = 128

  @Test func idsAndVectorsAgree() throws {
    let encoder = try TextEncoder(modelDirectory: #require(Fixtures.e5), precision: .float32)
    let data = try #require(Fixtures.e5Reference)
    let texts = try ReferenceText.all(data)
    #expect(texts.count == 199)
    let tokenizer = try TextTokenizer(modelDirectory: #require(Fixtures.e5))
    for (index, text) in texts.enumerated() where index != Self.nearTie {
      #expect(try tokenizer.encode(text.text, maxTokens: 512).ids == text.ids, "\(text.text.prefix(60))")
    }
    let wanted = try matrix(data + "/emb_fp32_of_q4_weights.npy")
    // The prefixes are in the texts already: take them off, and let the encoder add them.
    var lowest = 1.0
    for (index, text) in texts.enumerated() where index != Self.nearTie {
      let isQuery = text.text.hasPrefix("query: ")
      #expect(isQuery || text.text.hasPrefix("passage: "))
      let bare = String(text.text.dropFirst(isQuery ? 7 : 9))
      let vector = try encoder.encode([bare], kind: isQuery ? .query : .document).vectors
      lowest = min(lowest, cosine(vector[...], wanted[index * 384..<(index + 1) * 384]))
    }
    #expect(lowest > 0.999999, "lowest cosine \(lowest)")
  }
}
