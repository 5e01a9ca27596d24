import Foundation
import LociText
import Testing
import LociTestKit

/// What reduced precision does to retrieval: nDCG@10 on sets of documents, against float32's. Minutes long, so it runs
/// when LOCI_RETRIEVAL names the sets, as in LOCI_RETRIEVAL=cranfield,cisi (`make retrieval-quality`).
@Suite(.serialized)
struct RetrievalQualityTests {
  static let sets = (ProcessInfo.processInfo.environment["LOCI_RETRIEVAL"] ?? "").split(separator: ",").map(
    String.init)

  @Test(
    .enabled(if: !sets.isEmpty && Fixtures.hasReference, "set LOCI_RETRIEVAL=cranfield,cisi to measure"),
    arguments: sets)
  func reducedPrecisionKeepsTheRanking(name: String) throws {
    let set = try RetrievalSet(folder: #require(Fixtures.sharedData) + "/" + name)
    let exact = try set.scores(TextEncoder(modelDirectory: #require(Fixtures.model), precision: .float32))
    for precision in [EncoderPrecision.bfloat16, .int8] {
      let encoder: TextEncoder
      do {
        encoder = try TextEncoder(modelDirectory: #require(Fixtures.model), precision: precision)
      } catch EncoderError.unsupported {
        continue
      }
      let scores = try set.scores(encoder)
      let change = PairedChange(exact, scores)
      print("\(name) \(precision): \(change)")
      // int8 is an option that promises less: sets this small do not resolve half a percent.
      let bar = precision == .bfloat16 ? 0.002 : 0.03
      #expect(abs(change.mean) <= bar, "\(name), \(precision): \(change)")
    }
  }
}

/// Documents, questions and judgements of one test collection.
struct RetrievalSet {
  private struct Item: Decodable {
    let id: String
    let title: String?
    let text: String
  }
  private struct Judgement: Decodable {
    let qid, did: String
    let rel: Double
  }

  private let documents, queries: [Item]
  private let relevance: [String: [String: Double]]

  init(folder: String) throws {
    func lines<T: Decodable>(_ file: String, as: T.Type) throws -> [T] {
      let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file))
      return try data.split(separator: 0x0A).map { try JSONDecoder().decode(T.self, from: $0) }
    }
    documents = try lines("corpus.jsonl", as: Item.self)
    var relevance: [String: [String: Double]] = [:]
    for j in try lines("qrels.jsonl", as: Judgement.self) where j.rel > 0 {
      relevance[j.qid, default: [:]][j.did] = j.rel
    }
    self.relevance = relevance
    queries = try lines("queries.jsonl", as: Item.self).filter { relevance[$0.id] != nil }
  }

  /// nDCG@10 of each query, by inner product over all documents.
  func scores(_ encoder: TextEncoder) throws -> [Double] {
    let n = encoder.dimension
    let texts = documents.map { ($0.title.map { $0 + " " } ?? "") + $0.text }
    let rows = try encoder.encode(texts, kind: .document).vectors
    let asked = try encoder.encode(queries.map(\.text), kind: .query).vectors
    return queries.indices.map { index in
      let query = asked[index * n..<(index + 1) * n]
      let scored = documents.indices.map { row in
        (zip(query, rows[row * n..<(row + 1) * n]).reduce(Float(0)) { $0 + $1.0 * $1.1 }, row)
      }
      let best = scored.sorted { ($0.0, $1.1) > ($1.0, $0.1) }.prefix(10)
      let judged = relevance[queries[index].id] ?? [:]
      let gain = Self.discounted(best.map { judged[documents[$0.1].id] ?? 0 })
      return gain / Self.discounted(judged.values.sorted(by: >).prefix(10).map { $0 })
    }
  }

  private static func discounted(_ gains: [Double]) -> Double {
    gains.enumerated().reduce(0) { $0 + (exp2($1.element) - 1) / log2(Double($1.offset) + 2) }
  }
}

/// The relative change of a mean over queries, with a 95 % interval by paired bootstrap.
struct PairedChange: CustomStringConvertible {
  let before, mean, low, high: Double

  init(_ before: [Double], _ after: [Double]) {
    var random = SplitMix64(seed: 1)
    let differences = zip(after, before).map { $0 - $1 }
    let base = before.reduce(0, +) / Double(before.count)
    let resampled = (0..<2000).map { _ in
      differences.indices.reduce(0.0) { sum, _ in sum + differences.randomElement(using: &random)! }
        / Double(differences.count) / base
    }.sorted()
    self.before = base
    mean = differences.reduce(0, +) / Double(differences.count) / base
    (low, high) = (resampled[50], resampled[1949])
  }

  var description: String {
    func percent(_ value: Double) -> String { String(format: "%+.2f %%", 100 * value) }
    return "nDCG@10 \(String(format: "%.4f", before)) \(percent(mean)) [\(percent(low)), \(percent(high))]"
  }
}
