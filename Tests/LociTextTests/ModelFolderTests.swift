import Foundation
import Testing

@testable import LociText

/// The forms that a sound folder comes in, and what its settings do.
struct ModelFolderTests {
  private let text = "unaffable, a 中"

  private func vector(_ folder: Scratch, _ kind: TextEncoder.Kind = .document) throws -> [Float] {
    try TextEncoder(modelDirectory: folder.path).encode([text], kind: kind).vectors
  }

  @Test(arguments: TinyModel.Form.allCases, ["", "bert."]) func formsAgree(
    form: TinyModel.Form, prefix: String
  ) throws {
    let wanted = try vector(TinyModel().write())
    #expect(wanted.contains { $0 != 0 })
    #expect(try vector(TinyModel(prefix: prefix, form: form).write()) == wanted)
  }

  @Test func shardsAgree() throws {
    let model = TinyModel()
    let folder = try Scratch()
    try model.writeSettings(folder)
    try folder.write("one.safetensors", model.weights { $0.hasPrefix("embeddings") })
    try folder.write("two.safetensors", model.weights { !$0.hasPrefix("embeddings") })
    let map = model.tensors.map {
      "\"\($0.name)\": \"\($0.name.hasPrefix("embeddings") ? "one" : "two").safetensors\""
    }
    try folder.write("model.safetensors.index.json", "{\"weight_map\": {\(map.joined(separator: ","))}}")
    #expect(try vector(folder) == vector(model.write()))
    try folder.write("model.safetensors.index.json", #"{"weight_map": {"a": "../one.safetensors"}}"#)
    #expect(throws: EncoderError.self) { try vector(folder) }
  }

  @Test func poolingOfBothSpellings() throws {
    let folder = try TinyModel().write()
    let mean = try vector(folder)
    try folder.write("1_Pooling/config.json", #"{"pooling_mode_cls_token": true}"#)
    let first = try vector(folder)
    #expect(first != mean)
    for cls in [#"{"pooling_mode": "cls"}"#, #"{"pooling_mode": ["cls"]}"#] {
      try folder.write("1_Pooling/config.json", cls)
      #expect(try vector(folder) == first)
    }
    for other in [
      #"{"pooling_mode": "max"}"#, #"{"pooling_mode": ["cls", "mean"]}"#,
      #"{"pooling_mode_max_tokens": true}"#,
      #"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}"#
    ] {
      try folder.write("1_Pooling/config.json", other)
      #expect(throws: EncoderError.self) { try vector(folder) }
    }
  }

  @Test func modulesDecideOnLengthAndOthersAreRefused() throws {
    let folder = try TinyModel().write()
    func length() throws -> Float { try vector(folder).reduce(0) { $0 + $1 * $1 }.squareRoot() }
    #expect(abs(try length() - 1) < 1e-5)
    try folder.write(
      "modules.json", #"[{"type": "a.Transformer"}, {"type": "a.Pooling", "path": "1_Pooling"}]"#)
    #expect(abs(try length() - 1) > 1e-3)
    try folder.write("modules.json", #"[{"type": "a.Transformer"}, {"type": "a.Dense"}]"#)
    #expect(throws: EncoderError.self) { try vector(folder) }
  }

  /// XLM-RoBERTa is BERT whose positions start after the padding token's.
  @Test func xlmRobertaStartsAtALaterPosition() throws {
    var model = TinyModel(prefix: "roberta.")
    model.config["model_type"] = "xlm-roberta"
    model.config["pad_token_id"] = 1
    let folder = try model.write()
    let encoder = try TextEncoder(modelDirectory: folder.path)
    #expect(encoder.maxTokens == 10)
    #expect(encoder.fingerprint.description.hasPrefix("xlm-roberta-8-"))
    // The same weights with the position table moved by two rows, as BERT.
    var shifted = TinyModel()
    shifted.positionsSkipped = 2
    #expect(isClose(try vector(folder), try vector(shifted.write())))
    #expect(!isClose(try vector(folder), try vector(TinyModel().write())))
    model.config["pad_token_id"] = 11
    let full = try model.write()
    #expect(throws: EncoderError.self) { try TextEncoder(modelDirectory: full.path) }
  }

  @Test func prefixesAndLimits() throws {
    let folder = try TinyModel().write()
    let plain = try vector(folder, .query)
    #expect(try vector(folder, .document) == plain)
    let before = try TextEncoder(modelDirectory: folder.path)
    #expect(before.maxTokens == 12)
    try folder.write("config_sentence_transformers.json", #"{"prompts": {"query": "want "}}"#)
    #expect(try vector(folder, .query) != plain)
    #expect(try vector(folder, .document) == plain)
    let after = try TextEncoder(modelDirectory: folder.path)
    #expect(after.fingerprint != before.fingerprint)
    for (limit, wanted) in [("5", 5), ("1e300", 12), ("-1e300", 2), ("500", 12)] {
      try folder.write("sentence_bert_config.json", "{\"max_seq_length\": \(limit)}")
      #expect(try TextEncoder(modelDirectory: folder.path).maxTokens == wanted)
    }
  }

  /// Folders of unknown models get no prefix, whatever their names happen to contain.
  @Test(arguments: [
    ("multilingual-e5-small", "query: "), ("intfloat_e5-base", "query: "), ("E5-large-v2", "query: "),
    ("A3E5-4B7F-97E5-11E5-0123456789E5", ""), ("release5-small", ""), ("bge-m3", ""),
    ("bge-small-en-v1.5", "Represent this sentence for searching relevant passages: "),
    ("bge-large-zh-v1.5", "为这个句子生成表示以用于检索相关文章：")
  ])
  func prefixesOfFamilies(name: String, query: String) throws {
    let scratch = try Scratch()
    let config = try JSONSerialization.data(withJSONObject: TinyModel().config)
    try scratch.write(name + "/config.json", config)
    #expect(try ModelFolder(path: scratch.path + "/" + name).queryPrefix == query)
  }

  @Test func theFingerprintFollowsTheWeightsNotThePlace() throws {
    let model = TinyModel()
    let (one, two) = (try model.write(), try model.write())
    let fingerprint = try TextEncoder(modelDirectory: one.path).fingerprint
    #expect(try TextEncoder(modelDirectory: two.path).fingerprint == fingerprint)
    var weights = model.weights()
    weights[weights.count - 8 * 4] ^= 1  // the first number of the last tensor
    try two.write("model.safetensors", weights)
    #expect(try TextEncoder(modelDirectory: two.path).fingerprint != fingerprint)
  }

  @Test(
    arguments: [
      ("model_type", "llama"), ("hidden_act", "relu"), ("hidden_size", 0), ("hidden_size", -8),
      ("hidden_size", 1e300),
      ("hidden_size", 9), ("num_attention_heads", 3), ("vocab_size", 20), ("vocab_size", 1 << 40),
      ("hidden_size", "8"),
      ("num_hidden_layers", 2), ("max_position_embeddings", 13), ("position_embedding_type", "relative_key"),
      ("intermediate_size", 8), ("hidden_size", 7.5)
    ] as [(String, any Sendable)])
  func configurationsThatDoNotFitAreRefused(key: String, value: any Sendable) throws {
    var model = TinyModel()
    model.config[key] = value
    let folder = try model.write()
    #expect(throws: EncoderError.self) { try TextEncoder(modelDirectory: folder.path) }
  }

  @Test func refusalsGiveAdvice() throws {
    let folder = try Scratch()
    #expect(throws: EncoderError.self) { try TextEncoder(modelDirectory: folder.path + "/absent") }
    try TinyModel().writeSettings(folder)
    let missing = #expect(throws: EncoderError.self) { try TextEncoder(modelDirectory: folder.path) }
    #expect(missing?.description.contains("fetch") == true)
    try folder.write("pytorch_model.bin", "pickle")
    let pickled = #expect(throws: EncoderError.self) { try TextEncoder(modelDirectory: folder.path) }
    #expect(pickled?.description.contains("convert") == true)
  }
}
