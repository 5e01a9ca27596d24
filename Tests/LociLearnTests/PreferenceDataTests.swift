import Foundation
import LociLearn
import LociProto
import Testing

/// On pairs of answers with a label by GPT-4 (AlpacaEval), from ../shared/data.
@Suite struct PreferenceDataTests {
  private struct Pair: Decodable {
    let instruction, a, b: String
    let preference: Int
  }

  private static func load() throws -> [Pair]? {
    let path = FileManager.default.currentDirectoryPath + "/../shared/data/alpaca-pref/pairs.jsonl"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      print("skipped: no \(path)")
      return nil
    }
    return try text.split(separator: "\n").map { try JSONDecoder().decode(Pair.self, from: Data($0.utf8)) }
  }

  /// Ten-fold: the accuracy on pairs that were not learned from, against taking the longer answer.
  @Test func formForetellsPreferenceBetterThanLength() throws {
    guard let pairs = try Self.load() else { return }
    #expect(pairs.count == 805)
    var generator = SeededGenerator(seed: 1)
    let shuffled = pairs.shuffled(using: &generator)
    let rows = shuffled.map { AnswerFeatures.difference($0.a, $0.b, question: $0.instruction) }
    let labels = shuffled.map { $0.preference == 1 ? 1.0 : 0 }
    let (dimension, folds) = (rows[0].count, 10)
    var (learned, longer): ([Double], [Double]) = ([], [])
    for fold in 0..<folds {
      let training = rows.indices.filter { $0 % folds != fold }
      let model = try #require(
        LogisticModel.fit(
          rows: training.flatMap { rows[$0] }, dimension: dimension, labels: training.map { labels[$0] },
          ridge: 1, intercept: false))
      for index in rows.indices where index % folds == fold {
        learned.append((model.logOdds(rows[index]) > 0) == (labels[index] == 1) ? 1 : 0)
        longer.append((rows[index][0] > 0) == (labels[index] == 1) ? 1 : 0)
      }
    }
    let accuracy = Interval.wilson(successes: learned.reduce(0, +), trials: Double(learned.count))
    let baseline = Interval.wilson(successes: longer.reduce(0, +), trials: Double(longer.count))
    let gain = Interval.mean(zip(learned, longer).map { $0 - $1 })
    print("alpaca-pref: \(accuracy.text), longer \(baseline.text), gain \(gain.text)")
    #expect(accuracy.value > baseline.value)
  }
}
