import Foundation
import LociProto
import LociTrace
import Testing
import LociTestKit

/// Who&When: which agent, and which step, made a run fail.
@Suite("Failure location on who-and-when") struct FailureLocationTests {
  private struct Labelled {
    let id: String
    let steps: [V1.Step]
    let features: FailureFeatures
    let mistake: Int
    let actor: String
  }

  private static func load() throws -> [Labelled]? {
    let path = FileManager.default.currentDirectoryPath + "/../shared/data/who-and-when/traces.jsonl"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      print("skipped: who-and-when is not at ../shared/data")
      return nil
    }
    return try text.split(separator: "\n").enumerated().map { place, line in
      let steps = try Trajectories.steps(of: String(line), number: place + 1, format: .messages)
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let wanted = Int("\(object["mistake_step"] ?? "")") ?? -1
      let list = object["steps"] as? [[String: Any]] ?? []
      let mistake = list.firstIndex { ($0["step"] as? Int) == wanted } ?? wanted
      let agent = "\(object["mistake_agent"] ?? "")"
      return Labelled(
        id: "\(object["id"] ?? "")", steps: steps, features: FailureFeatures(steps), mistake: mistake,
        actor: agent.range(of: " (").map { String(agent[..<$0.lowerBound]) } ?? agent)
    }
  }

  private struct Score {
    var agent = 0.0
    var step = 0.0
    var near = 0.0
    var count = 0.0

    mutating func add(agent isAgent: Bool, distance: Int) {
      agent += isAgent ? 1 : 0
      step += distance == 0 ? 1 : 0
      near += abs(distance) <= 3 ? 1 : 0
      count += 1
    }

    /// Share and Wilson's 95 % interval.
    static func text(_ hits: Double, _ count: Double) -> String {
      let share = hits / count
      let z = 1.96
      let middle = (share + z * z / (2 * count)) / (1 + z * z / count)
      let half =
        z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
      return String(
        format: "%.1f %% (%.1f to %.1f)", 100 * share, 100 * (middle - half), 100 * (middle + half))
    }

    func line(_ name: String) -> String {
      name.padding(toLength: 34, withPad: " ", startingAt: 0)
        + "agent \(Self.text(agent, count))  step \(Self.text(step, count))  within 3 \(Self.text(near, count))"
    }
  }

  private static func score(_ traces: [Labelled], _ guess: (Labelled) -> (actor: String, place: Int)) -> Score
  {
    var score = Score()
    for trace in traces {
      let (actor, place) = guess(trace)
      score.add(agent: actor == trace.actor, distance: place - trace.mistake)
    }
    return score
  }

  /// Ten folds, each trace judged by a model that did not see it. The folds are drawn from a fixed seed.
  private static func crossValidated(_ traces: [Labelled], penalty: Double) -> Score {
    var random = SplitMix64(seed: 1)
    let order = traces.indices.shuffled(using: &random)
    var score = Score()
    for fold in 0..<10 {
      let held = Set(order.enumerated().filter { $0.offset % 10 == fold }.map(\.element))
      let model = FailureModel.fit(
        traces.indices.filter { !held.contains($0) }.map {
          FailureModel.Example(features: traces[$0].features, mistake: traces[$0].mistake)
        }, penalty: penalty)
      for place in held {
        let suspicion = model.suspicion(traces[place].features)
        let guess = suspicion.indices.max { suspicion[$0] < suspicion[$1] } ?? 0
        score.add(
          agent: FailureModel.actor(suspicion, traces[place].features) == traces[place].actor,
          distance: guess - traces[place].mistake)
      }
    }
    return score
  }

  @Test("the mistake is found far more often than by any of the floors")
  func located() throws {
    guard let traces = try Self.load() else { return }
    let last = Self.score(traces) { ($0.features.actors.last ?? "", $0.steps.count - 1) }
    let first = Self.score(traces) { ($0.features.actors.first ?? "", 0) }
    let usual = Self.score(traces) { trace in
      let counts = Dictionary(trace.features.actors.map { ($0, 1) }, uniquingKeysWith: +)
      return (counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? "", 0)
    }
    let judged = Self.crossValidated(traces, penalty: 10)
    print("who-and-when, \(traces.count) traces of the given half; intervals are 95 %")
    print(last.line("floor: last agent, last step"))
    print(first.line("floor: first agent, step 0"))
    print(usual.line("floor: most frequent agent"))
    print(judged.line("Loci, ten-fold cross-validation"))
    #expect(judged.agent / judged.count > last.agent / last.count)
    #expect(judged.agent / judged.count > 0.45)
    #expect(judged.step / judged.count > 0.25)
    let all = FailureModel.fit(
      traces.map { FailureModel.Example(features: $0.features, mistake: $0.mistake) }, penalty: 10)
    func list(_ values: [Double]) -> String {
      values.map { String(format: "%.4f", $0) }.joined(separator: ", ")
    }
    if ProcessInfo.processInfo.environment["LOCI_PRINT_MODEL"] != nil {
      print(
        "weights: [\(list(all.weights))]\nmeans: [\(list(all.means))]\ndeviations: [\(list(all.deviations))]")
    }
    // What ships is what these data give.
    let shipped = FailureModel.standard
    for (a, b) in zip(
      shipped.weights + shipped.means + shipped.deviations, all.weights + all.means + all.deviations)
    {
      #expect(abs(a - b) < 0.01)
    }
  }
}
