import Foundation
@testable import LociCompress
import LociText
import Testing

private let isReportWanted = ProcessInfo.processInfo.environment["LOCI_COMPRESSION"] != nil

/// The tables of docs/compression.md: `make compression-quality`. Nothing here has a bar; LoCoMoTests has.
@Suite(.enabled(if: isReportWanted)) struct ReportTests {
  private static let ratios = [20, 30, 35, 40, 50]

  @Test func questionFreeTextOfLoCoMo() throws {
    guard Corpus.exists("locomo"), Tokens.exists else { return }
    let counter = try Tokens.counter()
    let conversations = try Conversation.all()
    for part in ["rest", "all"] {
      let chosen = conversations.filter { part == "all" || !LoCoMoTests.fitted.contains($0.id) }
      let references = chosen.map { TextMeasure.Reference($0) }
      print("\nLoCoMo, \(part): \(chosen.map(\.id).joined(separator: " "))")
      print("tokens   strict  session evidence retr@10")
      for strategy in [Compressor.Strategy.semantic, .hierarchical, .adaptive] {
        for percent in Self.ratios {
          var totals = TextMeasure.Totals()
          for reference in references {
            var target = Compressor.Target()
            target.ratio = Double(percent) / 100
            target.strategy = strategy
            let result = try Compressor(meter: TokenMeter(counter)).compress(
              reference.conversation.sources, target)
            reference.add(LoCoMoTests.measure(result.text, reference.conversation.turns), to: &totals)
          }
          print(totals.line, "\(strategy) \(percent)")
        }
      }
      for baseline in Baseline.allCases {
        for percent in Self.ratios where part == "all" || percent == 30 {
          var totals = TextMeasure.Totals()
          for reference in references {
            var thinner = Thinner(meter: TokenMeter(counter))
            let before = try thinner.thin(reference.conversation.sources, budget: 0).tokensBefore
            reference.add(
              try baseline.measure(reference, budget: before * percent / 100, before: before, count: counter),
              to: &totals)
          }
          print(totals.line, "\(baseline.rawValue) \(percent)")
        }
      }
    }
  }

  /// The ranking's weights were fitted on conv-26, -30 and -41; the other two are held out of it.
  @Test func contextForAQuestion() throws {
    guard Corpus.exists("locomo"), Tokens.exists else { return }
    let counter = try Tokens.counter()
    let percents = [2, 5, 10, 20, 30]
    print("\nLoCoMo with the question: evidence turns whole in the context, at a share of the tokens")
    for encoder in [nil, try TextEncoder(modelDirectory: Tokens.folder)] {
      var (all, heldOut) = (QuestionMeasure.Sums(), QuestionMeasure.Sums())
      for conversation in try Conversation.all() {
        var measure = try QuestionMeasure(conversation, encoder: encoder, counter: counter)
        // One question in four.
        try measure.add(percents, every: 4, to: &all)
        if ["conv-43", "conv-48"].contains(conversation.id) {
          try measure.add(percents, every: 4, to: &heldOut)
        }
      }
      for (name, sums) in [("held out", heldOut), ("all five", all)] {
        let shares = percents.map {
          String(format: "%d %%: %.3f (%.3f)", $0, sums.share($0), sums.fullest[$0] ?? 0)
        }
        print(
          encoder == nil ? "words" : "words and meaning", name, sums.count, shares.joined(separator: "  "))
      }
    }
  }

  @Test func storedBytes() throws {
    guard Corpus.exists("locomo"), Corpus.exists("tau-airline"), Corpus.exists("memorybank-zh") else {
      return
    }
    print("\nbytes saved, test half; dictionary trained on the other half")
    print(
      "set              dictionary  128 KiB blocks+dictionary  32 KiB  session+dictionary  session zstd-19  session zstd-3  text zstd-19"
    )
    for set in try StoredSet.all() { try set.report() }
  }

  @Test func agentTrajectories() throws {
    guard Corpus.exists("tau-airline"), Corpus.exists("swe-agent-demos"), Corpus.exists("who-and-when"),
      Corpus.exists("memorybank-zh"), Corpus.exists("memorybank-en"),
      Tokens.exists
    else { return }
    let counter = try Tokens.counter()
    print(
      "\nruns of agents and dialogues, 30 % of the tokens: artifacts / rare words / retrieval kept in their own text"
    )
    for set in try TrajectorySet.all() {
      for strategy in [Compressor.Strategy.adaptive, .semantic, .structural, .hierarchical] {
        var sums = TrajectorySet.Sums()
        for texts in set.runs {
          var target = Compressor.Target()
          target.strategy = strategy
          let result = try Compressor(meter: TokenMeter(counter)).compress(texts, target)
          sums.add(result.retention, result.text)
        }
        print(sums.line, set.name, strategy)
      }
      for baseline in ["newest", "random", "head"] {
        var sums = TrajectorySet.Sums()
        for texts in set.runs {
          let text = try TrajectorySet.baseline(baseline, texts, counter)
          sums.add(RetentionProbe(texts).measure(text.units), text)
        }
        print(sums.line, set.name, baseline)
      }
    }
  }

  @Test func throughput() throws {
    guard Corpus.exists("locomo"), Tokens.exists else { return }
    let counter = try Tokens.counter()
    let conversations = try Conversation.all()
    let count = conversations.reduce(0) { $0 + $1.turns.count }
    func report(_ name: String, _ body: () throws -> Void) throws {
      let spent = try ContinuousClock().measure(body)
      let seconds = Double(spent.components.seconds) + Double(spent.components.attoseconds) / 1e18
      print(String(format: "%@: %.0f messages/s, one thread", name as NSString, Double(count) / seconds))
    }
    func thin(_ texts: [SourceText]) throws {
      var thinner = Thinner(meter: TokenMeter(counter))
      _ = try thinner.thin(texts, budget: 5_000)
    }
    try report("thinned") { for one in conversations { try thin(one.sources) } }
    try report("scored and thinned") {
      for one in conversations {
        _ = ImportanceEvaluator().scores(one.sources)
        try thin(one.sources)
      }
    }
    try report("compressed with probes") {
      for one in conversations {
        _ = try Compressor(meter: TokenMeter(counter)).compress(one.sources, Compressor.Target())
      }
    }
    let encoder = try TextEncoder(modelDirectory: Tokens.folder)
    let measures = try conversations.map {
      (try QuestionMeasure($0, encoder: encoder, counter: counter), $0)
    }
    try report("scored, then kept for a question, embeddings at hand") {
      for (prepared, conversation) in measures {
        var measure = prepared
        _ = ImportanceEvaluator().scores(conversation.sources)
        _ = try measure.kept(for: conversation.questions[0].question, percent: 30)
      }
    }
  }
}
