import LociLearn
import Testing

@Suite struct PatternTests {
  /// Every subsequence up to a length, by brute force.
  private func expected(_ runs: [[Int]], countMin: Int, lengthMax: Int) -> [[Int]: Int] {
    var counts: [[Int]: Int] = [:]
    for run in runs {
      var seen: Set<[Int]> = [[]]
      for symbol in run {
        for prefix in seen where prefix.count < lengthMax { seen.insert(prefix + [symbol]) }
      }
      for pattern in seen where !pattern.isEmpty { counts[pattern, default: 0] += 1 }
    }
    return counts.filter { $0.value >= countMin }
  }

  @Test(arguments: UInt64(1)...12) func miningFindsWhatBruteForceFinds(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let runs = (0..<25).map { _ in
      (0..<Int(generator.next() % 9)).map { _ in Int(generator.next() % 4) }
    }
    let successes = runs.map { _ in generator.uniform() < 0.5 }
    let (found, isComplete) = PrefixSpan(countMin: 3, lengthMax: 4).mine(runs, successes: successes)
    #expect(isComplete)
    let counts = Dictionary(found.map { ($0.steps, $0.count) }, uniquingKeysWith: { a, _ in a })
    #expect(counts == expected(runs, countMin: 3, lengthMax: 4) && counts.count == found.count)
    for pattern in found {
      let holding = runs.indices.filter { contains(runs[$0], pattern.steps) }
      #expect(holding.count == pattern.count)
      #expect(holding.count { successes[$0] } == pattern.successes)
    }
  }

  private func contains(_ run: [Int], _ pattern: [Int]) -> Bool {
    var at = 0
    for symbol in run where at < pattern.count && symbol == pattern[at] { at += 1 }
    return at == pattern.count
  }

  @Test func miningStopsAtItsLimits() {
    let runs = [[Int]](repeating: Array(0..<12), count: 5)
    let (found, isComplete) = PrefixSpan(countMin: 5, lengthMax: 6, patternsMax: 100).mine(
      runs, successes: [Bool](repeating: true, count: 5))
    #expect(found.count == 100 && !isComplete)
    #expect(PrefixSpan(countMin: 1, lengthMax: 3).mine([], successes: []).patterns.isEmpty)
  }

  @Test func whatTellsSuccessIsFoundAndChanceIsNot() throws {
    var generator = SeededGenerator(seed: 2)
    var (runs, successes): ([[Int]], [Bool]) = ([], [])
    for _ in 0..<300 {
      var run = (0..<6).map { _ in Int(generator.next() % 6) }
      let succeeds = generator.uniform() < 0.5
      if succeeds, generator.uniform() < 0.7 { run += [7, 8] }
      runs.append(run)
      successes.append(succeeds)
    }
    let mined = PrefixSpan(countMin: 30, lengthMax: 2).mine(runs, successes: successes).patterns
    let judged = PatternJudge.judge(mined, runs: 300, successes: successes.count { $0 })
    let first = try #require(judged.first)
    #expect(first.pattern.steps.contains { $0 >= 7 } && first.lift > 1.5 && first.qValue < 1e-6)
    let spurious = judged.filter { $0.qValue < 0.05 && !$0.pattern.steps.contains { $0 >= 7 } }
    #expect(spurious.count <= 2, "\(spurious)")
  }

  @Test func nothingToFindIsSaid() {
    var falsePositives = 0
    for seed in UInt64(0)..<40 {
      var generator = SeededGenerator(seed: seed)
      let runs = (0..<120).map { _ in (0..<6).map { _ in Int(generator.next() % 5) } }
      let successes = runs.map { _ in generator.uniform() < 0.6 }
      let mined = PrefixSpan(countMin: 12, lengthMax: 3).mine(runs, successes: successes).patterns
      let judged = PatternJudge.judge(mined, runs: 120, successes: successes.count { $0 })
      falsePositives += judged.contains { $0.qValue < 0.05 } ? 1 : 0
    }
    #expect(falsePositives <= 4)
  }
}
