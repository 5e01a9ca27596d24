/// How far each rater's judgements can be trusted, by their agreement with the others'. A rater who contradicts what
/// all others say of the same items loses weight; one whom nobody can be compared with keeps it.
package enum RaterReliability {
  package struct Judgement: Sendable {
    package let rater: Int
    package let item: Int
    /// 0 to 1.
    package let value: Double

    package init(rater: Int, item: Int, value: Double) {
      self.rater = rater
      self.item = item
      self.value = value
    }
  }

  package struct Report: Sendable, Equatable {
    package var count = 0
    /// 0 to 1.
    package var weight = 1.0
    /// Root mean square difference of the rater's means from the others' on the same items, less what chance
    /// explains; `nil` when there are no others.
    package var deviation: Double?
  }

  /// Deviation up to which a rater counts in full, and from which not at all.
  private static let fullBelow = 0.12
  private static let noneAbove = 0.40
  private static let rounds = 4

  /// - Returns: one report for each rater, in 0..<raters.
  package static func reports(_ judgements: [Judgement], raters: Int, items: Int) -> [Report] {
    var reports = [Report](repeating: Report(), count: raters)
    let cells = Cells(judgements, raters: raters)
    for judgement in judgements { reports[judgement.rater].count += 1 }
    guard raters > 2 else { return reports }
    // Consensus and weights depend on each other: a few rounds settle them.
    for _ in 0..<rounds {
      let consensus = cells.consensus(weights: reports.map(\.weight), items: items)
      for rater in 0..<raters {
        reports[rater].deviation = cells.deviation(
          of: rater, weight: reports[rater].weight, from: consensus)
      }
      for rater in 0..<raters {
        guard let deviation = reports[rater].deviation else { continue }
        reports[rater].weight = max(0, min(1, (noneAbove - deviation) / (noneAbove - fullBelow)))
      }
    }
    return reports
  }

  /// Means by rater and item.
  private struct Cells {
    private var byRater: [[Int: Moments]]

    init(_ judgements: [Judgement], raters: Int) {
      byRater = [[Int: Moments]](repeating: [:], count: raters)
      for judgement in judgements {
        byRater[judgement.rater][judgement.item, default: Moments()].add(judgement.value)
      }
    }

    /// Weighted sums of the raters' means for each item: one rater one voice, however much they say.
    func consensus(weights: [Double], items: Int) -> [(sum: Double, weight: Double)] {
      var sums = [(sum: Double, weight: Double)](repeating: (0, 0), count: items)
      for (rater, cells) in byRater.enumerated() {
        for (item, cell) in cells {
          let weight = weights[rater] * Double(cell.count) / Double(cell.count + 2)
          sums[item].sum += weight * cell.mean
          sums[item].weight += weight
        }
      }
      return sums
    }

    func deviation(
      of rater: Int, weight: Double, from consensus: [(sum: Double, weight: Double)]
    ) -> Double? {
      var (squares, total, chance) = (0.0, 0.0, 0.0)
      // In the order of the items: sums of floats depend on it.
      for (item, cell) in byRater[rater].sorted(by: { $0.key < $1.key }) {
        let own = weight * Double(cell.count) / Double(cell.count + 2)
        let others = consensus[item].weight - own
        guard others > 0.3 else { continue }
        let mean = (consensus[item].sum - own * cell.mean) / others
        let count = Double(cell.count)
        squares += count * (cell.mean - mean) * (cell.mean - mean)
        chance += count * (mean * (1 - mean)) * (1 / count + 0.3 / others)
        total += count
      }
      guard total > 0 else { return nil }
      return max(0, (squares - chance) / total).squareRoot()
    }
  }
}
