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

  /// Evidence that is in the context when the question is known. A turn counts when all its words of substance are there.
  @Test func contextForAQuestion() throws {
    guard Corpus.exists("locomo"), Tokens.exists else { return }
    let counter = try Tokens.counter()
    print(
      "\nLoCoMo with the question: evidence kept at a share of the tokens, turns whole / thinned to their words"
    )
    for conversations in [["conv-30", "conv-48"], ["conv-26", "conv-30", "conv-41", "conv-43", "conv-48"]] {
      for percent in [5, 10, 20, 30] {
        var (thinned, whole, count) = (0.0, 0.0, 0.0)
        for conversation in try Conversation.all() where conversations.contains(conversation.id) {
          let sources = conversation.sources
          let words = conversation.turns.map { Set(Stems.content($0.body)) }
          let place = Dictionary(uniqueKeysWithValues: conversation.turns.enumerated().map { ($1.id, $0) })
          let tokens = try sources.map { try counter($0.text) + 2 }
          var thinner = Thinner(meter: TokenMeter(counter))
          let budget = try thinner.thin(sources, budget: 0).tokensBefore * percent / 100
          // One question in four: each is a compression of the whole.
          for (number, question) in conversation.questions.enumerated() where number % 4 == 0 {
            let evidence = Set(question.evidence.compactMap { place[$0] })
            guard !evidence.isEmpty else { continue }
            let text = try thinner.thin(sources, question: question.question, budget: budget)
            let kept = evidence.filter { words[$0].isSubset(of: Set(Stems.content(text.units[$0].text))) }
            thinned += Double(kept.count) / Double(evidence.count)
            let scores = QuestionFocus.scores(sources, question: question.question)
            var room = budget
            var inside: Set<Int> = []
            for index in scores.indices.sorted(by: { (scores[$0], -$0) > (scores[$1], -$1) }) {
              guard tokens[index] <= room else { break }
              room -= tokens[index]
              inside.insert(index)
            }
            whole += Double(evidence.intersection(inside).count) / Double(evidence.count)
            count += 1
          }
        }
        print(
          String(
            format: "%2d %%  %.3f / %.3f  %.0f questions of %@", percent, whole / count, thinned / count,
            count,
            conversations.joined(separator: " ") as NSString))
      }
    }
  }

  @Test func storedBytes() throws {
    guard Corpus.exists("locomo"), Corpus.exists("tau-airline"), Corpus.exists("memorybank-zh") else {
      return
    }
    print("\nbytes saved, test half; dictionary trained on the other half")
    print(
      "set              dictionary  32 KiB blocks+dictionary  session+dictionary  session zstd-19  session zstd-3  text zstd-19"
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
    let clock = ContinuousClock()
    for name in ["thinned", "scored and thinned", "compressed with probes"] {
      var count = 0
      let spent = try clock.measure {
        for conversation in conversations {
          let texts = conversation.sources
          count += texts.count
          if name == "scored and thinned" { _ = ImportanceEvaluator().scores(texts) }
          if name == "compressed with probes" {
            _ = try Compressor(meter: TokenMeter(counter)).compress(texts, Compressor.Target())
          } else {
            var thinner = Thinner(meter: TokenMeter(counter))
            _ = try thinner.thin(texts, budget: 5_000)
          }
        }
      }
      let seconds = Double(spent.components.seconds) + Double(spent.components.attoseconds) / 1e18
      print(String(format: "%@: %.0f messages/s, one thread", name as NSString, Double(count) / seconds))
    }
  }
}
