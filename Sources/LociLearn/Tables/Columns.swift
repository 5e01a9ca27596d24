import Foundation
import LociProto

/// Numbers as float32, little-endian, one after the other.
enum FloatColumn {
  static func encode(_ values: [Float]) -> Data {
    var data = Data(capacity: values.count * 4)
    for value in values {
      let bits = value.bitPattern
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        data.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    return data
  }

  static func decode(_ data: Data) -> [Float] {
    let bytes = [UInt8](data)
    return (0..<bytes.count / 4).map { index in
      let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[index * 4 + $1]) << UInt32(8 * $1) }
      return Float(bitPattern: bits)
    }
  }
}

extension V1.Experience {
  /// 0 to 1.
  package var effectiveReward: Double { reward ?? (success ? 1 : 0) }
}

extension V1.Feedback {
  /// 0 (worst) to 1 (best) on its scale; `nil` when it rates nothing.
  package var score: Double? {
    switch kind {
    case .rating: (value - scaleMin) / (scaleMax - scaleMin)
    case .thumb: value
    default: nil
    }
  }
}
