import CLociEncoder
import Foundation

/// The weights of one model as the files hold them: mapped, checked, and in place. Immutable after loading.
@safe final class EncoderWeights: Sendable {
  let shape: loci_encoder_shape
  private let files: WeightFiles
  // Point into the mapped files, which live as long.
  private nonisolated(unsafe) let layers: [loci_encoder_layer]
  private nonisolated(unsafe) let tables:
    (word: loci_encoder_tensor, position: loci_encoder_tensor, type: loci_encoder_tensor)
  let normGain, normBias: [Float]
  /// Tells these weights from others: the files' headers and sizes, and a sample of every tensor.
  let signature: UInt64

  init(_ folder: ModelFolder) throws(EncoderError) {
    files = try WeightFiles(folder.path)
    let h = folder.hidden
    var reader = unsafe TensorReader(files: files)
    unsafe tables = (
      try reader.tensor("embeddings.word_embeddings.weight", [folder.vocabulary, h]),
      try reader.tensor("embeddings.position_embeddings.weight", [folder.positions, h]),
      try reader.tensor("embeddings.token_type_embeddings.weight", [folder.types, h])
    )
    normGain = try files.floats("embeddings.LayerNorm.weight", [h])
    normBias = try files.floats("embeddings.LayerNorm.bias", [h])
    var layers: [loci_encoder_layer] = unsafe []
    for index in 0..<folder.layers { unsafe layers.append(try reader.layer(index, h, folder.intermediate)) }
    unsafe self.layers = layers
    signature = unsafe reader.signature(normGain, normBias)
    shape = loci_encoder_shape(
      layers: folder.layers, hidden: folder.hidden, heads: folder.heads, intermediate: folder.intermediate,
      vocabulary: folder.vocabulary, positions: folder.positions, types: folder.types,
      first_position: folder.firstPosition,
      layer_norm_epsilon: folder.layerNormEpsilon)
    try checkTables(folder)
  }

  var path: String { files.path }

  /// Lends one layer; its pointers are valid during `body`.
  func withLayer<T>(_ index: Int, _ body: (UnsafePointer<loci_encoder_layer>) -> T) -> T {
    defer { withExtendedLifetime(files) {} }
    return unsafe withUnsafePointer(to: layers[index]) { unsafe body($0) }
  }

  /// Lends the embedding tables; the pointers are valid during `body`.
  func withEmbeddings<T>(_ body: (loci_encoder_embeddings) -> T) -> T {
    defer { withExtendedLifetime(files) {} }
    return unsafe normGain.withUnsafeBufferPointer { gain in
      unsafe normBias.withUnsafeBufferPointer { bias in
        unsafe body(
          loci_encoder_embeddings(
            word: tables.word, position: tables.position, type: tables.type, norm_gain: gain.baseAddress,
            norm_bias: bias.baseAddress))
      }
    }
  }

  /// Gives back the memory of what was read: what is needed again comes again.
  func release() { files.release() }

  /// The tables stay in the file and are read row by row, so that they are looked through once here.
  private func checkTables(_ folder: ModelFolder) throws(EncoderError) {
    var tables = unsafe tables
    let n = folder.hidden
    guard unsafe loci_encoder_tensor_is_finite(&tables.word, folder.vocabulary * n),
      unsafe loci_encoder_tensor_is_finite(&tables.position, folder.positions * n),
      unsafe loci_encoder_tensor_is_finite(&tables.type, folder.types * n)
    else {
      throw .malformed(file: files.path, problem: "has numbers in its embedding tables that are not finite")
    }
  }
}

/// Finds the tensors of a BERT by name and adds each to the sample.
@unsafe private struct TensorReader {
  let files: WeightFiles
  private var sample: UInt64 = 0xCBF2_9CE4_8422_2325

  init(files: WeightFiles) { unsafe self.files = files }

  mutating func tensor(_ name: String, _ shape: [Int]) throws(EncoderError) -> loci_encoder_tensor {
    var tensor = unsafe try files.tensor(name, shape)
    unsafe sample = loci_encoder_tensor_sample(&tensor, shape.reduce(1, *), sample)
    return unsafe tensor
  }

  mutating func layer(_ index: Int, _ h: Int, _ f: Int) throws(EncoderError) -> loci_encoder_layer {
    let prefix = "encoder.layer.\(index)."
    var layer = unsafe loci_encoder_layer()
    unsafe (layer.query_weight, layer.query_bias) = try pair(prefix + "attention.self.query", [h, h])
    unsafe (layer.key_weight, layer.key_bias) = try pair(prefix + "attention.self.key", [h, h])
    unsafe (layer.value_weight, layer.value_bias) = try pair(prefix + "attention.self.value", [h, h])
    unsafe (layer.output_weight, layer.output_bias) = try pair(prefix + "attention.output.dense", [h, h])
    unsafe (layer.attention_norm_gain, layer.attention_norm_bias) = try pair(
      prefix + "attention.output.LayerNorm", [h])
    unsafe (layer.up_weight, layer.up_bias) = try pair(prefix + "intermediate.dense", [f, h])
    unsafe (layer.down_weight, layer.down_bias) = try pair(prefix + "output.dense", [h, f])
    unsafe (layer.output_norm_gain, layer.output_norm_bias) = try pair(prefix + "output.LayerNorm", [h])
    return unsafe layer
  }

  /// A weight, and a bias as long as the weight has rows.
  private mutating func pair(
    _ name: String, _ shape: [Int]
  ) throws(EncoderError) -> (loci_encoder_tensor, loci_encoder_tensor) {
    unsafe (try tensor(name + ".weight", shape), try tensor(name + ".bias", [shape[0]]))
  }

  func signature(_ gain: [Float], _ bias: [Float]) -> UInt64 {
    var hash = Fingerprint64()
    unsafe hash.add(files.signature)
    unsafe hash.add(Data("\(sample)".utf8))
    for number in gain + bias { hash.add(number) }
    return hash.value
  }
}

/// The weights of a folder, in one file or in shards.
struct WeightFiles: Sendable {
  private let files: [Safetensors]
  let path: String

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

  func tensor(_ name: String, _ shape: [Int]) throws(EncoderError) -> loci_encoder_tensor {
    let (file, name) = try place(name)
    return unsafe try file.tensor(name, shape: shape)
  }

  func floats(_ name: String, _ shape: [Int]) throws(EncoderError) -> [Float] {
    let (file, name) = try place(name)
    return try file.floats(name, shape: shape)
  }

  func release() { for file in files { file.release() } }

  /// Names come with and without the name of the architecture in front.
  private func place(_ name: String) throws(EncoderError) -> (Safetensors, String) {
    for candidate in [name, "bert." + name, "roberta." + name] {
      if let file = files.first(where: { $0.contains(candidate) }) { return (file, candidate) }
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
