import CLociEncoder
import Foundation
import LociTestKit

/// A transformer with random weights and its forward pass in float64, by the plainest of loops.
struct ExactTransformer {
  let shape: loci_encoder_shape
  /// Per layer, in the order of `loci_encoder_layer`: ten linear tensors, with the norms' among them.
  var tensors: [String: [Float]] = [:]

  init(
    layers: Int, hidden: Int, heads: Int, intermediate: Int, firstPosition: Int, epsilon: Float, seed: UInt64
  ) {
    shape = loci_encoder_shape(
      layers: layers, hidden: hidden, heads: heads, intermediate: intermediate, vocabulary: 50, positions: 80,
      types: 1, first_position: firstPosition, layer_norm_epsilon: epsilon)
    var random = SplitMix64(seed: seed)
    func numbers(_ count: Int, _ width: Float, around middle: Float = 0) -> [Float] {
      (0..<count).map { _ in middle + Float.random(in: -width...width, using: &random) }
    }
    for (name, rows) in [("word", 50), ("position", 80), ("type", 1)] {
      tensors[name] = numbers(rows * hidden, 1)
    }
    tensors["gain"] = numbers(hidden, 0.3, around: 1)
    tensors["bias"] = numbers(hidden, 0.2)
    for layer in 0..<layers {
      for (name, out, into) in Self.linears(hidden, intermediate) {
        tensors["\(layer).\(name).weight"] = numbers(out * into, 1.5 / Float(into).squareRoot())
        tensors["\(layer).\(name).bias"] = numbers(out, 0.2)
      }
      for name in ["attention_norm", "output_norm"] {
        tensors["\(layer).\(name).weight"] = numbers(hidden, 0.3, around: 1)
        tensors["\(layer).\(name).bias"] = numbers(hidden, 0.2)
      }
    }
  }

  static func linears(_ h: Int, _ f: Int) -> [(String, out: Int, into: Int)] {
    [("query", h, h), ("key", h, h), ("value", h, h), ("output", h, h), ("up", f, h), ("down", h, f)]
  }

  /// Mean of the last states, not normalised.
  func vector(_ ids: [Int32]) -> [Double] {
    let h = shape.hidden
    var x = ids.enumerated().map { place, id in
      (0..<h).map { i in
        Double(value("word", Int(id) * h + i))
          + Double(value("position", (shape.first_position + place) * h + i))
          + Double(value("type", i))
      }
    }
    x = x.map { norm($0, "gain", "bias") }
    for layer in 0..<shape.layers { x = self.layer(layer, x) }
    return (0..<h).map { i in x.reduce(0) { $0 + $1[i] } / Double(x.count) }
  }

  private func layer(_ layer: Int, _ x: [[Double]]) -> [[Double]] {
    let (h, d) = (shape.hidden, shape.hidden / shape.heads)
    let (q, k, v) = (
      x.map { linear($0, "\(layer).query") }, x.map { linear($0, "\(layer).key") },
      x.map { linear($0, "\(layer).value") }
    )
    return x.indices.map { row in
      var context = [Double](repeating: 0, count: h)
      for head in 0..<shape.heads {
        let range = head * d..<(head + 1) * d
        let scores = x.indices.map { other in
          range.reduce(0.0) { $0 + q[row][$1] * k[other][$1] } / Double(d).squareRoot()
        }
        let top = scores.max() ?? 0
        let powers = scores.map { exp($0 - top) }
        let total = powers.reduce(0, +)
        for i in range { context[i] = x.indices.reduce(0.0) { $0 + powers[$1] / total * v[$1][i] } }
      }
      let attended = norm(
        zip(x[row], linear(context, "\(layer).output")).map { $0 + $1 }, "\(layer).attention_norm.weight",
        "\(layer).attention_norm.bias")
      let wide = linear(attended, "\(layer).up").map { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) }
      return norm(
        zip(attended, linear(wide, "\(layer).down")).map { $0 + $1 }, "\(layer).output_norm.weight",
        "\(layer).output_norm.bias")
    }
  }

  private func value(_ name: String, _ index: Int) -> Float { tensors[name]?[index] ?? .nan }

  private func linear(_ x: [Double], _ name: String) -> [Double] {
    guard let weight = tensors[name + ".weight"], let bias = tensors[name + ".bias"] else { return [] }
    return bias.indices.map { out in
      x.indices.reduce(Double(bias[out])) { $0 + x[$1] * Double(weight[out * x.count + $1]) }
    }
  }

  private func norm(_ x: [Double], _ gain: String, _ bias: String) -> [Double] {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    let inverse = 1 / (variance + Double(shape.layer_norm_epsilon)).squareRoot()
    return x.indices.map { (x[$0] - mean) * inverse * Double(value(gain, $0)) + Double(value(bias, $0)) }
  }
}
