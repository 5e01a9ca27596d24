import Foundation

/// What a model folder says of its tokenizer. Where both speak, tokenizer_config.json overrides tokenizer.json, as in
/// the transformers library.
struct TokenizerFiles: Sendable {
  /// A token that is found in the raw text and never split.
  struct AddedToken: Sendable {
    let content: String
    let id: Int32
    let isSingleWord: Bool
  }

  let vocabulary: Vocabulary
  private(set) var addedTokens: [AddedToken] = []
  private(set) var cleansText = true
  private(set) var spacesIdeographs = true
  private(set) var lowersCase = true
  private(set) var stripsAccents = true
  private(set) var unknownToken = "[UNK]"
  private(set) var classToken = "[CLS]"
  private(set) var separatorToken = "[SEP]"
  private(set) var continuationPrefix = "##"
  private(set) var wordCharactersMax = 100

  init(_ directory: String) throws(EncoderError) {
    try self.init(directory, full: TokenizerJSON(optional: directory + "/tokenizer.json")?.file())
  }

  /// `full` is the content of tokenizer.json.
  init(_ directory: String, full: JSONFile?) throws(EncoderError) {
    let listPath = directory + "/vocab.txt"
    let hasList = FileManager.default.fileExists(atPath: listPath)
    let config = try JSONFile(optional: directory + "/tokenizer_config.json")
    let model = full?.object("model")
    if let full, let kind = model?["type"] as? String, kind != "WordPiece" {
      throw .unsupported(
        file: full.path, problem: "the tokenizer '\(kind)'; WordPiece and Unigram are computed")
    }
    if hasList {
      vocabulary = try Vocabulary(lines: listPath)
    } else if let full, let pieces = model?["vocab"] as? [String: Any] {
      vocabulary = try Vocabulary(object: pieces, path: full.path)
    } else {
      throw .missing(
        file: listPath, advice: "the folder must hold vocab.txt or a tokenizer.json of WordPiece")
    }
    var accents: Bool?
    if let full { accents = try readTokenizer(full) }
    readConfig(config, &accents)
    stripsAccents = accents ?? lowersCase
    if full == nil { addDefaultTokens() }
  }

  private mutating func readTokenizer(_ file: JSONFile) throws(EncoderError) -> Bool? {
    let model = file.object("model") ?? [:]
    unknownToken = model["unk_token"] as? String ?? unknownToken
    continuationPrefix = model["continuing_subword_prefix"] as? String ?? continuationPrefix
    wordCharactersMax = Self.integer(model["max_input_chars_per_word"]) ?? wordCharactersMax
    for (part, wanted) in [("normalizer", "BertNormalizer"), ("pre_tokenizer", "BertPreTokenizer")] {
      guard let kind = file.object(part)?["type"] as? String, kind == wanted else {
        throw .unsupported(file: file.path, problem: "its \(part); only \(wanted) is computed")
      }
    }
    for token in file.objects("added_tokens") {
      guard let content = token["content"] as? String, let id = (token["id"] as? NSNumber)?.int32Value,
        id >= 0,
        !content.isEmpty
      else { throw .malformed(file: file.path, problem: "has an added token without content or id") }
      guard (token["normalized"] as? Bool) != true else {
        throw .unsupported(
          file: file.path, problem: "the added token '\(content)', looked for in normalised text")
      }
      addedTokens.append(
        AddedToken(content: content, id: id, isSingleWord: (token["single_word"] as? Bool) ?? false))
    }
    let normalizer = file.object("normalizer") ?? [:]
    cleansText = normalizer["clean_text"] as? Bool ?? true
    spacesIdeographs = normalizer["handle_chinese_chars"] as? Bool ?? true
    lowersCase = normalizer["lowercase"] as? Bool ?? true
    return normalizer["strip_accents"] as? Bool
  }

  private static func integer(_ value: Any?) -> Int? {
    (value as? NSNumber).flatMap { Int(exactly: $0.doubleValue) }
  }

  private mutating func readConfig(_ file: JSONFile?, _ accents: inout Bool?) {
    guard let file else { return }
    lowersCase = file.bool("do_lower_case") ?? lowersCase
    spacesIdeographs = file.bool("tokenize_chinese_chars") ?? spacesIdeographs
    accents = file.bool("strip_accents") ?? accents
    // A token is written as a string, or as an object with its content.
    func token(_ key: String) -> String? { file.string(key) ?? file.object(key)?["content"] as? String }
    unknownToken = token("unk_token") ?? unknownToken
    classToken = token("cls_token") ?? classToken
    separatorToken = token("sep_token") ?? separatorToken
  }

  private mutating func addDefaultTokens() {
    for token in ["[PAD]", unknownToken, classToken, separatorToken, "[MASK]"] {
      guard let id = vocabulary.id(of: token) else { continue }
      addedTokens.append(AddedToken(content: token, id: id, isSingleWord: false))
    }
  }
}
