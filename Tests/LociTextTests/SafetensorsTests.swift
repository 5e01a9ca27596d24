import Foundation
import Testing

@testable import LociText
import LociTestKit

/// Hostile weights: every one is refused by a typed error, none is read.
struct SafetensorsTests {
  private func refuses(_ content: Data, _ comment: Comment? = nil) throws {
    let folder = try Scratch()
    try TinyModel().writeSettings(folder)
    try folder.write("model.safetensors", content)
    #expect(throws: EncoderError.self, comment) { try TextEncoder(modelDirectory: folder.path) }
  }

  @Test func everyTruncationIsRefused() throws {
    let whole = TinyModel().weights()
    let folder = try Scratch()
    let path = folder.path + "/model.safetensors"
    for length in 0..<whole.count where length < 2000 || length % 7 == 0 || length > whole.count - 40 {
      try folder.write("model.safetensors", whole.prefix(length))
      #expect(throws: EncoderError.self, "cut to \(length) bytes") { try Safetensors(path: path) }
    }
    try folder.write("model.safetensors", whole)
    #expect(try Safetensors(path: path).byteCount == whole.count)
  }

  @Test(arguments: [9, 100 << 20, 1 << 31, 1 << 62, UInt64(1) << 63, .max - 8, .max] as [UInt64])
  func lyingHeaderLengths(length: UInt64) throws {
    try refuses(TinyModel.length(length) + Data("{}".utf8))
  }

  @Test(arguments: [
    "", "null", "[]", "{", #"{"a": 1}"#, #"{"a": {}}"#, "\u{0}", String(repeating: "[", count: 5000),
    #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}"#,
    #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}"#,
    #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}"#,
    #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 9999]}}"#,
    #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 9223372036854775807]}}"#,
    #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e300]}}"#,
    #"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}"#,
    #"{"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}"#,
    #"{"a": {"dtype": "F32", "shape": [4294967296, 4294967296, 4294967296], "data_offsets": [0, 4]}}"#,
    #"{"a": {"dtype": "F32", "shape": [0.5], "data_offsets": [0, 2]}}"#,
    #"{"a": {"dtype": 7, "shape": [1], "data_offsets": [0, 4]}}"#,
    #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}}"#
  ])
  func headersThatAreNone(header: String) throws {
    let folder = try Scratch()
    try folder.write(
      "a.safetensors", TinyModel.length(UInt64(header.utf8.count)) + Data(header.utf8) + Data(count: 16))
    #expect(throws: EncoderError.self) { try Safetensors(path: folder.path + "/a.safetensors") }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func numbersThatAreNotFinite(value: Float) throws {
    for form in TinyModel.Form.allCases {
      var content = TinyModel(form: form).weights()
      let width = form == .float32 ? 4 : 2
      let bits: UInt32
      switch form {
      case .float32: bits = value.bitPattern
      case .float16: bits = UInt32(Float16(value).bitPattern)
      case .bfloat16: bits = value.bitPattern >> 16
      }
      for byte in 0..<width {
        content[content.count - width + byte] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(byte)))
      }
      try refuses(content)
    }
  }

  @Test func tensorsOfOtherTypesOrShapesOrMissing() throws {
    let model = TinyModel()
    for dtype in ["F64", "I32", "XYZ"] {
      var content = model.weights()
      while let range = content.range(of: Data("F32".utf8)) {
        content.replaceSubrange(range, with: Data(dtype.utf8))
      }
      try refuses(content, Comment(rawValue: dtype))
    }
    for tensor in model.tensors {
      try refuses(model.weights { $0 != tensor.name }, Comment(rawValue: tensor.name))
    }
    for index in model.tensors.indices {
      var other = model
      other.tensors[index].shape[0] += 1
      try refuses(other.weights(), Comment(rawValue: model.tensors[index].name))
    }
  }

  @Test func flippedBitsNeverCrash() throws {
    let whole = TinyModel().weights()
    var random = SplitMix64(seed: 11)
    let folder = try Scratch()
    try TinyModel().writeSettings(folder)
    for _ in 0..<300 {
      var content = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        content[Int.random(in: 0..<min(3000, content.count), using: &random)] ^=
          1 << UInt8.random(in: 0..<8, using: &random)
      }
      try folder.write("model.safetensors", content)
      // Either it is refused, or what it computes is a vector.
      guard let encoder = try? TextEncoder(modelDirectory: folder.path),
        let batch = try? encoder.encode(["a"], kind: .query)
      else { continue }
      #expect(batch.vectors.allSatisfy { $0.isFinite })
    }
  }
}
