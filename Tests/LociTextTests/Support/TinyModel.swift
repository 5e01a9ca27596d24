import Foundation
import LociTestKit

/// A BERT of one layer and random weights, to be written in every form that real folders come in.
struct TinyModel {
  enum Form: CaseIterable { case float32, float16, bfloat16 }

  var prefix = ""
  var form = Form.float32
  /// Rows at the start of the position table that are left out; as many of zeros follow at its end.
  var positionsSkipped = 0
  var config: [String: Any] = [
    "model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "vocab_size": 21, "max_position_embeddings": 12, "type_vocab_size": 2,
    "hidden_act": "gelu", "layer_norm_eps": 1e-12
  ]
  /// Names and shapes, in the file's order.
  var tensors: [(name: String, shape: [Int])] = {
    let layer = "encoder.layer.0."
    func linear(_ name: String, _ out: Int, _ into: Int) -> [(name: String, shape: [Int])] {
      [(name + ".weight", [out, into]), (name + ".bias", [out])]
    }
    func norm(_ name: String) -> [(name: String, shape: [Int])] {
      [(name + ".weight", [8]), (name + ".bias", [8])]
    }
    return [
      ("embeddings.word_embeddings.weight", [21, 8]), ("embeddings.position_embeddings.weight", [12, 8]),
      ("embeddings.token_type_embeddings.weight", [2, 8])
    ] + norm("embeddings.LayerNorm") + linear(layer + "attention.self.query", 8, 8)
      + linear(layer + "attention.self.key", 8, 8) + linear(layer + "attention.self.value", 8, 8)
      + linear(layer + "attention.output.dense", 8, 8) + norm(layer + "attention.output.LayerNorm")
      + linear(layer + "intermediate.dense", 16, 8) + linear(layer + "output.dense", 8, 16)
      + norm(layer + "output.LayerNorm")
  }()

  /// Multiples of 1/64 below 2: exact in all three forms.
  private func value(_ random: inout SplitMix64) -> Float {
    Float(Int.random(in: -127...127, using: &random)) / 64
  }

  private func bytes(_ value: Float) -> [UInt8] {
    let bits: UInt32
    switch form {
    case .float32: bits = value.bitPattern
    case .float16: bits = UInt32(Float16(value).bitPattern)
    case .bfloat16: bits = value.bitPattern >> 16
    }
    return (0..<(form == .float32 ? 4 : 2)).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt32($0))) }
  }

  /// The content of a safetensors file with some of the tensors.
  func weights(_ included: (String) -> Bool = { _ in true }) -> Data {
    let dtype = form == .float32 ? "F32" : form == .float16 ? "F16" : "BF16"
    var (header, data): ([String: Any], [UInt8]) = (["__metadata__": ["format": "pt"]], [])
    for (index, tensor) in tensors.enumerated() where included(tensor.name) {
      var random = SplitMix64(seed: UInt64(index))
      let start = data.count
      let skipped = tensor.name.contains("position_embeddings") ? positionsSkipped * tensor.shape[1] : 0
      for _ in 0..<skipped { _ = value(&random) }
      for _ in 0..<tensor.shape.reduce(1, *) - skipped { data += bytes(value(&random)) }
      for _ in 0..<skipped { data += bytes(0) }
      header[prefix + tensor.name] = [
        "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, data.count]
      ]
    }
    return Self.safetensors(header: header, data: data)
  }

  static func safetensors(header: [String: Any], data: [UInt8]) -> Data {
    let json = (try? JSONSerialization.data(withJSONObject: header, options: .sortedKeys)) ?? Data()
    return length(UInt64(json.count)) + json + Data(data)
  }

  static func length(_ length: UInt64) -> Data {
    Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
  }

  /// Everything but the weights.
  func writeSettings(_ folder: Scratch) throws {
    try folder.write("config.json", JSONSerialization.data(withJSONObject: config, options: .sortedKeys))
    try folder.write("vocab.txt", WordPieceTests.vocabulary.joined(separator: "\n"))
  }

  func write() throws -> Scratch {
    let folder = try Scratch()
    try writeSettings(folder)
    try folder.write("model.safetensors", weights())
    return folder
  }
}
