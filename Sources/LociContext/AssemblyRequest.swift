package import LociCore
package import LociProto

/// What to assemble, checked.
package struct AssemblyRequest: Sendable {
  package static let budgetMax: UInt32 = 10_000_000

  package let contextID: ContextID
  package let budget: Int
  package let query: String
  package let memoryLimit: Int
  package let memoryShare: Float
  let pastShare: Float
  let historyLimit: Int
  let overhead: Int
  package let counter: V1.TokenCounter

  package init(_ request: V1.AssembleContextRequest) throws(LociError) {
    contextID = try ContextID(validating: request.contextID)
    guard (1...Self.budgetMax).contains(request.tokenBudget) else {
      throw .invalid(
        field: "token_budget", problem: "is \(request.tokenBudget), must be 1 to \(Self.budgetMax)")
    }
    guard request.memoryLimit <= 100 else {
      throw .invalid(field: "memory_limit", problem: "is \(request.memoryLimit), must be 0 to 100")
    }
    guard request.historyLimit <= 10_000 else {
      throw .invalid(field: "history_limit", problem: "is \(request.historyLimit), must be 0 to 10000")
    }
    guard request.messageOverheadTokens <= 1_000 else {
      throw .invalid(
        field: "message_overhead_tokens", problem: "is \(request.messageOverheadTokens), must be 0 to 1000")
    }
    let share = request.memoryShare ?? 0.25
    try Validate.unitInterval(share, field: "memory_share")
    pastShare = request.pastShare ?? 0.25
    try Validate.unitInterval(pastShare, field: "past_share")
    switch request.counter {
    case .unspecified, .encoder, .estimate: counter = request.counter
    default: throw .invalid(field: "counter", problem: "is not a token counter")
    }
    budget = Int(request.tokenBudget)
    query = request.query
    memoryLimit = request.memoryLimit == 0 ? 10 : Int(request.memoryLimit)
    memoryShare = share
    historyLimit = request.historyLimit == 0 ? 1_000 : Int(request.historyLimit)
    overhead = request.messageOverheadTokens == 0 ? 4 : Int(request.messageOverheadTokens)
  }
}

/// A memory that a search found, best first.
package struct RankedMemory: Sendable {
  package let memory: V1.Memory
  package let score: Float

  package init(memory: V1.Memory, score: Float) {
    self.memory = memory
    self.score = score
  }
}
