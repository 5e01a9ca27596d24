import CLociEncoder
import Foundation

/// The weights of one model in memory, in the layout that the forward pass reads. Immutable after loading.
@safe final class EncoderWeights: Sendable {
  let shape: loci_encoder_shape
  // Points into `arena`, which lives as long.
  private nonisolated(unsafe) let table: loci_encoder_weights
  private let arena: TensorArena
  /// Tells these weights from others: the files' headers and sizes, and a sample of every tensor.
  let signature: UInt64

  init(_ folder: ModelFolder) throws(EncoderError) {
    let files = try WeightFiles(folder.path)
    let loader = TensorLoader(folder: folder, files: files, arena: TensorArena())
    unsafe table = try loader.load()
    arena = loader.arena
    var hash = arena.sample
    hash.add(files.signature)
    signature = hash.value
    shape = loci_encoder_shape(
      layers: folder.layers, hidden: folder.hidden, heads: folder.heads, intermediate: folder.intermediate,
      vocabulary: folder.vocabulary, positions: folder.positions, types: folder.types,
      first_position: folder.firstPosition,
      layer_norm_epsilon: folder.layerNormEpsilon)
  }

  /// Lends the weights; the pointers are valid during `body`.
  func withTable<T>(_ body: (UnsafePointer<loci_encoder_weights>) throws -> T) rethrows -> T {
    defer { withExtendedLifetime(arena) {} }
    return try unsafe withUnsafePointer(to: table) { table in try unsafe body(table) }
  }
}

/// Owns memory that tensors are copied to, and frees it all at once.
@safe private final class TensorArena: @unchecked Sendable {
  // One thread fills the arena while it loads; afterwards it is only kept.
  private var blocks: [UnsafeMutableRawPointer] = unsafe []
  private(set) var sample = Fingerprint64()

  deinit { unsafe blocks.forEach { unsafe $0.deallocate() } }

  /// Copies the parts, one after the other, to where they stay. Aligned to a cache line.
  func keep(_ parts: [[Float]]) -> UnsafePointer<Float> {
    let start = unsafe block(of: Float.self, count: parts.reduce(0) { $0 + $1.count })
    var at = 0
    for part in parts {
      unsafe (start + at).initialize(from: part, count: part.count)
      sample.add(everyNthOf: part)
      at += part.count
    }
    return unsafe UnsafePointer(start)
  }

  func keep(_ layers: [loci_encoder_layer]) -> UnsafePointer<loci_encoder_layer> {
    let start = unsafe block(of: loci_encoder_layer.self, count: layers.count)
    unsafe start.initialize(from: layers, count: layers.count)
    return unsafe UnsafePointer(start)
  }

  private func block<T>(of type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<T>.stride, alignment: 64)
    unsafe blocks.append(memory)
    return unsafe memory.bindMemory(to: T.self, capacity: count)
  }
}

/// Reads and checks every tensor of a BERT.
private struct TensorLoader {
  let folder: ModelFolder
  let files: WeightFiles
  let arena: TensorArena

  func load() throws(EncoderError) -> loci_encoder_weights {
    let h = folder.hidden
    let word = try floats("embeddings.word_embeddings.weight", [folder.vocabulary, h])
    let position = try floats("embeddings.position_embeddings.weight", [folder.positions, h])
    let type = try floats("embeddings.token_type_embeddings.weight", [folder.types, h])
    let (gain, bias) = try unsafe pair("embeddings.LayerNorm", [h])
    var layers: [loci_encoder_layer] = unsafe []
    for index in 0..<folder.layers { unsafe layers.append(try layer("encoder.layer.\(index).")) }
    return unsafe loci_encoder_weights(
      word: arena.keep([word]), position: arena.keep([position]), type: arena.keep([type]), norm_gain: gain,
      norm_bias: bias, layers: arena.keep(layers))
  }

  private func layer(_ prefix: String) throws(EncoderError) -> loci_encoder_layer {
    let (h, f) = (folder.hidden, folder.intermediate)
    var weights: [[Float]] = []
    var biases: [[Float]] = []
    for part in ["query", "key", "value"] {
      weights.append(try floats(prefix + "attention.self.\(part).weight", [h, h]))
      biases.append(try floats(prefix + "attention.self.\(part).bias", [h]))
    }
    let (output, outputBias) = try unsafe pair(prefix + "attention.output.dense", [h, h])
    let (gain, bias) = try unsafe pair(prefix + "attention.output.LayerNorm", [h])
    let (up, upBias) = try unsafe pair(prefix + "intermediate.dense", [f, h])
    let (down, downBias) = try unsafe pair(prefix + "output.dense", [h, f])
    let (lastGain, lastBias) = try unsafe pair(prefix + "output.LayerNorm", [h])
    return unsafe loci_encoder_layer(
      qkv_weight: arena.keep(weights), qkv_bias: arena.keep(biases), output_weight: output,
      output_bias: outputBias, attention_norm_gain: gain, attention_norm_bias: bias, up_weight: up,
      up_bias: upBias, down_weight: down, down_bias: downBias, output_norm_gain: lastGain,
      output_norm_bias: lastBias)
  }

  /// A weight, and a bias as long as the weight has rows.
  private func pair(
    _ name: String, _ shape: [Int]
  ) throws(EncoderError) -> (weight: UnsafePointer<Float>, bias: UnsafePointer<Float>) {
    let weight = try floats(name + ".weight", shape)
    let bias = try floats(name + ".bias", [shape[0]])
    return unsafe (arena.keep([weight]), arena.keep([bias]))
  }

  private func floats(_ name: String, _ shape: [Int]) throws(EncoderError) -> [Float] {
    try files.floats(name, shape)
  }
}

/// The weights of a folder, in one file or in shards.
struct WeightFiles {
  private let files: [Safetensors]
  private let path: String

  init(_ path: String) throws(EncoderError) {
    self.path = path
    let manager = FileManager.default
    if manager.fileExists(atPath: path + "/model.safetensors") {
      files = [try Safetensors(path: path + "/model.safetensors")]
    } else if let index = try JSONFile(optional: path + "/model.safetensors.index.json") {
      let names = Set((index.object("weight_map") ?? [:]).values.compactMap { $0 as? String }).sorted()
      guard !names.isEmpty, names.allSatisfy({ !$0.contains("/") && $0.hasSuffix(".safetensors") }) else {
        throw .malformed(file: index.path, problem: "names no weights file")
      }
      var files: [Safetensors] = []
      for name in names { files.append(try Safetensors(path: path + "/" + name)) }
      self.files = files
    } else if manager.fileExists(atPath: path + "/pytorch_model.bin") {
      throw .unsupported(
        file: path + "/pytorch_model.bin",
        problem: "pickled weights can run code when read; convert them: model.save_pretrained(dir)")
    } else {
      throw .missing(file: path + "/model.safetensors", advice: "fetch a model with `loci models fetch`")
    }
  }

  /// Names come with and without the name of the architecture in front.
  func floats(_ name: String, _ shape: [Int]) throws(EncoderError) -> [Float] {
    for candidate in [name, "bert." + name, "roberta." + name] {
      if let file = files.first(where: { $0.contains(candidate) }) {
        return try file.floats(candidate, shape: shape)
      }
    }
    throw .malformed(file: files.first?.path ?? path, problem: "has no tensor '\(name)'")
  }

  var signature: Data {
    files.reduce(into: Data()) { signature, file in
      signature += file.header
      signature += Data("\(file.byteCount)".utf8)
    }
  }
}
