import Foundation
package import LociProto

/// What makes a step suspect of being the mistake that a trace failed by. One row for each step.
package struct FailureFeatures: Sendable {
  /// In the order of a row's values.
  package static let names = [
    "environment", "human", "first", "relative place", "log place", "before the first error",
    "after the first error", "error follows", "assumes", "verifies", "length", "words used later",
    "new words",
    "actor's first step", "actor's share", "repeats itself", "plan", "delegation", "environment before"
  ]

  package let rows: [[Double]]
  package let actors: [String]
  /// Place of the first step that reports an error, and of the act before it.
  let firstError: Int?
  let origin: Int?
  let words: [StepWords]

  /// - Parameter steps: in order of their starts.
  package init(_ steps: [V1.Step]) {
    let words = steps.map { StepWords($0.spoken, failed: $0.status == .error) }
    let isEnvironment = steps.map(\.isEnvironment)
    let actors = steps.map { $0.actor.isEmpty ? $0.name : $0.actor }
    let firstError = words.firstIndex(where: \.reportsError)
    let origin = firstError.flatMap { error in
      (0...(isEnvironment[error] ? max(0, error - 1) : error)).last { !isEnvironment[$0] }
    }
    let later = Self.usedLater(words)
    let shares = Dictionary(actors.map { ($0, 1.0) }, uniquingKeysWith: +)
    var seen: Set<UInt64> = []
    var acted: Set<String> = []
    var rows: [[Double]] = []
    rows.reserveCapacity(steps.count)
    for (place, step) in steps.enumerated() {
      let new = words[place].words.subtracting(seen)
      seen.formUnion(new)
      let errorFollows = place + 1 < steps.count && words[place + 1].reportsError && !isEnvironment[place]
      rows.append([
        isEnvironment[place] ? 1 : 0,
        step.kind == .human ? 1 : 0,
        place == 0 ? 1 : 0,
        Double(place) / Double(max(1, steps.count - 1)),
        log(1 + Double(place)),
        place == origin ? 1 : 0,
        firstError.map { place > $0 } == true ? 1 : 0,
        errorFollows ? 1 : 0,
        words[place].assumes,
        words[place].verifies,
        log(1 + Double(words[place].bytes)) / 8,
        new.isEmpty ? 0 : Double(new.count { (later[$0] ?? -1) > place }) / Double(new.count),
        Double(new.count) / Double(max(1, words[place].words.count)),
        acted.insert(actors[place]).inserted ? 1 : 0,
        (shares[actors[place]] ?? 0) / Double(steps.count),
        Self.likeness(place, words, actors),
        step.kind == .plan ? 1 : 0,
        step.kind == .decision ? 1 : 0,
        place > 0 && isEnvironment[place - 1] ? 1 : 0
      ])
    }
    self.rows = rows
    self.actors = actors
    self.firstError = firstError
    self.origin = origin
    self.words = words
  }

  /// The last place at which each word occurs.
  private static func usedLater(_ words: [StepWords]) -> [UInt64: Int] {
    var last: [UInt64: Int] = [:]
    for (place, step) in words.enumerated() { for word in step.words { last[word] = place } }
    return last
  }

  /// Greatest Jaccard likeness to one of the actor's steps among the eight before.
  private static func likeness(_ place: Int, _ words: [StepWords], _ actors: [String]) -> Double {
    var most = 0.0
    for other in max(0, place - 8)..<place where actors[other] == actors[place] {
      let shared = words[other].words.intersection(words[place].words).count
      let all = words[other].words.count + words[place].words.count - shared
      if shared > 0 { most = max(most, Double(shared) / Double(all)) }
    }
    return most
  }
}
