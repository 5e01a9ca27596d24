import CLociUnicode
import Testing
import LociTestKit

struct UnicodeTests {
  private func decoded(_ bytes: [UInt8]) -> [UInt32] {
    var (codes, at): ([UInt32], Int) = ([], 0)
    while at < bytes.count {
      var code: UInt32 = 0
      at += unsafe bytes.withUnsafeBufferPointer { bytes in
        guard let start = bytes.baseAddress else { return 1 }
        return unsafe loci_utf8_decode(start + at, bytes.count - at, &code)
      }
      codes.append(code)
    }
    return codes
  }

  /// Swift's own decoder is the oracle: both replace each maximal ill-formed part.
  @Test(arguments: 1...20) func decodesAsSwiftDoes(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let likely: [UInt8] = [
      0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xED, 0xA0, 0x9F, 0xEF, 0xF0, 0x90, 0xF4, 0x8F, 0xF5, 0xC0
    ]
    for _ in 0..<500 {
      let bytes = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
        Bool.random(using: &random)
          ? likely.randomElement(using: &random) ?? 0 : .random(in: 0...255, using: &random)
      }
      #expect(
        decoded(bytes) == String(decoding: bytes, as: UTF8.self).unicodeScalars.map(\.value), "\(bytes)")
      #expect(
        unsafe loci_utf8_is_valid(bytes, bytes.count) == (String(validating: bytes, as: UTF8.self) != nil))
    }
  }

  @Test func everyScalarSurvivesARoundTrip() {
    var differences = 0
    var bytes = [UInt8](repeating: 0, count: 4)
    for value in UInt32(0)...0x10FFFF {
      let length = unsafe loci_utf8_encode(value, &bytes)
      var code: UInt32 = 0
      let taken = unsafe loci_utf8_decode(bytes, length, &code)
      let wanted = (0xD800...0xDFFF).contains(value) ? 0xFFFD : value
      if taken != length || code != wanted { differences += 1 }
      // Cut off anywhere, it is one replacement character.
      for cut in 1..<max(length, 2) where cut < length {
        if unsafe loci_utf8_decode(bytes, cut, &code) != cut || code != 0xFFFD { differences += 1 }
      }
    }
    #expect(differences == 0)
    var code: UInt32 = 7
    #expect(unsafe loci_utf8_decode(nil, 0, &code) == 0)
    let nothing = loci_utf8_is_valid(nil, 0)
    #expect(nothing)
  }

  private func fold(_ character: Unicode.Scalar) -> String {
    var out = [UInt32](repeating: 0, count: Int(LOCI_UNICODE_FOLDED_MAX))
    let count = unsafe loci_unicode_fold(character.value, &out)
    return String(String.UnicodeScalarView(out.prefix(count).compactMap(Unicode.Scalar.init)))
  }

  @Test(
    arguments: [
      ("A", "a"), ("é", "e"), ("Å", "a"), ("ß", "ss"), ("ẞ", "ss"), ("ς", "σ"), ("İ", "i"), ("Ａ", "a"),
      ("１", "1"),
      ("ｶ", "カ"), ("が", "か"), ("\u{3000}", " "), ("中", "中"), ("가", "가"), ("ﾡ", "ㄱ"), ("й", "и")
    ] as [(Unicode.Scalar, String)])
  func foldsForSearch(character: Unicode.Scalar, wanted: String) {
    #expect(fold(character) == wanted)
  }

  @Test(arguments: ["\u{301}", "\u{AD}", "\u{200D}", "\u{FEFF}", "ﾞ"] as [Unicode.Scalar])
  func searchIgnores(character: Unicode.Scalar) {
    #expect(fold(character).isEmpty)
  }

  @Test func classes() {
    for c in "中々〇ぁヲｱ가ᄀ\u{20000}\u{31350}".unicodeScalars { #expect(loci_unicode_is_cjk(c.value), "\(c)") }
    for c in "aé1。、 ・\u{FF01}ไ".unicodeScalars { #expect(!loci_unicode_is_cjk(c.value), "\(c)") }
    for c in "aЖ1Ⅷ中٣ª".unicodeScalars { #expect(loci_unicode_is_alnum(c.value), "\(c)") }
    for c in " .-_。\u{301}😀\n".unicodeScalars { #expect(!loci_unicode_is_alnum(c.value), "\(c)") }
    for code: UInt32 in [0x110000, .max] {
      var out = [UInt32](repeating: 0, count: 4)
      #expect(loci_unicode_flags(code) == 0)
      #expect(unsafe loci_unicode_fold(code, &out) == 1)
      #expect(out[0] == code)
    }
  }

  /// Swift's decompositions, through canonical equivalence.
  @Test func decompositionIsCanonicallyEquivalent() {
    var wrong: [UInt32] = []
    for value in UInt32(0)...0x2FFFF {
      guard let scalar = Unicode.Scalar(value) else { continue }
      var out = [UInt32](repeating: 0, count: Int(LOCI_UNICODE_DECOMPOSED_MAX))
      let count = unsafe loci_unicode_decompose(value, &out)
      let parts = String(String.UnicodeScalarView(out.prefix(count).compactMap(Unicode.Scalar.init)))
      if count != 1 || out[0] != value, parts != String(Character(scalar)) { wrong.append(value) }
    }
    #expect(wrong.isEmpty)
  }
}
