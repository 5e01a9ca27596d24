import CLociEncoder

/// What the products of a forward pass are computed in. Sums, norms and residuals are float32 in all of them.
package enum EncoderPrecision: String, Sendable, CaseIterable {
  /// bfloat16 where the processor multiplies it and the model passes the check at loading, else float32.
  case automatic
  case float32
  case bfloat16
  /// Half again as fast as bfloat16, at cosines of about .999: an option to choose knowingly.
  case int8
}

extension loci_encoder_precision {
  var name: EncoderPrecision {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .int8: .int8
    }
  }
}
