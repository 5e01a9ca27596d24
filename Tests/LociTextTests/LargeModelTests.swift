import Foundation
import Testing

@testable import LociText
import LociTestKit

/// BAAI/bge-large-zh-v1.5 by its shape: 24 layers, 1024 numbers, 16 heads, the first token's state as the vector.
/// Random weights in bfloat16 (650 MB on disk for a while), against a forward pass in float64 that shares nothing with
/// the encoder.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["LOCI_LARGE_MODEL"] != nil,
    "takes a minute and 3 GB of memory: run `make large-model`"))
struct LargeModelTests {
  private let model = RandomBERT(
    hidden: 1_024, layers: 24, heads: 16, intermediate: 4_096, vocabulary: 21_128, positions: 512)

  @Test func computesWhatTheReferenceDoes() throws {
    let folder = try Scratch()
    let path = folder.path + "/bge-large-zh-v1.5"
    try model.write(path)
    let encoder = try TextEncoder(modelDirectory: path, precision: .float32)
    #expect(encoder.dimension == 1_024)
    #expect(encoder.maxTokens == 512)
    // The words are w0, w1, …: ids are read off the text.
    let ids = [2, 40, 7_000, 21_127, 41, 40, 3]
    let text = ids.dropFirst().dropLast().map { "w\($0)" }.joined(separator: " ")
    let vector = try encoder.encode([text], kind: .document).vectors
    let reference = model.vector(of: ids)
    let wanted = reference.map { Float($0) }
    let likeness = cosine(vector[...], wanted[...])
    #expect(likeness > 0.9999, "cosine \(likeness)")
    print("large model: cosine to float64 \(likeness)")
    let query = try encoder.encode([text], kind: .query)
    #expect(query.tokenCounts[0] > ids.count, "a Chinese bge puts its instruction before queries")
  }
}

/// A BERT of any shape whose weights are computed from a number's place, so that they need not be kept.
private struct RandomBERT {
  let hidden, layers, heads, intermediate, vocabulary, positions: Int
  static let epsilon = 1e-12

  private struct Tensor {
    let name: String
    let shape: [Int]
    let isGain: Bool
    var count: Int { shape.reduce(1, *) }
  }

  private var tensors: [Tensor] {
    var list: [Tensor] = []
    func add(_ name: String, _ shape: [Int], isGain: Bool = false) {
      list.append(Tensor(name: name, shape: shape, isGain: isGain))
    }
    func norm(_ name: String) {
      add(name + ".weight", [hidden], isGain: true)
      add(name + ".bias", [hidden])
    }
    func linear(_ name: String, _ out: Int, _ into: Int) {
      add(name + ".weight", [out, into])
      add(name + ".bias", [out])
    }
    add("embeddings.word_embeddings.weight", [vocabulary, hidden])
    add("embeddings.position_embeddings.weight", [positions, hidden])
    add("embeddings.token_type_embeddings.weight", [2, hidden])
    norm("embeddings.LayerNorm")
    for layer in 0..<layers {
      let at = "encoder.layer.\(layer)."
      for part in ["query", "key", "value"] { linear(at + "attention.self.\(part)", hidden, hidden) }
      linear(at + "attention.output.dense", hidden, hidden)
      norm(at + "attention.output.LayerNorm")
      linear(at + "intermediate.dense", intermediate, hidden)
      linear(at + "output.dense", hidden, intermediate)
      norm(at + "output.LayerNorm")
    }
    return list
  }

  /// Multiples of 1/2048 below 1/16, and gains around 1: exact in bfloat16.
  private static func value(_ random: inout SplitMix64, isGain: Bool) -> Float {
    let number = Float(Int8(truncatingIfNeeded: random.next() >> 20))
    return isGain ? 1 + (number / 32).rounded() / 64 : number / 2_048
  }

  private func values(_ name: String) -> [Float] {
    guard let index = tensors.firstIndex(where: { $0.name == name }) else { return [] }
    var random = SplitMix64(seed: UInt64(index) + 1)
    return (0..<tensors[index].count).map { _ in Self.value(&random, isGain: tensors[index].isGain) }
  }

  func write(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    func text(_ name: String, _ content: String) throws {
      let url = URL(fileURLWithPath: path + "/" + name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(content.utf8).write(to: url)
    }
    try text(
      "config.json",
      """
      {"model_type": "bert", "hidden_size": \(hidden), "num_hidden_layers": \(layers),
       "num_attention_heads": \(heads), "intermediate_size": \(intermediate), "vocab_size": \(vocabulary),
       "max_position_embeddings": \(positions), "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
      """)
    try text("1_Pooling/config.json", #"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#)
    try text("sentence_bert_config.json", #"{"max_seq_length": 512, "do_lower_case": true}"#)
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    try text("vocab.txt", (special + (5..<vocabulary).map { "w\($0)" }).joined(separator: "\n"))
    var header: [String: Any] = [:]
    var offset = 0
    for tensor in tensors {
      header[tensor.name] = [
        "dtype": "BF16", "shape": tensor.shape, "data_offsets": [offset, offset + 2 * tensor.count]
      ]
      offset += 2 * tensor.count
    }
    let weights = path + "/model.safetensors"
    try TinyModel.safetensors(header: header, data: []).write(to: URL(fileURLWithPath: weights))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: weights))
    defer { try? file.close() }
    try file.seekToEnd()
    for tensor in tensors {
      let bits = values(tensor.name).map { UInt16($0.bitPattern >> 16).littleEndian }
      try file.write(contentsOf: unsafe bits.withUnsafeBytes { unsafe Data($0) })
    }
  }

  // MARK: The reference

  /// The first token's last state at unit length.
  func vector(of ids: [Int]) -> [Double] {
    let word = values("embeddings.word_embeddings.weight")
    let position = values("embeddings.position_embeddings.weight")
    let type = values("embeddings.token_type_embeddings.weight")
    var rows = ids.enumerated().map { index, id in
      (0..<hidden).map { column in
        Double(word[id * hidden + column]) + Double(position[index * hidden + column]) + Double(type[column])
      }
    }
    rows = normalized(rows, "embeddings.LayerNorm")
    for layer in 0..<layers {
      let at = "encoder.layer.\(layer)."
      let attended = linear(attention(rows, at), at + "attention.output.dense")
      rows = normalized(sum(rows, attended), at + "attention.output.LayerNorm")
      let wide = linear(rows, at + "intermediate.dense").map { row in
        row.map { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }
      }
      rows = normalized(sum(rows, linear(wide, at + "output.dense")), at + "output.LayerNorm")
    }
    let length = rows[0].reduce(0) { $0 + $1 * $1 }.squareRoot()
    return rows[0].map { $0 / length }
  }

  private func sum(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
    zip(a, b).map { zip($0, $1).map { $0 + $1 } }
  }

  private func linear(_ rows: [[Double]], _ name: String) -> [[Double]] {
    let (weight, bias) = (values(name + ".weight"), values(name + ".bias"))
    let into = rows[0].count
    var out = rows.map { _ in bias.map { Double($0) } }
    for output in bias.indices {
      let line = weight[output * into..<(output + 1) * into].map { Double($0) }
      for (index, row) in rows.enumerated() {
        var total = 0.0
        for column in 0..<into { total += row[column] * line[column] }
        out[index][output] += total
      }
    }
    return out
  }

  private func normalized(_ rows: [[Double]], _ name: String) -> [[Double]] {
    let (gain, bias) = (values(name + ".weight"), values(name + ".bias"))
    return rows.map { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
      return row.indices.map {
        (row[$0] - mean) / (variance + Self.epsilon).squareRoot() * Double(gain[$0]) + Double(bias[$0])
      }
    }
  }

  private func attention(_ rows: [[Double]], _ at: String) -> [[Double]] {
    let query = linear(rows, at + "attention.self.query")
    let key = linear(rows, at + "attention.self.key")
    let value = linear(rows, at + "attention.self.value")
    let width = hidden / heads
    return rows.indices.map { row in
      (0..<heads).flatMap { head -> [Double] in
        let columns = head * width..<(head + 1) * width
        let scores = rows.indices.map { other in
          columns.reduce(0) { $0 + query[row][$1] * key[other][$1] } / Double(width).squareRoot()
        }
        let powers = scores.map { exp($0 - (scores.max() ?? 0)) }
        let total = powers.reduce(0, +)
        return columns.map { column in
          rows.indices.reduce(0) { $0 + powers[$1] / total * value[$1][column] }
        }
      }
    }
  }
}
