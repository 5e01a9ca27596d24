import LociProto

/// What class of failure a text speaks of, by the words that programs and services use.
enum FailureCause {
  /// The first class of which a marker occurs wins: the specific ones come first.
  private static let markers: [(V1.FailureCause, [String])] = [
    (
      .rateLimit,
      [
        "rate limit", "ratelimit", "too many requests", "status 429", "http 429", "error 429",
        "quota exceeded"
      ]
    ),
    (.timeout, ["timed out", "timeout", "deadline exceeded", "etimedout", "time limit exceeded"]),
    (
      .budget,
      [
        "context length", "maximum context", "token limit", "max_tokens", "budget exceeded",
        "insufficient funds", "exit_cost", "exceeded cost", "max turns", "iteration limit", "out of memory"
      ]
    ),
    (
      .permission,
      [
        "permission denied", "forbidden", "unauthorized", "unauthorised", "access denied", "not allowed",
        "status 403", "http 403", "error 403", "error 401", "invalid api key", "captcha"
      ]
    ),
    (
      .missingData,
      [
        "not found", "no such file", "does not exist", "404", "no results", "filenotfound", "keyerror",
        "no data", "empty result", "undefined", "nameerror", "modulenotfound"
      ]
    ),
    (
      .badArgument,
      [
        "invalid argument", "bad request", "invalid input", "typeerror", "valueerror", "syntaxerror",
        "missing required", "unexpected keyword", "validation error", "malformed", "jsondecodeerror",
        "did not match", "usage:", "error 400", "must be", "does not add up"
      ]
    ),
    (
      .upstream,
      [
        "bad gateway", "service unavailable", "connection refused", "connection reset", "error 502",
        "error 503", "internal server error", "upstream", "econnrefused", "name resolution"
      ]
    ),
    (
      .contradiction,
      ["contradict", "inconsistent", "does not match", "mismatch", "conflicting", "discrepancy"]
    ),
    (
      .toolFault,
      [
        "traceback", "exception", "segmentation fault", "exitcode: 1", "exit code", "execution failed",
        "error:"
      ]
    )
  ]

  /// `nil` when the text speaks of none.
  static func classify(_ text: String) -> V1.FailureCause? {
    let lower = StepWords.lowered(text)
    return markers.first { _, markers in
      markers.contains { StepWords.count($0, in: lower, max: 1) > 0 }
    }?.0
  }

  /// What usually helps, in one sentence.
  static func advice(_ cause: V1.FailureCause, step: String) -> String {
    switch cause {
    case .timeout: "Give '\(step)' a longer deadline or less to do, and retry with a growing pause."
    case .rateLimit: "Slow calls of '\(step)' down, or retry after the pause that the answer names."
    case .badArgument: "Check the arguments of '\(step)' against its schema before the call."
    case .missingData:
      "Make sure that what '\(step)' looks for exists, and say so to the agent when it does not."
    case .permission: "Give '\(step)' the rights it needs, or take it out of the agent's reach."
    case .contradiction: "Compare the steps that contradict each other before going on from either."
    case .loop: "Stop after two equal outcomes of '\(step)', and change the approach."
    case .budget: "Compress the context before '\(step)', or raise the limit."
    case .toolFault: "Read the error of '\(step)' back to the agent, and let it correct the call once."
    case .upstream: "Retry '\(step)' with a growing pause, or fall back to another service."
    default: "Check what '\(step)' says against its sources before it is used."
    }
  }
}
