package import LociProto

/// What an analysis suggests to look at, in words.
package enum FeedbackFindings {
  private static let findingsMax = 50

  /// Strongest first.
  package static func inWords(_ analysis: V1.AnalyzeFeedbackResponse) -> [String] {
    var found: [(strength: Double, text: String)] = []
    for group in analysis.groups {
      let name = group.name.isEmpty ? "(none)" : "'\(group.name)'"
      for change in group.changePoints {
        let way = change.meanAfter < change.meanBefore ? "fell" : "rose"
        found.append(
          (
            2 + change.strength,
            "the score of \(name) \(way) from \(format(change.meanBefore)) to \(format(change.meanAfter))"
          ))
      }
      if let trend = group.trend, trend.samples > 2, trend.high < 0 || trend.low > 0 {
        let way = trend.value < 0 ? "falls" : "rises"
        found.append((1, "the score of \(name) \(way) by \(format(abs(trend.value))) in 100 ratings"))
      }
      if group.agreement < 0.2 {
        found.append((1.5, "raters of \(name) disagree (alpha \(format(group.agreement)))"))
      }
    }
    for issue in analysis.issues where issue.count >= 3 {
      let terms = issue.terms.prefix(4).joined(separator: ", ")
      found.append((Double(issue.count), "\(issue.count) comments say the same: \(terms)"))
    }
    for metric in analysis.metrics where abs(metric.recentShift) > 2 {
      let way = metric.recentShift < 0 ? "worse" : "better"
      found.append(
        (
          abs(metric.recentShift),
          "\(metric.name) is \(way) lately by \(format(abs(metric.recentShift))) deviations"
        ))
    }
    for rater in analysis.raters where rater.weight < 0.5 {
      found.append((3, "rater '\(rater.rater)' contradicts the others and counts \(format(rater.weight))"))
    }
    return found.sorted { $0.strength != $1.strength ? $0.strength > $1.strength : $0.text < $1.text }
      .prefix(findingsMax).map(\.text)
  }

  private static func format(_ value: Double) -> String { Interval.format(value) }
}
