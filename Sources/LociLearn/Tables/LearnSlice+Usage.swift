package import LociCore
package import LociProto
package import LociStore

extension LearnSlice {
  package var counted: [CountedTable] {
    [
      CountedTable("experiences", items: "1", bytes: ["body"]),
      CountedTable("feedback", items: "1", bytes: ["body"]),
      CountedTable("metric_samples", bytes: ["name", "unit", "strategy", "tool"]),
      CountedTable("decisions", bytes: ["body"])
    ]
  }

  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    switch event {
    case .experiencesRecorded(let recorded): return Self.amount(recorded.experiences, items: 1)
    case .feedbackGiven(let given): return Self.amount(given.feedback, items: 1)
    // A sample's row has its names and numbers without the tags between them.
    case .metricsReported(let reported): return Self.amount(reported.samples, items: 0)
    case .decisionMade(let made): return Self.amount([made.decision], items: 0)
    default: return .zero
    }
  }

  private static func amount(_ bodies: [[UInt8]], items: Int) -> StoredAmount {
    StoredAmount(items: Int64(bodies.count * items), bytes: bodies.reduce(0) { $0 + Int64($1.count) })
  }
}
