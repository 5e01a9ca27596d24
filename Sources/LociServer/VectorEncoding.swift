import LociCore
import LociProto

/// How an answer carries its vectors.
enum VectorEncoding {
  case floats, float32Bytes, int8

  init(_ format: V1.VectorFormat) throws(LociError) {
    switch format {
    case .unspecified, .floats: self = .floats
    case .float32Bytes: self = .float32Bytes
    case .int8: self = .int8
    default: throw .invalid(field: "format", problem: "is not a format of vectors")
    }
  }

  var bytesPerNumber: Int { self == .int8 ? 1 : 4 }

  /// `vectors` has shape (texts, dimension).
  func write(_ vectors: [Float], dimension: Int, to response: inout V1.EncodeResponse) {
    switch self {
    case .floats: response.vectors = vectors
    case .float32Bytes: response.packed = Self.bytes(vectors)
    case .int8:
      var packed: [UInt8] = []
      packed.reserveCapacity(vectors.count)
      for start in stride(from: 0, to: vectors.count, by: dimension) {
        let row = vectors[start..<start + dimension]
        let greatest = row.reduce(0) { max($0, abs($1)) }
        let scale = greatest > 0 ? greatest / 127 : 1
        response.scales.append(scale)
        for value in row { packed.append(UInt8(bitPattern: Int8((value / scale).rounded()))) }
      }
      response.packed = packed
    }
  }

  private static func bytes(_ vectors: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(vectors.count * 4)
    for value in vectors {
      let bits = value.bitPattern
      for shift in stride(from: 0, through: 24, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    return bytes
  }
}

/// Vectors that callers bring.
enum UnitRows {
  /// Each row at unit length.
  /// - Throws: `LociError.invalid` for a number that is not finite, or a row of length zero.
  static func checked(_ vectors: [Float], dimension: Int, field: String) throws(LociError) -> [Float] {
    var rows = vectors
    for start in stride(from: 0, to: rows.count, by: dimension) {
      let squares = rows[start..<start + dimension].reduce(0.0) { $0 + Double($1) * Double($1) }
      guard squares.isFinite else { throw .invalid(field: field, problem: "has a number that is not finite") }
      guard squares > 1e-30 else { throw .invalid(field: field, problem: "has a vector of length zero") }
      let scale = Float(1 / squares.squareRoot())
      for column in start..<start + dimension { rows[column] *= scale }
    }
    return rows
  }
}
