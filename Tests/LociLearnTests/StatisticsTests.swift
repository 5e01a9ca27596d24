import LociLearn
import Testing

@Suite struct StatisticsTests {
  private let references: References.Statistics
  init() throws { references = try References.load().statistics }

  @Test func wilsonIsThatOfStatsmodels() {
    for row in references.wilson {
      let interval = Interval.wilson(successes: row[0], trials: row[1])
      #expect(close(interval.low, row[2], 1e-9) && close(interval.high, row[3], 1e-9), "\(row)")
    }
    let none = Interval.wilson(successes: 0, trials: 0)
    #expect(none.low == 0 && none.high == 1 && none.samples == 0)
  }

  @Test func fishersTestIsThatOfSciPy() {
    for row in references.fisher {
      let p = FisherExact.twoSided(Int(row[0]), Int(row[1]), Int(row[2]), Int(row[3]))
      #expect(close(p, row[4], 1e-9), "\(row)")
    }
    #expect(FisherExact.twoSided(0, 0, 0, 0) == 1)
  }

  @Test func discoveriesAreCorrectedAsInStatsmodels() {
    let found = FalseDiscovery.qValues(references.pValues)
    #expect(zip(found, references.qValues).allSatisfy { close($0, $1, 1e-12) })
    #expect(FalseDiscovery.qValues([]) == [])
    #expect(FalseDiscovery.qValues([0.01], tests: 10) == [0.1])
  }

  @Test func distributionsAreThoseOfSciPy() {
    for row in references.normal { #expect(close(Normal.quantile(row[0]), row[1], 1e-9), "\(row)") }
    for row in references.student {
      #expect(close(StudentT.quantile(row[0], degrees: row[1]), row[2], 1e-8), "\(row)")
    }
    for row in references.beta {
      #expect(close(Beta.regularised(row[0], row[1], row[2]), row[3], 1e-10), "\(row)")
    }
  }

  @Test func momentsAreExact() {
    let moments = Moments([2, 4, 4, 4, 5, 5, 7, 9])
    #expect(moments.mean == 5 && close(moments.variance, 32.0 / 7, 1e-12))
    #expect(Moments([]).variance == 0 && Moments([3]).variance == 0)
  }

  /// The share of intervals that hold the true value is the stated one.
  @Test(arguments: [5, 20, 200]) func intervalsCover(samples: Int) {
    var generator = SeededGenerator(seed: UInt64(samples))
    var (means, shares) = (0, 0)
    let rounds = 4_000
    for _ in 0..<rounds {
      let values = (0..<samples).map { _ in 3 + 2 * generator.normal() }
      let mean = Interval.mean(values)
      means += mean.low <= 3 && 3 <= mean.high ? 1 : 0
      let hits = (0..<samples).count { _ in generator.uniform() < 0.3 }
      let share = Interval.wilson(successes: Double(hits), trials: Double(samples))
      shares += share.low <= 0.3 && 0.3 <= share.high ? 1 : 0
    }
    #expect(abs(Double(means) / Double(rounds) - 0.95) < 0.012)
    #expect(abs(Double(shares) / Double(rounds) - 0.95) < 0.035)
  }

  /// However often one looks, a sequence of intervals misses the truth no more often than stated.
  @Test func lookingOftenIsAllowed() {
    var generator = SeededGenerator(seed: 3)
    var misses = 0
    let runs = 1_000
    for _ in 0..<runs {
      var (a, b) = (Moments(), Moments())
      var missed = false
      for step in 1...600 {
        a.add(generator.uniform() < 0.5 ? 1 : 0)
        b.add(generator.uniform() < 0.5 ? 1 : 0)
        guard step >= 30 else { continue }
        let interval = AlwaysValid.difference(a, b, alpha: 0.05)
        if interval.low > 0 || interval.high < 0 { missed = true }
      }
      misses += missed ? 1 : 0
    }
    #expect(Double(misses) / Double(runs) < 0.05)
  }

  @Test func aChangeIsFoundWhereItIs() {
    var generator = SeededGenerator(seed: 11)
    for shift in [1.5, 3, -2] {
      let values = (0..<400).map { (index: Int) in generator.normal() + (index >= 250 ? shift : 0) }
      let changes = ChangePoints.find(values)
      #expect(changes.count == 1, "\(changes)")
      if let change = changes.first {
        #expect(abs(change.index - 250) <= 6)
        #expect(abs(change.meanAfter - change.meanBefore - shift) < 0.8)
      }
    }
  }

  @Test func noChangeIsSeldomFound() {
    var generator = SeededGenerator(seed: 12)
    let alarms = (0..<200).count { _ in
      !ChangePoints.find((0..<300).map { _ in generator.normal() }).isEmpty
    }
    #expect(alarms <= 40)
    #expect(ChangePoints.find([]).isEmpty)
    #expect(ChangePoints.find([Double](repeating: 1, count: 100)).isEmpty)
  }
}
