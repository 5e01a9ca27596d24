import Foundation
package import LociProto

/// Trends, change points and agreement of feedback, in groups.
package struct FeedbackAnalysis: Sendable {
  private let feedback: [V1.Feedback]
  private let confidence: Double
  private let raterNames: [String]
  private let raterReports: [RaterReliability.Report]
  private let raterNumbers: [String: Int]

  /// - Parameters:
  ///   - feedback: oldest first.
  ///   - confidence: of every interval, above 0.5 and below 1.
  package init(_ feedback: [V1.Feedback], confidence: Double = 0.95) {
    self.feedback = feedback
    self.confidence = confidence
    let names = Array(Set(feedback.map(\.rater)).subtracting([""])).sorted()
    let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let targets = Dictionary(
      uniqueKeysWithValues: Array(Set(feedback.map(\.itemKey))).sorted().enumerated().map { ($1, $0) })
    let judgements = feedback.compactMap { one -> RaterReliability.Judgement? in
      guard let score = one.score, let rater = numbers[one.rater], let item = targets[one.itemKey] else {
        return nil
      }
      return RaterReliability.Judgement(rater: rater, item: item, value: score)
    }
    raterNames = names
    raterNumbers = numbers
    raterReports = RaterReliability.reports(judgements, raters: names.count, items: targets.count)
  }

  /// 0 to 1; 1 for those who do not say who they are.
  package func weight(of rater: String) -> Double {
    raterNumbers[rater].map { raterReports[$0].weight } ?? 1
  }

  package var raters: [V1.RaterReport] {
    zip(raterNames, raterReports).map { name, report in
      V1.RaterReport(
        rater: name, count: UInt64(report.count), weight: report.weight, deviation: report.deviation ?? .nan)
    }.sorted { $0.weight != $1.weight ? $0.weight < $1.weight : $0.rater < $1.rater }
  }

  /// By count, most first.
  package func groups(_ key: (V1.Feedback) -> String) -> [V1.FeedbackGroup] {
    Dictionary(grouping: feedback, by: key).map(group).sorted {
      $0.count != $1.count ? $0.count > $1.count : $0.name < $1.name
    }
  }

  private func group(_ name: String, _ members: [V1.Feedback]) -> V1.FeedbackGroup {
    let rated = members.compactMap { one in one.score.map { (one, $0) } }
    let scores = rated.map(\.1)
    let weights = rated.map { weight(of: $0.0.rater) }
    let total = weights.reduce(0, +)
    let positive = zip(scores, weights).reduce(0) { $0 + ($1.0 >= 0.5 ? $1.1 : 0) }
    var group = V1.FeedbackGroup(name: name, count: UInt64(members.count))
    var score = Interval.mean(scores, weights: weights, confidence: confidence)
    score = Interval(
      value: score.value, low: max(0, score.low), high: min(1, score.high), samples: score.samples)
    group.score = V1.Estimate(score)
    group.positive = V1.Estimate(
      Interval.wilson(successes: positive, trials: total, confidence: confidence))
    group.trend = V1.Estimate(Self.trend(scores, confidence))
    group.changePoints = Self.changes(scores, rated.map(\.0.createdAtUs))
    group.agreement = agreement(rated)
    group.issues = UInt64(members.count { $0.kind == .issue })
    return group
  }

  static func changes(_ values: [Double], _ times: [Int64]) -> [V1.ChangePoint] {
    ChangePoints.find(values).map {
      V1.ChangePoint(
        atUs: times[$0.index], meanBefore: $0.meanBefore, meanAfter: $0.meanAfter, strength: $0.strength)
    }
  }

  /// Slope of least squares over the order, for each 100 values.
  static func trend(_ values: [Double], _ confidence: Double) -> Interval {
    let n = Double(values.count)
    guard values.count > 2 else { return .unknown }
    let centre = (n - 1) / 2
    let mean = values.reduce(0, +) / n
    var (xx, xy, yy) = (0.0, 0.0, 0.0)
    for (index, value) in values.enumerated() {
      let (x, y) = (Double(index) - centre, value - mean)
      (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y)
    }
    let slope = xy / xx
    let error = (max(0, yy - slope * xy) / (n - 2) / xx).squareRoot()
    let half = error * StudentT.quantile(0.5 + confidence / 2, degrees: n - 2)
    return Interval(
      value: 100 * slope, low: 100 * (slope - half), high: 100 * (slope + half), samples: values.count)
  }

  /// Krippendorff's alpha with the squared difference, over targets that two raters or more rated.
  private func agreement(_ rated: [(V1.Feedback, Double)]) -> Double {
    var targets: [String: [String: Double]] = [:]
    for (one, score) in rated where !one.rater.isEmpty {
      targets[one.itemKey, default: [:]][one.rater] = score
    }
    let units = targets.values.map { $0.sorted { $0.key < $1.key }.map(\.value) }.filter { $0.count > 1 }
    let all = units.flatMap { $0 }.sorted()
    guard units.count > 1 else { return .nan }
    func pairs(_ values: [Double]) -> Double {
      // Σ over ordered pairs of (a - b)² = 2 (n Σa² - (Σa)²).
      let sum = values.reduce(0, +)
      return 2 * (Double(values.count) * values.reduce(0) { $0 + $1 * $1 } - sum * sum)
    }
    let within = units.map { pairs($0) / Double($0.count - 1) }.sorted().reduce(0, +) / Double(all.count)
    let between = pairs(all) / Double(all.count * (all.count - 1))
    return between > 0 ? 1 - within / between : 1
  }
}

extension V1.Feedback {
  /// What is rated: its kind and id.
  var itemKey: String { "\(target?.kind.rawValue ?? 0):\(target?.id ?? "")" }
}
