import Foundation
import LociText

/// What is sent to `/embeddings`.
struct EmbeddingRequest: Encodable {
  let model: String
  let input: [String]
  let encoding_format: String
}

/// What comes back: as much as is used.
struct EmbeddingAnswer: Decodable {
  struct Item: Decodable {
    let index: Int
    let embedding: Vector
  }

  /// A list of numbers, or base64 of little-endian float32.
  enum Vector: Decodable {
    case numbers([Float])
    case packed(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .packed(text)
      } else {
        self = .numbers(try container.decode([Float].self))
      }
    }

    /// - Throws: `EncoderError.remote` for base64 that is none.
    func floats() throws(EncoderError) -> [Float] {
      switch self {
      case .numbers(let numbers): return numbers
      case .packed(let text):
        guard let data = Data(base64Encoded: text), data.count % 4 == 0 else {
          throw .remote(problem: "gave a vector that is not base64 of floats", mayPass: false)
        }
        return stride(from: data.startIndex, to: data.endIndex, by: 4).map { at in
          let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[at + $1]) << (8 * UInt32($1)) }
          return Float(bitPattern: bits)
        }
      }
    }
  }

  let data: [Item]

  /// The vectors in the order of the texts, each at unit length. Shape (texts, dimension).
  /// - Parameter dimension: `nil` takes that of the first vector.
  func vectors(texts: Int, dimension: Int?) throws(EncoderError) -> [Float] {
    func refuse(_ problem: String) -> EncoderError { .remote(problem: problem, mayPass: false) }
    guard data.count == texts else { throw refuse("gave \(data.count) vectors for \(texts) texts") }
    var rows = [[Float]?](repeating: nil, count: texts)
    for item in data {
      guard rows.indices.contains(item.index), rows[item.index] == nil else {
        throw refuse("numbers its vectors in a way that is none")
      }
      rows[item.index] = try item.embedding.floats()
    }
    let wanted = dimension ?? rows.first??.count ?? 0
    var vectors: [Float] = []
    vectors.reserveCapacity(texts * wanted)
    for case let row? in rows {
      guard row.count == wanted, wanted > 0 else {
        throw refuse("gave a vector of \(row.count) numbers, not \(wanted)")
      }
      let length = row.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      guard length.isFinite, length > 1e-15 else { throw refuse("gave a vector without length") }
      vectors += row.map { Float(Double($0) / length) }
    }
    return vectors
  }
}
