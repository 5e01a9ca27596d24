import LociLearn
import LociProto
import Testing

/// Adjustments from proposal to adoption, on simulated agents.
@Suite struct OptimizerTests {
  /// An agent whose runs succeed by what its tools and settings do; a cycle each 150 runs.
  private struct Agent {
    var generator: SeededGenerator
    var adjustments: [V1.Adjustment] = []
    var experiences: [V1.Experience] = []
    var clock: Int64 = 1
    var newIDs = 0
    let effect: Double

    mutating func work(_ runs: Int) {
      for _ in 0..<runs {
        clock += 1
        let tuning = Tuning.values(adjustments, unit: "run \(clock)", kind: "k")
        let prefers = tuning.values.first { $0.kind == .toolPreference && $0.subject == "verify" }?.value ?? 0
        let verifies = prefers > 0 || (prefers == 0 && generator.uniform() < 0.5)
        let words = 50 + Int(generator.next() % 200)
        let steps = (verifies ? ["look", "verify"] : ["look"]) + (generator.uniform() < 0.5 ? ["pay"] : [])
        let chance = 0.5 + (verifies ? effect : -effect)
        experiences.append(
          V1.Experience(
            id: "\(clock)", task: V1.Task(text: "t", kind: "k"), steps: steps,
            success: generator.uniform() < chance, memoryIDs: ["m\(clock % 3)"], createdAtUs: clock,
            attributes: tuning.attributes + [V1.Attribute(key: "answer_words", value: "\(words)")]))
      }
    }

    mutating func learn() {
      clock += 1
      var made = newIDs
      let outcome = CycleRunner().run(
        LearningData(experiences: experiences), adjustments: adjustments, id: "c", at: clock
      ) {
        made += 1
        return "adjustment \(made)"
      }
      newIDs = made
      for changed in outcome.adjustments {
        if let place = adjustments.firstIndex(where: { $0.id == changed.id }) {
          adjustments[place] = changed
        } else {
          adjustments.append(changed)
        }
      }
    }
  }

  @Test func whatHelpsIsFoundTriedAndAdopted() throws {
    var agent = Agent(generator: SeededGenerator(seed: 3), effect: 0.25)
    for _ in 0..<16 {
      agent.work(150)
      agent.learn()
    }
    let verify = try #require(agent.adjustments.first { $0.subject == "verify" })
    #expect(verify.kind == .toolPreference && verify.valueAfter == 1)
    #expect(verify.history.map(\.state) == [.proposed, .trial, .adopted], "\(verify.history)")
    let gain = try #require(verify.history.last?.gain)
    #expect(gain.low > 0 && gain.value > 0.1)
  }

  /// Nothing the agent does matters: in under 5 % of runs anything is adopted.
  @Test func whereNothingHelpsNothingIsAdopted() {
    let runs = 60
    var (adopted, proposed) = (0, 0)
    for seed in 0..<UInt64(runs) {
      var agent = Agent(generator: SeededGenerator(seed: seed), effect: 0)
      for _ in 0..<8 {
        agent.work(150)
        agent.learn()
      }
      adopted += agent.adjustments.contains { $0.history.contains { $0.state == .adopted } } ? 1 : 0
      proposed += agent.adjustments.isEmpty ? 0 : 1
    }
    #expect(adopted <= 2, "adopted in \(adopted) of \(runs), proposed in \(proposed)")
  }

  @Test func whatTurnsOutWorseIsRolledBack() throws {
    var agent = Agent(generator: SeededGenerator(seed: 5), effect: 0.25)
    var harmful = V1.Adjustment(
      id: "harm", kind: .toolPreference, subject: "verify", valueAfter: -1, hypothesis: "faster",
      trialShare: 0.5, outcomesMin: 30)
    harmful = harmful.moved(to: .adopted, at: 1, reason: "by hand")
    agent.adjustments = [harmful]
    for _ in 0..<20 where agent.adjustments[0].state == .adopted {
      agent.work(200)
      agent.learn()
    }
    #expect(agent.adjustments[0].state == .rolledBack)
    #expect(Tuning.values([agent.adjustments[0]], unit: "u", kind: "k").values.isEmpty)
  }

  @Test func aCycleIsAFunctionOfItsData() {
    var agent = Agent(generator: SeededGenerator(seed: 9), effect: 0.2)
    agent.work(400)
    func run() -> CycleRunner.Outcome {
      CycleRunner().run(LearningData(experiences: agent.experiences), adjustments: [], id: "c", at: 5) { "x" }
    }
    let (first, second) = (run(), run())
    #expect(first.cycle == second.cycle && first.adjustments == second.adjustments)
    #expect(first.cycle.learners.contains { $0.learner == "pattern" && $0.helps })
  }

  @Test func learnersSayWhenTheyDoNotHelp() {
    var generator = SeededGenerator(seed: 10)
    let pairs = (0..<200).map { index in
      let (a, b) = ("s\(generator.next() % 5)", "t\(generator.next() % 5)")
      let wins = generator.uniform() < 0.5
      return V1.Feedback(
        id: "\(index)", kind: .preference, target: V1.Target(kind: .strategy, id: wins ? a : b),
        otherTarget: V1.Target(kind: .strategy, id: wins ? b : a))
    }
    let reports = PreferenceLearner().reports(LearningData(feedback: pairs))
    #expect(reports.count == 1 && !reports[0].helps && reports[0].summary.contains("does not help"))
    #expect(CycleRunner().run(LearningData(), adjustments: [], id: "c", at: 1) { "x" }.cycle.learners.isEmpty)
  }
}
