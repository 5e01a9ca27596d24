import Foundation

/// A progress line on standard error: share done, rate and time left. Silent when that is not a terminal.
struct Progress {
  private let total: Int
  private let unit: String
  private let isShown: Bool
  private let started = ContinuousClock.now
  private var lastDrawn: ContinuousClock.Instant?

  init(total: Int, unit: String, isQuiet: Bool = false) {
    self.total = total
    self.unit = unit
    isShown = !isQuiet && Text.isTerminal(.standardError)
  }

  mutating func update(_ done: Int) {
    guard isShown else { return }
    let now = ContinuousClock.now
    if let lastDrawn, now - lastDrawn < .milliseconds(100), done < total { return }
    lastDrawn = now
    let seconds = max(0.001, (now - started) / .seconds(1))
    let rate = Double(done) / seconds
    let share = total > 0 ? Double(done) / Double(total) : 1
    let filled = Int(share * 30)
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    let left = rate > 0 ? Double(total - done) / rate : 0
    let line = String(
      format: "\r%@ %3.0f%%  %d/%d %@  %.0f/s  %@ left ", bar, share * 100, done, total, unit, rate,
      Self.clock(left))
    FileHandle.standardError.write(Data(line.utf8))
  }

  func finish() {
    if isShown { FileHandle.standardError.write(Data("\n".utf8)) }
  }

  private static func clock(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    return whole < 60 ? "\(whole)s" : "\(whole / 60)m\(whole % 60)s"
  }
}
