import Foundation
package import GRDB
import LociVector

/// Vectors of items, read one by one: for a few thousand of them that are known already.
package enum StoredVectors {
  /// Cosine of each item's vector with a query's, both of unit length; `nil` where the encoder has made none yet.
  package static func cosines(
    of items: [Int64], with query: [Float], encoder: EncoderIdentity, in bucket: Bucket, _ db: Database
  ) throws -> [Float?] {
    let find = try db.cachedStatement(
      sql: """
        SELECT vector FROM vectors WHERE bucket = ? AND item = ?
          AND encoder = (SELECT row FROM encoders WHERE fingerprint = ?)
        """)
    var vector: [Float] = []
    return try items.map { item in
      let stored = try Data.fetchOne(find, arguments: [bucket.rawValue, item, encoder.fingerprint])
      guard let stored else { return nil }
      vector.removeAll(keepingCapacity: true)
      Float16Codec.decode(stored, onto: &vector)
      guard vector.count == query.count else { return nil }
      let cosine: Float = zip(vector, query).reduce(0) { $0 + $1.0 * $1.1 }
      return cosine
    }
  }
}
