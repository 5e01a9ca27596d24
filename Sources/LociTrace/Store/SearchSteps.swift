import Foundation
package import GRDB
package import LociCore
package import LociProto
import LociRecall

/// Finds steps by the words in their names, inputs, outputs and errors.
///
/// Steps are not in the full-text index: at a hundred thousand a second that would cost more than all the rest. The
/// newest steps that pass the filter are read and ranked by BM25 over what was read (k1 1.2, b 0.75).
package struct StepSearch: Sendable {
  /// Steps that one search reads.
  static let stepsMax = 200_000
  static let tracesMax = 10_000

  private let terms: [[UInt8]]
  private let selection: TraceSelection
  private let traceID: String
  package let query: String
  /// Steps wanted.
  package let limit: Int
  /// Candidates that are ranked by meaning: encoding is the dear part.
  package static let rerankedMax = 64

  package init(_ request: V1.SearchStepsRequest) throws(LociError) {
    try Validate.text(request.query, field: "query", bytesMin: 1, bytesMax: 4_096)
    guard request.limit <= 100 else {
      throw .invalid(field: "limit", problem: "is \(request.limit), must be 1 to 100")
    }
    try Validate.traceID(request.traceID, field: "trace_id")
    selection = try TraceSelection(request.filter)
    traceID = request.traceID
    query = request.query
    limit = request.limit == 0 ? 10 : Int(request.limit)
    let words = StepWords.lowered(request.query).split { !($0 >= 0x80 || SensitiveText.isAlphanumeric($0)) }
    terms = Array(Set(words.map { Array($0) })).sorted { $0.lexicographicallyPrecedes($1) }
  }

  private struct Candidate {
    let trace: String
    let row: Int64
    let number: UInt32
    let counts: [Int]
    let length: Int
  }

  /// - Parameter count: hits to give; `nil`: as many as were wanted.
  package func run(scope: Scope, count: Int? = nil, in db: Database) throws -> V1.SearchStepsResponse {
    var answer = V1.SearchStepsResponse()
    var candidates: [Candidate] = []
    var lengths = 0
    let traces =
      traceID.isEmpty
      ? try TraceQueries.newest(selection, count: Self.tracesMax, scope: scope, in: db)
      : try TraceQueries.find(traceID, scope: scope, in: db).map { [$0] } ?? []
    for trace in traces {
      guard answer.stepsScanned < Self.stepsMax else {
        answer.truncated = true
        break
      }
      try TraceQueries.forEachBlock(of: trace.row, in: db) { block in
        let offsets = block.offsets()
        for index in 0..<block.count {
          let length = offsets[index + 1] - offsets[index]
          lengths += length
          let name = StepWords.lowered(block.dictionary[Int(block.names[index])])
          let text = name + searchable(block, index, offsets[index])
          let counts = terms.map { occurrences($0, text) }
          guard counts.contains(where: { $0 > 0 }) else { continue }
          candidates.append(
            Candidate(
              trace: trace.key.text, row: trace.row, number: block.first + UInt32(index), counts: counts,
              length: length))
        }
        answer.stepsScanned += UInt64(block.count)
        return true
      }
    }
    let ranked = rank(candidates, scanned: Int(answer.stepsScanned), lengths: lengths)
    let stored = Dictionary(traces.map { ($0.row, $0) }, uniquingKeysWith: { first, _ in first })
    answer.hits = try ranked.prefix(count ?? limit).compactMap { candidate, score in
      guard let trace = stored[candidate.row],
        let step = try TraceQueries.steps(of: trace, from: candidate.number, count: 1, in: db).first
      else { return nil }
      return V1.StepHit(step: step, score: Float(score))
    }
    return answer
  }

  private func rank(
    _ candidates: [Candidate], scanned: Int, lengths: Int
  ) -> [(candidate: Candidate, score: Double)] {
    let mean = max(1, Double(lengths) / Double(max(1, scanned)))
    let weights = terms.indices.map { term in
      let holding = Double(candidates.count { $0.counts[term] > 0 })
      return log(1 + (Double(scanned) - holding + 0.5) / (holding + 0.5))
    }
    return candidates.map { candidate in
      let saturation = 1.2 * (0.25 + 0.75 * Double(candidate.length) / mean)
      let score = terms.indices.reduce(0.0) { sum, term in
        let count = Double(candidate.counts[term])
        return sum + weights[term] * count * 2.2 / (count + saturation)
      }
      return (candidate, score)
    }.sorted {
      ($1.score, $1.candidate.row, $0.candidate.number) < ($0.score, $0.candidate.row, $1.candidate.number)
    }
  }

  /// Input, output, error and the rest in lower case, a space before each: the last word of one is not the beginning
  /// of the next.
  private func searchable(_ block: StepColumns, _ index: Int, _ start: Int) -> [UInt8] {
    var text: [UInt8] = []
    var at = start
    for lengths in [block.inputLengths, block.outputLengths, block.errorLengths, block.restLengths] {
      let end = at + Int(lengths[index])
      text.append(0x20)
      text.append(contentsOf: block.texts[at..<end].lazy.map { (0x41...0x5a).contains($0) ? $0 + 0x20 : $0 })
      at = end
    }
    return text
  }

  /// Words that begin with an ASCII term; any place for one that has other letters, since Chinese has no spaces.
  private func occurrences(_ term: [UInt8], _ text: [UInt8]) -> Int {
    guard let first = term.first, text.count >= term.count else { return 0 }
    let anywhere = term.contains { $0 >= 0x80 }
    var found = 0
    for at in 0...(text.count - term.count) where text[at] == first {
      guard anywhere || at == 0 || !SensitiveText.isAlphanumeric(text[at - 1]) else { continue }
      if text[at..<at + term.count].elementsEqual(term) { found += 1 }
    }
    return found
  }
}
