import Foundation

/// A HuggingFace model folder as far as an encoder needs it: what the model is, how its texts are pooled, and which
/// prefixes it wants. Spellings of sentence-transformers before and after version 5 are both read.
struct ModelFolder: Sendable {
  enum Pooling: String, Sendable { case cls, mean }
  /// As config.json spells them. XLM-RoBERTa computes what BERT does, with positions that start later.
  enum Kind: String, Sendable, CaseIterable {
    case bert = "bert"
    case xlmRoberta = "xlm-roberta"
  }

  let path: String
  let name: String
  let kind: Kind
  let hidden, layers, heads, intermediate: Int
  let vocabulary, positions, types: Int
  /// Position of a text's first token.
  let firstPosition: Int
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
    let architecture = config.string("model_type") ?? "unknown"
    guard let kind = Kind(rawValue: architecture) else {
      let computed = Kind.allCases.map { "'\($0.rawValue)'" }.joined(separator: " and ")
      throw .unsupported(
        file: config.path, problem: "the architecture '\(architecture)'; \(computed) are computed")
    }
    self.kind = kind
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
    let positionKind = config.string("position_embedding_type") ?? "absolute"
    guard positionKind == "absolute" else {
      throw .unsupported(file: config.path, problem: "positions of the kind '\(positionKind)'")
    }
    let modules = try Self.modules(path)
    pooling = try Self.pooling(path + "/" + modules.pooling)
    // Whatever its files say, an e5 is compared by cosine.
    normalizes = modules.normalizes || Self.isE5(name)
    switch kind {
    case .bert: firstPosition = 0
    case .xlmRoberta: firstPosition = try config.padding() + 1
    }
    let room = positions - firstPosition
    guard room >= 2 else {
      throw .malformed(file: config.path, problem: "has \(positions) positions, too few for its padding id")
    }
    tokensMax = min(try Self.tokensMax(path) ?? room, room)
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

  private static func pooling(_ folder: String) throws(EncoderError) -> Pooling {
    guard let file = try JSONFile(optional: folder + "/config.json") else { return .mean }
    let modes: [String]
    if let list = file.strings("pooling_mode") {
      modes = list
    } else {
      let old = [
        "cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"
      ]
      modes = old.filter { file.bool("pooling_mode_\($0)") == true }
        .map { $0 == "cls_token" ? "cls" : $0 == "mean_tokens" ? "mean" : $0 }
    }
    if modes.isEmpty { return .mean }
    guard modes.count == 1, let pooling = Pooling(rawValue: modes[0]) else {
      let named = modes.joined(separator: ", ")
      throw .unsupported(file: file.path, problem: "the pooling '\(named)'; 'cls' or 'mean' is computed")
    }
    return pooling
  }

  /// The steps after the transformer. A folder without modules.json is a bare transformer: mean, then unit length.
  private static func modules(_ path: String) throws(EncoderError) -> (pooling: String, normalizes: Bool) {
    guard let file = try JSONFile(optional: path + "/modules.json") else { return ("1_Pooling", true) }
    var (pooling, normalizes) = ("1_Pooling", false)
    for module in file.list {
      let kind = (module["type"] as? String ?? "").split(separator: ".").last.map(String.init) ?? ""
      switch kind {
      case "Transformer": continue
      case "Pooling": pooling = module["path"] as? String ?? pooling
      case "Normalize": normalizes = true
      default: throw .unsupported(file: file.path, problem: "the module '\(kind)'")
      }
    }
    guard !pooling.split(separator: "/").contains("..") else {
      throw .malformed(file: file.path, problem: "places the pooling outside the folder")
    }
    return (pooling, normalizes)
  }

  /// sentence_bert_config, else the tokenizer's limit. What tokenizer.json says of truncation and padding is left
  /// over from training, and ignored.
  private static func tokensMax(_ path: String) throws(EncoderError) -> Int? {
    let own = try JSONFile(optional: path + "/sentence_bert_config.json")?.number("max_seq_length")
    let tokenizers = try JSONFile(optional: path + "/tokenizer_config.json")?.number("model_max_length")
    guard let limit = own ?? tokenizers, limit < 1e9 else { return nil }  // "no limit" is written as 1e30
    return limit > 2 ? Int(limit) : 2
  }

  /// Prefixes that well-known families want and their files do not name. A family is a whole word of the name:
  /// "multilingual-e5-small" is an e5, a folder whose random name holds "…3e5-" is not.
  private static func knownPrefixes(_ name: String) -> (query: String, document: String) {
    let name = name.lowercased()
    if isE5(name) { return ("query: ", "passage: ") }
    if name.hasPrefix("bge-"), name.contains("-zh") { return ("为这个句子生成表示以用于检索相关文章：", "") }
    if name.hasPrefix("bge-"), name.contains("-en") {
      return ("Represent this sentence for searching relevant passages: ", "")
    }
    return ("", "")
  }

  private static func isE5(_ name: String) -> Bool {
    name.lowercased().split { "-_.".contains($0) }.contains("e5")
  }
}

extension JSONFile {
  /// The padding token's id, 1 where the file does not say.
  fileprivate func padding() throws(EncoderError) -> Int {
    number("pad_token_id") == nil ? 1 : try int("pad_token_id", in: 0...65_535)
  }
}
