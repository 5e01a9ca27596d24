import Foundation
import LociText
import Testing

/// A small vocabulary, so that each rule can be read off the ids. Real texts are in ReferenceTests; millions of
/// generated ones in scripts/compare-tokenizers.
struct WordPieceTests {
  static let vocabulary = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "want", "##want", "##ed", "a",
    "##a", "中",
    "##中", "か", ",", "$", "s", "##s", "ß"
  ]

  private func folder(_ settings: String = "{}") throws -> Scratch {
    let folder = try Scratch()
    try folder.write("vocab.txt", Self.vocabulary.joined(separator: "\n") + "\n")
    try folder.write("tokenizer_config.json", settings)
    return folder
  }

  private func pieces(_ text: String, _ settings: String = "{}") throws -> [String] {
    let folder = try folder(settings)
    let ids = try WordPieceTokenizer(modelDirectory: folder.path).encode(text, maxTokens: 512).ids
    #expect(ids.first == 2)
    #expect(ids.last == 3)
    return ids.dropFirst().dropLast().map { Self.vocabulary[Int($0)] }
  }

  @Test(
    arguments: [
      ("", []), ("unaffable", ["un", "##aff", "##able"]), ("UNWANTED", ["un", "##want", "##ed"]),
      ("unwantedx", ["[UNK]"]), ("a中a", ["a", "中", "a"]), ("が", ["か"]), ("á\u{301}", ["a"]),
      ("a,a$", ["a", ",", "a", "$"]), ("a\u{200B}\u{AD}a", ["a", "##a"]),
      ("a\u{3000}a\u{A0}a", ["a", "a", "a"]),
      ("a[SEP]a [MASK]", ["a", "[SEP]", "a", "[MASK]"]), ("ẞ", ["ß"]), ("a\u{0}\u{FFFD}a", ["a", "##a"])
    ] as [(String, [String])])
  func splits(text: String, wanted: [String]) throws {
    #expect(try pieces(text) == wanted)
  }

  @Test func settingsAreKept() throws {
    #expect(try pieces("A", #"{"do_lower_case": false}"#) == ["[UNK]"])
    #expect(try pieces("á", #"{"do_lower_case": true, "strip_accents": false}"#) == ["[UNK]"])
    #expect(try pieces("a中", #"{"tokenize_chinese_chars": false}"#) == ["a", "##中"])
  }

  @Test func aWordOfMoreThanAHundredCharactersIsUnknown() throws {
    #expect(try pieces(String(repeating: "a", count: 100)).count == 100)
    #expect(try pieces(String(repeating: "a", count: 101)) == ["[UNK]"])
    #expect(try pieces(String(repeating: "a", count: 100_000) + " a") == ["[UNK]", "a"])
  }

  @Test(arguments: 2...8) func truncates(limit: Int) throws {
    let folder = try folder()
    let tokens = try WordPieceTokenizer(modelDirectory: folder.path).encode("a a a a", maxTokens: limit)
    #expect(tokens.ids == [2] + Array(repeating: 11, count: min(4, limit - 2)) + [3])
    #expect(tokens.tokenCount == 6)
    #expect(tokens.isTruncated == (limit < 6))
  }

  @Test func tokenizerJSONGivesTheSame() throws {
    let folder = try Scratch()
    let vocabulary = Dictionary(uniqueKeysWithValues: Self.vocabulary.enumerated().map { ($1, $0) })
    let object: [String: Any] = [
      "normalizer": ["type": "BertNormalizer", "lowercase": true],
      "pre_tokenizer": ["type": "BertPreTokenizer"],
      "added_tokens": [["id": 3, "content": "[SEP]", "single_word": true]],
      "model": ["type": "WordPiece", "vocab": vocabulary, "unk_token": "[UNK]"]
    ]
    try folder.write("tokenizer.json", JSONSerialization.data(withJSONObject: object))
    let tokenizer = try WordPieceTokenizer(modelDirectory: folder.path)
    #expect(tokenizer.encode("Unaffable 中, [SEP]", maxTokens: 99).ids == [2, 5, 6, 7, 13, 16, 3, 3])
    // A single word is not found inside another.
    #expect(!tokenizer.encode("a[SEP]", maxTokens: 99).ids.dropLast().contains(3))
  }

  @Test(arguments: [
    #"{"model": {"type": "Unigram"}}"#, #"{"model": {"type": "WordPiece", "vocab": {}}}"#, "{", "[]",
    #"{"model": {"vocab": {"[UNK]": -1}}, "normalizer": {"type": "BertNormalizer"}}"#,
    #"{"model": {"vocab": {"[UNK]": 1e300}}}"#,
    #"{"model": {"type": "WordPiece"}, "normalizer": {"type": "Lowercase"}}"#
  ])
  func refusesOthers(tokenizer: String) throws {
    let folder = try Scratch()
    try folder.write("tokenizer.json", tokenizer)
    #expect(throws: EncoderError.self) { try WordPieceTokenizer(modelDirectory: folder.path) }
  }

  @Test func refusesAVocabularyThatIsNotText() throws {
    let folder = try Scratch()
    #expect(throws: EncoderError.self) { try WordPieceTokenizer(modelDirectory: folder.path) }
    try folder.write("vocab.txt", Data([0x5B, 0xFF, 0x0A]))
    #expect(throws: EncoderError.self) { try WordPieceTokenizer(modelDirectory: folder.path) }
    try folder.write("vocab.txt", "no\nspecial\ntokens\n")
    #expect(throws: EncoderError.self) { try WordPieceTokenizer(modelDirectory: folder.path) }
  }
}
