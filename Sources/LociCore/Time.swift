/// Microseconds since the Unix epoch, UTC.
public struct Timestamp: Hashable, Sendable, Comparable {
  public let microseconds: Int64
  public init(microseconds: Int64) { self.microseconds = microseconds }
  public static func < (a: Self, b: Self) -> Bool { a.microseconds < b.microseconds }
}

/// Where new events get their time. Applying an event never reads it: the time is inside the event.
public protocol WallClock: Sendable {
  func now() -> Timestamp
}
