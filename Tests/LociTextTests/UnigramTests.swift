import CLociEncoder
import Foundation
import Testing

@testable import LociText
import LociTestKit

/// A small vocabulary, so that each rule can be read off the pieces. Real vocabularies and millions of texts are in
/// scripts/compare-tokenizers.
struct UnigramTests {
  static let pieces: [(String, Double)] = [
    ("<s>", 0), ("<pad>", 0), ("</s>", 0), ("<unk>", 0), ("▁", -3), ("▁he", -2), ("llo", -2),
    ("▁hello", -3.5),
    ("h", -5), ("e", -5), ("l", -5), ("o", -5), ("中", -4), ("文", -4), ("中文", -6), ("fi", -4), ("é", -4),
    ("1", -4), ("<0xE2>", -9), ("<0x98>", -9), ("<0x83>", -9), ("▁a", -2), ("a", -2)
  ]

  /// - Parameter changes: replaces members of the file; of "model", members of it.
  static func write(_ changes: [String: Any] = [:]) throws -> Scratch {
    let folder = try Scratch()
    try folder.write("tokenizer.json", file(changes))
    return folder
  }

  private static func tokenizer(_ changes: [String: Any] = [:]) throws -> TextTokenizer {
    let folder = try write(changes)
    return try TextTokenizer(modelDirectory: folder.path)
  }

  static func file(_ changes: [String: Any] = [:]) throws -> Data {
    let rules = CharsmapBuilder(codePoints: [
      0x9: [0x20], 0xA: [0x20], 0xD: [0x20], 0x3000: [0x20], 0xFB01: [0x66, 0x69], 0x2460: [0x31]
    ])
    var model: [String: Any] = ["type": "Unigram", "unk_id": 3, "vocab": pieces.map { [$0.0, $0.1] as [Any] }]
    model.merge(changes["model"] as? [String: Any] ?? [:]) { _, new in new }
    var file: [String: Any] = [
      "normalizer": [
        "type": "Precompiled", "precompiled_charsmap": rules.compiled().base64EncodedString()
      ],
      "pre_tokenizer": ["type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"],
      "added_tokens": [
        ["id": 0, "content": "<s>"], ["id": 2, "content": "</s>"],
        ["id": 1, "content": "<pad>", "lstrip": true, "rstrip": true]
      ]
    ]
    file.merge(changes) { _, new in new }
    file["model"] = model
    return try JSONSerialization.data(withJSONObject: file)
  }

  private func split(_ text: String, _ changes: [String: Any] = [:]) throws -> [String] {
    let tokenizer = try Self.tokenizer(changes)
    let ids = try tokenizer.encode(text, maxTokens: 512).ids
    #expect(ids.first == 0)
    #expect(ids.last == 2)
    return ids.dropFirst().dropLast().map { Self.pieces[Int($0)].0 }
  }

  @Test(
    arguments: [
      ("", []), (" ", ["▁"]), ("hello", ["▁hello"]), ("hel", ["▁he", "l"]), ("中文", ["▁", "中文"]),
      ("hello\thello", ["▁hello", "▁hello"]), ("hello  hello", ["▁hello", "▁", "▁hello"]),
      ("ﬁ", ["▁", "fi"]), ("e\u{301}", ["▁", "é"]), ("☃☃", ["▁", "<unk>"]),
      ("☃a☃", ["▁", "<unk>", "a", "<unk>"]),
      ("a</s>a", ["▁a", "</s>", "▁a"]), ("a  <pad> \u{3000}a", ["▁a", "<pad>", "▁a"]),
      // A short cluster that begins with a rule's text is replaced as a whole.
      ("①\u{301}", ["▁", "1"]), ("▁a", ["▁a"]), ("\r\n", ["▁"])
    ] as [(String, [String])])
  func splits(text: String, wanted: [String]) throws {
    #expect(try split(text) == wanted)
  }

  @Test func settingsAreKept() throws {
    #expect(try split("☃", ["model": ["byte_fallback": true]]) == ["▁", "<0xE2>", "<0x98>", "<0x83>"])
    let meta: [String: Any] = ["type": "Metaspace", "replacement": "▁"]
    let split = ["type": "Sequence", "pretokenizers": [["type": "WhitespaceSplit"], meta]] as [String: Any]
    #expect(try self.split("  a  a ", ["pre_tokenizer": split]) == ["▁a", "▁a"])
    let never = meta.merging(["prepend_scheme": "never"]) { _, new in new }
    #expect(try self.split("a a", ["pre_tokenizer": never]) == ["a", "▁a"])
    let first = meta.merging(["prepend_scheme": "first"]) { _, new in new }
    #expect(try self.split("a</s>a", ["pre_tokenizer": first]) == ["▁a", "</s>", "a"])
    let old = meta.merging(["add_prefix_space": false]) { _, new in new }
    #expect(try self.split("a", ["pre_tokenizer": old]) == ["a"])
    let steps: [[String: Any]] = [
      ["type": "Strip", "strip_left": false, "strip_right": true],
      ["type": "Replace", "pattern": ["Regex": " {2,}"], "content": "▁"],
      ["type": "Replace", "pattern": ["String": "x"], "content": "a"]
    ]
    let sequence = ["type": "Sequence", "normalizers": steps] as [String: Any]
    #expect(try self.split("x   a  ", ["normalizer": sequence]) == ["▁a", "▁a"])
    #expect(try self.split("a", ["normalizer": NSNull()]) == ["▁a"])
  }

  @Test func aLongTextIsTruncatedAndCounted() throws {
    let tokenizer = try Self.tokenizer()
    let long = String(repeating: "中", count: 100_001)
    let cut = try tokenizer.encode(long, maxTokens: 10)
    #expect(cut.ids.count == 10)
    #expect(cut.tokenCount == 100_004)
    #expect(cut.isTruncated)
    #expect(cut.ids.last == 2)
    // One character that becomes many tokens: more tokens than bytes were expected.
    let rules = CharsmapBuilder(codePoints: [0x2460: [UInt32](repeating: 0x61, count: 40)])
    let changes = [
      "normalizer": [
        "type": "Precompiled", "precompiled_charsmap": rules.compiled().base64EncodedString()
      ]
    ]
    let many = try Self.tokenizer(changes)
    #expect(try many.encode("①①", maxTokens: 512).ids.count == 82)
  }

  @Test(
    arguments: [
      #"{"model": {"unk_id": null}}"#, #"{"model": {"unk_id": 99}}"#, #"{"model": {"vocab": [["a", 1, 2]]}}"#,
      #"{"model": {"vocab": [["a", "b"]]}}"#, #"{"model": {"vocab": {}}}"#,
      #"{"normalizer": {"type": "NFKC"}}"#,
      #"{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}"#,
      #"{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "!"}}"#,
      #"{"normalizer": {"type": "Replace", "pattern": {"Regex": "a+"}, "content": ""}}"#,
      #"{"pre_tokenizer": {"type": "ByteLevel"}}"#, #"{"pre_tokenizer": {}}"#,
      #"{"pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "last"}}"#,
      #"{"added_tokens": [{"id": 0, "content": "<s>", "normalized": true}]}"#,
      #"{"added_tokens": [{"content": "<s>"}]}"#,
      #"{"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}]}}"#
    ])
  func whatIsNotComputedIsRefused(changes: String) throws {
    let object = try JSONSerialization.jsonObject(with: Data(changes.utf8)) as? [String: Any]
    let folder = try Self.write(#require(object))
    #expect(throws: EncoderError.self) { try TextTokenizer(modelDirectory: folder.path) }
  }

  @Test func everyTruncationIsRefused() throws {
    let folder = try Scratch()
    let whole = try Self.file(["normalizer": NSNull()])
    for length in 0..<whole.count {
      try folder.write("tokenizer.json", whole.prefix(length))
      #expect(throws: EncoderError.self, "\(length)") { try TextTokenizer(modelDirectory: folder.path) }
    }
  }

  @Test func everyTruncationOfTheRulesIsRefused() throws {
    var builder = CharsmapBuilder()
    builder.add([0x3000], becomes: [0x20])
    let whole = [UInt8](builder.compiled())
    for length in 0..<whole.count {
      var options = loci_unigram_options()
      var isTaken = false
      if let handle = unsafe loci_unigram_create(&options) {
        isTaken = unsafe loci_unigram_set_charsmap(handle, whole, length)
        unsafe loci_unigram_destroy(handle)
      }
      // Without replacements at all the array alone is well-formed.
      #expect(isTaken == (length == whole.count - 2), "\(length)")
    }
  }

  /// Damaged rules are refused or read as others; they never lead out of memory.
  @Test func damagedRulesAreHarmless() throws {
    var random = SplitMix64(seed: 3)
    var builder = CharsmapBuilder()
    builder.add([0x3000], becomes: [0x20])
    builder.add([0x2460], becomes: [0x31])
    let sound = [UInt8](builder.compiled())
    for _ in 0..<300 {
      var bytes = sound
      for _ in 0..<4 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      let changes = [
        "normalizer": ["type": "Precompiled", "precompiled_charsmap": Data(bytes).base64EncodedString()]
      ]
      guard let tokenizer = try? Self.tokenizer(changes) else { continue }
      let ids = try tokenizer.encode("a\u{3000}①中é ﬁ", maxTokens: 64).ids
      #expect(ids.allSatisfy { $0 >= 0 && $0 < Self.pieces.count })
    }
  }
}
