import LociProto

/// What a step's text says, as far as failure is concerned.
struct StepWords {
  /// Hashes of its words: runs of three or more letters, digits, dots and dashes, in lower case.
  let words: Set<UInt64>
  let bytes: Int
  /// It reports a failure of a program or a request in the words that these use.
  let reportsError: Bool
  /// 0 to 1: how much it assumes, simulates or makes up.
  let assumes: Double
  /// 0 to 1: how much it verifies or confirms.
  let verifies: Double

  private static let errors = [
    "traceback (most", "error:", "exception:", "404", "execution failed", "fatal:", "exit code: 1",
    "status code: 5", "permission denied", "timed out", "rate limit"
  ]
  private static let assumptions = [
    "assum", "hypothetic", "simulat", "placeholder", "example", "sample", "mock", "let's say", "imagin",
    "approximat", "estimate", "likely", "should be", "common knowledge", "general knowledge", "manually",
    "as an ai", "as a language"
  ]
  private static let verifications = ["verif", "confirm", "correct", "validated", "double-check"]

  /// - Parameter text: what the step said or got.
  init(_ text: String, failed: Bool) {
    let lower = Self.lowered(text)
    bytes = lower.count
    var words: Set<UInt64> = []
    var hash: UInt64 = 0
    var length = 0
    for byte in lower + [0x20] {
      let isWord =
        (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte >= 0x80
        || (length > 0 && (byte == 0x2e || byte == 0x2d))
      if isWord {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        length += 1
      } else {
        if length > 2 { words.insert(hash) }
        (hash, length) = (0xcbf2_9ce4_8422_2325, 0)
      }
    }
    self.words = words
    let exits = Self.count("exitcode: ", in: lower) - Self.count("exitcode: 0", in: lower)
    reportsError = failed || exits > 0 || Self.errors.contains { Self.count($0, in: lower, max: 1) > 0 }
    assumes = Self.share(Self.assumptions, in: lower)
    verifies = Self.share(Self.verifications, in: lower)
  }

  /// Three mentions are as much as it gets.
  private static func share(_ markers: [String], in text: [UInt8]) -> Double {
    var found = 0
    for marker in markers where found < 3 { found += count(marker, in: text, max: 3 - found) }
    return min(1, Double(found) / 3)
  }

  /// ASCII letters in lower case; other bytes as they are.
  static func lowered(_ text: String) -> [UInt8] {
    text.utf8.map { (0x41...0x5a).contains($0) ? $0 + 0x20 : $0 }
  }

  static func count(_ marker: String, in text: [UInt8], max: Int = .max) -> Int {
    let wanted = Array(marker.utf8)
    guard let first = wanted.first, text.count >= wanted.count else { return 0 }
    var found = 0
    var at = 0
    let last = text.count - wanted.count
    while at <= last, found < max {
      if text[at] == first, text[at..<at + wanted.count].elementsEqual(wanted) {
        found += 1
        at += wanted.count
      } else {
        at += 1
      }
    }
    return found
  }
}

extension V1.Step {
  /// What it said or got, as analysis reads it.
  var spoken: String {
    [input, output, error].filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// The environment acts, not an agent.
  var isEnvironment: Bool {
    switch kind {
    case .tool, .retrieval, .human, .embedding: true
    default: false
    }
  }
}
