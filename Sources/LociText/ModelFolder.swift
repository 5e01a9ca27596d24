import Foundation

/// A HuggingFace model folder as far as an encoder needs it: what the model is, how its texts are pooled, and which
/// prefixes it wants. Spellings of sentence-transformers before and after version 5 are both read.
struct ModelFolder: Sendable {
  enum Pooling: String, Sendable { case cls, mean }

  let path: String
  let name: String
  let hidden, layers, heads, intermediate: Int
  let vocabulary, positions, types: Int
  let layerNormEpsilon: Float
  let pooling: Pooling
  let normalizes: Bool
  /// Longest text in tokens, special tokens included.
  let tokensMax: Int
  let queryPrefix, documentPrefix: String

  init(path: String) throws(EncoderError) {
    self.path = path
    name = URL(fileURLWithPath: path).lastPathComponent
    let config = try JSONFile(path + "/config.json", advice: "this is not a HuggingFace model folder")
    let kind = config.string("model_type") ?? "unknown"
    guard kind == "bert" else {
      throw .unsupported(file: config.path, problem: "the architecture '\(kind)'; only 'bert' is computed")
    }
    let activation = config.string("hidden_act") ?? "gelu"
    guard activation == "gelu" else {
      throw .unsupported(
        file: config.path, problem: "the activation '\(activation)'; only 'gelu' is computed")
    }
    hidden = try config.int("hidden_size", in: 1...16_384)
    layers = try config.int("num_hidden_layers", in: 1...256)
    heads = try config.int("num_attention_heads", in: 1...256)
    intermediate = try config.int("intermediate_size", in: 1...65_536)
    vocabulary = try config.int("vocab_size", in: 1...4_000_000)
    positions = try config.int("max_position_embeddings", in: 2...65_536)
    types = try config.int("type_vocab_size", in: 1...16)
    layerNormEpsilon = Float(config.number("layer_norm_eps") ?? 1e-12)
    guard hidden % heads == 0 else {
      throw .malformed(file: config.path, problem: "divides \(hidden) numbers among \(heads) heads")
    }
    pooling = try Self.pooling(path)
    normalizes = try Self.hasNormalize(path)
    tokensMax = min(try Self.tokensMax(path) ?? positions, positions)
    let prompts = try JSONFile(optional: path + "/config_sentence_transformers.json")?.object("prompts")
    let known = Self.knownPrefixes(name)
    queryPrefix = prompts?["query"] as? String ?? known.query
    documentPrefix = prompts?["document"] as? String ?? prompts?["passage"] as? String ?? known.document
  }

  /// Every file that shapes what the encoder gives, for its fingerprint.
  static let configurationFiles = [
    "config.json", "1_Pooling/config.json", "modules.json", "sentence_bert_config.json",
    "config_sentence_transformers.json", "tokenizer_config.json", "tokenizer.json", "vocab.txt"
  ]

  private static func pooling(_ path: String) throws(EncoderError) -> Pooling {
    guard let file = try JSONFile(optional: path + "/1_Pooling/config.json") else { return .mean }
    if let mode = file.string("pooling_mode") {
      guard let pooling = Pooling(rawValue: mode) else {
        throw .unsupported(file: file.path, problem: "the pooling '\(mode)'; 'cls' and 'mean' are computed")
      }
      return pooling
    }
    let others = ["max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
    for other in others where file.bool("pooling_mode_\(other)") == true {
      throw .unsupported(file: file.path, problem: "the pooling '\(other)'; 'cls' and 'mean' are computed")
    }
    return file.bool("pooling_mode_cls_token") == true ? .cls : .mean
  }

  private static func hasNormalize(_ path: String) throws(EncoderError) -> Bool {
    guard let modules = try JSONFile(optional: path + "/modules.json") else { return true }
    return modules.list.contains { ($0["type"] as? String)?.hasSuffix("Normalize") == true }
  }

  /// sentence_bert_config, else the tokenizer's limit. What tokenizer.json says of truncation and padding is left
  /// over from training, and ignored.
  private static func tokensMax(_ path: String) throws(EncoderError) -> Int? {
    if let own = try JSONFile(optional: path + "/sentence_bert_config.json")?.number("max_seq_length") {
      return max(2, Int(clamping: Int64(own)))
    }
    guard let limit = try JSONFile(optional: path + "/tokenizer_config.json")?.number("model_max_length"),
      limit < 1e9
    else { return nil }
    return max(2, Int(limit))
  }

  /// Prefixes that well-known families want and their files do not name.
  private static func knownPrefixes(_ name: String) -> (query: String, document: String) {
    let name = name.lowercased()
    if name.contains("e5-") { return ("query: ", "passage: ") }
    if name.hasPrefix("bge-"), name.contains("-zh") { return ("为这个句子生成表示以用于检索相关文章：", "") }
    if name.hasPrefix("bge-"), name.contains("-en") {
      return ("Represent this sentence for searching relevant passages: ", "")
    }
    return ("", "")
  }
}

/// A small JSON file of a model folder.
struct JSONFile {
  static let bytesMax = 64 << 20

  let path: String
  private let content: Any

  init(_ path: String, advice: String) throws(EncoderError) {
    guard let file = try JSONFile(optional: path) else { throw .missing(file: path, advice: advice) }
    self = file
  }

  /// `nil` when there is no such file.
  init?(optional path: String) throws(EncoderError) {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    guard let data = FileManager.default.contents(atPath: path), data.count <= Self.bytesMax,
      let content = try? JSONSerialization.jsonObject(with: data)
    else { throw .malformed(file: path, problem: "is not JSON") }
    self.path = path
    self.content = content
  }

  private func value(_ key: String) -> Any? { (content as? [String: Any])?[key] }

  var list: [[String: Any]] { content as? [[String: Any]] ?? [] }
  func object(_ key: String) -> [String: Any]? { value(key) as? [String: Any] }
  func objects(_ key: String) -> [[String: Any]] { value(key) as? [[String: Any]] ?? [] }
  func string(_ key: String) -> String? { value(key) as? String }
  func bool(_ key: String) -> Bool? { value(key) as? Bool }
  func number(_ key: String) -> Double? { (value(key) as? NSNumber)?.doubleValue }

  func int(_ key: String, in range: ClosedRange<Int>) throws(EncoderError) -> Int {
    guard let number = number(key) else { throw .malformed(file: path, problem: "does not say \(key)") }
    guard let value = Int(exactly: number), range.contains(value) else {
      throw .malformed(file: path, problem: "says \(key) is \(number)")
    }
    return value
  }
}
