/// A sequence of steps, with the runs that contain it.
package struct SequencePattern: Sendable, Equatable {
  /// Symbols of the steps, in order.
  package let steps: [Int]
  /// Runs that contain it, of those that succeeded and of all.
  package let successes: Int
  package let count: Int
}

/// Frequent sequential patterns by prefix projection (PrefixSpan, Pei et al. 2001). A pattern is contained in a run
/// when its steps occur in the run in this order, with any steps between.
package struct PrefixSpan: Sendable {
  /// Runs, 1 or more, that a pattern must be contained in.
  package let countMin: Int
  package let lengthMax: Int
  package let patternsMax: Int

  package init(countMin: Int, lengthMax: Int, patternsMax: Int = 100_000) {
    precondition(countMin > 0 && lengthMax > 0, "bounds")
    self.countMin = countMin
    self.lengthMax = lengthMax
    self.patternsMax = patternsMax
  }

  /// - Returns: patterns in the order of depth-first search by symbol, and whether all are there.
  package func mine(
    _ runs: [[Int]], successes: [Bool]
  ) -> (patterns: [SequencePattern], isComplete: Bool) {
    precondition(runs.count == successes.count, "an outcome for each run")
    var search = Search(span: self, runs: runs, successes: successes)
    search.grow([], runs.indices.map { Place(run: $0, start: 0) })
    return (search.found, search.isComplete)
  }

  /// The rest of a run after the first occurrence of a prefix.
  private struct Place { let run, start: Int }

  private struct Search {
    let span: PrefixSpan
    let runs: [[Int]]
    let successes: [Bool]
    var found: [SequencePattern] = []
    var isComplete = true

    mutating func grow(_ prefix: [Int], _ places: [Place]) {
      guard prefix.count < span.lengthMax else { return }
      var projected: [Int: [Place]] = [:]
      for place in places {
        var seen: Set<Int> = []
        let run = runs[place.run]
        for at in place.start..<run.count where seen.insert(run[at]).inserted {
          projected[run[at], default: []].append(Place(run: place.run, start: at + 1))
        }
      }
      for (symbol, next) in projected.sorted(by: { $0.key < $1.key }) where next.count >= span.countMin {
        guard found.count < span.patternsMax else {
          isComplete = false
          return
        }
        let pattern = prefix + [symbol]
        found.append(
          SequencePattern(
            steps: pattern, successes: next.count { successes[$0.run] }, count: next.count))
        grow(pattern, next)
      }
    }
  }
}

/// A pattern with how it goes with success.
package struct JudgedPattern: Sendable {
  package let pattern: SequencePattern
  package let support: Double
  /// Success with it over success of all.
  package let lift: Double
  package let pValue: Double
  package let qValue: Double
}

package enum PatternJudge {
  /// Fisher's test for each pattern, corrected for their number. Patterns that are in every run say nothing and are
  /// left out before the correction. By q, then strength of lift, then the steps.
  package static func judge(_ patterns: [SequencePattern], runs: Int, successes: Int) -> [JudgedPattern] {
    let telling = patterns.filter { $0.count < runs }
    let pValues = telling.map { pattern in
      FisherExact.twoSided(
        pattern.successes, pattern.count - pattern.successes, successes - pattern.successes,
        runs - pattern.count - (successes - pattern.successes))
    }
    let qValues = FalseDiscovery.qValues(pValues)
    let base = Double(successes) / Double(max(1, runs))
    let judged = telling.indices.map { index in
      let pattern = telling[index]
      let share = Double(pattern.successes) / Double(pattern.count)
      return JudgedPattern(
        pattern: pattern, support: Double(pattern.count) / Double(runs), lift: base > 0 ? share / base : 1,
        pValue: pValues[index], qValue: qValues[index])
    }
    return judged.sorted {
      if $0.qValue != $1.qValue { return $0.qValue < $1.qValue }
      if $0.lift != $1.lift { return abs($0.lift - 1) > abs($1.lift - 1) }
      return $0.pattern.steps.lexicographicallyPrecedes($1.pattern.steps)
    }
  }
}
