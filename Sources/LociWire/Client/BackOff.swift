/// How long to wait before the next attempt to connect: grows by a factor with every failure, up to a limit,
/// and varies so that clients of a restarted server do not return all at once.
struct BackOff: Sendable {
  private let initial, longest: Duration
  private let factor = 1.6
  /// Of the delay, either way.
  private let jitter = 0.2
  private(set) var failures = 0

  init(initial: Duration, longest: Duration) {
    self.initial = initial
    self.longest = longest
  }

  mutating func succeeded() { failures = 0 }

  mutating func failed(using generator: inout some RandomNumberGenerator) -> Duration {
    var delay = min(initial, longest)
    for _ in 0..<failures where delay < longest { delay = min(longest, delay * factor) }
    failures += 1
    return delay * Double.random(in: 1 - jitter...1 + jitter, using: &generator)
  }
}
