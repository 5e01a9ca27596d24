package import LociCore
package import LociProto
package import LociText
import LociVector

/// Which encoder made a vector, and how long its vectors are.
package struct EncoderIdentity: Sendable, Equatable {
  package let fingerprint: String
  package let dimension: Int

  package init(fingerprint: String, dimension: Int) {
    self.fingerprint = fingerprint
    self.dimension = dimension
  }

  package init(_ encoder: EncoderDescription) {
    self.init(fingerprint: encoder.fingerprint.description, dimension: encoder.dimension)
  }
}

/// Vectors in the form that the log keeps: unit length, float16, little-endian, one after the other.
package struct EncodedVectors: Sendable {
  private let encoder: EncoderIdentity
  /// Places, in the caller's list, of the items that have a vector.
  private let places: [Int]
  private let bytes: [UInt8]

  /// `rows` has shape (n, dimension), row-major, unit length.
  package init(rows: [Float], encoder: EncoderIdentity) {
    self.encoder = encoder
    places = Array(0..<rows.count / encoder.dimension)
    bytes = Float16Codec.encode(rows)
  }

  /// Vectors that came from a caller; empty ones are absent. `nil` when all are.
  /// - Throws: `LociError.invalid` for a wrong dimension, a number that is not finite, or length zero.
  package init?(
    _ vectors: [[Float]], encoder: EncoderIdentity?, field: String
  ) throws(LociError) {
    var places: [Int] = []
    var rows: [Float] = []
    for (place, vector) in vectors.enumerated() where !vector.isEmpty {
      rows += try Self.checked(vector, encoder: encoder, field: field)
      places.append(place)
    }
    guard let encoder, !places.isEmpty else { return nil }
    self.encoder = encoder
    self.places = places
    bytes = Float16Codec.encode(rows)
  }

  /// `vector` at unit length.
  package static func checked(
    _ vector: [Float], encoder: EncoderIdentity?, field: String
  ) throws(LociError) -> [Float] {
    guard let encoder else {
      throw .failedPrecondition("\(field) was given, but no encoder is loaded to compare it with")
    }
    guard vector.count == encoder.dimension else {
      throw .invalid(
        field: field, problem: "has \(vector.count) numbers, the encoder has \(encoder.dimension)")
    }
    var squares = 0.0
    for value in vector {
      guard value.isFinite else { throw .invalid(field: field, problem: "has a number that is not finite") }
      squares += Double(value) * Double(value)
    }
    guard squares > 1e-30 else { throw .invalid(field: field, problem: "has length zero") }
    let scale = Float(1 / squares.squareRoot())
    return vector.map { $0 * scale }
  }

  /// Of new items, by place in the caller's list; `nil` for one that is not stored. `nil` when no vector is left.
  package func event(items: [Int64?], kind: Bucket.Kind) -> LogV1.ItemsEmbedded? {
    let stored = places.indices.filter { items[places[$0]] != nil }
    guard !stored.isEmpty else { return nil }
    let size = encoder.dimension * 2
    return LogV1.ItemsEmbedded(
      fingerprint: encoder.fingerprint, dimension: UInt32(encoder.dimension),
      items: stored.compactMap { items[places[$0]] }, versions: stored.map { _ in 1 },
      vectors: stored.flatMap { bytes[$0 * size..<($0 + 1) * size] }, collection: kind.rawValue)
  }

  package func event(items: [Int64], versions: [Int64], kind: Bucket.Kind) -> LogV1.ItemsEmbedded {
    LogV1.ItemsEmbedded(
      fingerprint: encoder.fingerprint, dimension: UInt32(encoder.dimension),
      items: places.map { items[$0] }, versions: places.map { UInt64(versions[$0]) }, vectors: bytes,
      collection: kind.rawValue)
  }
}
