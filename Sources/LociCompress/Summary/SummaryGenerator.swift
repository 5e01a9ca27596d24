/// Writes shorter texts for longer ones: a language model behind some server.
package protocol TextSummariser: Sendable {
  /// Of the model.
  var name: String { get }
  /// - Parameters:
  ///   - text: one line for each thing that was said, speakers and times included.
  ///   - tokensMax: of the summary, as the model counts.
  /// - Throws: `SummaryFailure`; `CancellationError`.
  func summarise(_ text: String, tokensMax: Int) async throws -> String
}

/// Why a summariser gave none. `description` can follow "the summariser".
package struct SummaryFailure: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

package struct Summary: Sendable {
  package var text: String
  /// Texts that were read for it: all that have something in them.
  package var coveredIDs: [String] = []
  /// The model that wrote it; `nil`: words of the texts themselves.
  package var model: String?
  /// Why there is no model's summary though there is a model.
  package var fallbackReason: String?
  /// Numbers, addresses, paths and identifiers of the summary that stand in none of the texts.
  package var unsupported: [String] = []
  package var tokensBefore = 0
  package var tokensAfter = 0
}

/// A summary of texts by a model when there is one, else of their own words. A model's is refused when it is empty or
/// longer than what was asked for.
package struct SummaryGenerator: Sendable {
  /// Where work is done that takes its time.
  package typealias Worker = @Sendable (@escaping @Sendable () throws -> Summary) async throws -> Summary

  private let summariser: (any TextSummariser)?
  private let counter: @Sendable (String) throws -> Int
  private let worker: Worker

  /// Bytes of what a model is given at once; longer texts go in parts, each with its share of the tokens.
  private static let partBytesMax = 48 << 10
  /// How much longer than asked a model's summary may be: it counts other tokens.
  private static let tolerance = 1.5

  package init(
    summariser: (any TextSummariser)?, counter: @escaping @Sendable (String) throws -> Int,
    worker: @escaping Worker = { try $0() }
  ) {
    self.summariser = summariser
    self.counter = counter
    self.worker = worker
  }

  /// - Parameter texts: in the order of time.
  /// - Throws: what `counter` throws; `CancellationError`. Never because of the summariser.
  package func summary(of texts: [SourceText], tokensMax: Int) async throws -> Summary {
    guard let summariser else { return try await extracted(texts, tokensMax: tokensMax) }
    do {
      return try await abstract(texts, tokensMax: tokensMax, summariser)
    } catch let failure as SummaryFailure {
      var summary = try await extracted(texts, tokensMax: tokensMax)
      summary.fallbackReason = failure.description
      return summary
    }
  }

  private func extracted(_ texts: [SourceText], tokensMax: Int) async throws -> Summary {
    try await worker { [counter] in
      var target = Compressor.Target()
      target.tokenBudget = tokensMax
      let text = try Compressor(meter: TokenMeter(counter)).compress(texts, target).text
      return Summary(
        text: text.text, coveredIDs: Self.covered(texts), tokensBefore: text.tokensBefore,
        tokensAfter: text.tokensAfter)
    }
  }

  private func abstract(
    _ texts: [SourceText], tokensMax: Int, _ summariser: any TextSummariser
  ) async throws -> Summary {
    let parts = Self.parts(texts)
    let tokens = try parts.map(counter)
    let whole = tokens.reduce(0, +)
    var summaries: [String] = []
    for (part, size) in zip(parts, tokens) {
      let share = max(16, tokensMax * size / max(1, whole))
      let text = try await summariser.summarise(part, tokensMax: share).trimmed
      guard !text.isEmpty else { throw SummaryFailure("gave nothing") }
      summaries.append(text)
    }
    let text = summaries.joined(separator: "\n")
    let tokensAfter = try counter(text)
    let most = Int(Double(tokensMax) * Self.tolerance) + 16
    guard tokensAfter <= most else {
      throw SummaryFailure("gave \(tokensAfter) tokens where \(tokensMax) were asked for")
    }
    return Summary(
      text: text, coveredIDs: Self.covered(texts), model: summariser.name,
      unsupported: Self.unsupported(text, by: texts), tokensBefore: whole, tokensAfter: tokensAfter)
  }

  private static func covered(_ texts: [SourceText]) -> [String] {
    texts.filter { !$0.text.isEmpty }.map(\.id)
  }

  /// Lines "speaker: text" under the times of their sessions, together at most `partBytesMax` unless one alone is more.
  static func parts(_ texts: [SourceText]) -> [String] {
    let starts = Set(Sessions.starts(texts))
    var parts: [String] = []
    var part = ""
    for (index, text) in texts.enumerated() where !text.text.isEmpty {
      var line = text.speaker.isEmpty ? text.text : "\(text.speaker): \(text.text)"
      let header = starts.contains(index) ? Sessions.header(text.createdAtUs) : ""
      if !header.isEmpty { line = "\(header)\n\(line)" }
      if !part.isEmpty, part.utf8.count + line.utf8.count > partBytesMax {
        parts.append(part)
        part = ""
      }
      part += part.isEmpty ? line : "\n" + line
    }
    if !part.isEmpty { parts.append(part) }
    return parts
  }

  /// A name is written in more ways than one, and says less when it is wrong: names are not looked at.
  static func unsupported(_ summary: String, by texts: [SourceText]) -> [String] {
    let known = Set(texts.flatMap { TextScanner.scan($0.text).words.map(\.key) })
    let utf8 = Array(summary.utf8)
    var seen: Set<WordKey> = []
    var found: [String] = []
    for word in TextScanner.scan(summary).words
    where !word.traits.isDisjoint(with: [.number, .compound]) && !known.contains(word.key) {
      if seen.insert(word.key).inserted { found.append(String(decoding: utf8[word.range], as: UTF8.self)) }
    }
    return found
  }
}

extension String {
  /// Without white space at its ends.
  fileprivate var trimmed: String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
