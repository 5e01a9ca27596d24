package import LociProto

/// Where a session is in its life: created → active ⇄ paused → completed, failed, cancelled or expired.
package enum SessionState: Int32, Sendable, CaseIterable {
  case created = 1, active, paused, completed, failed, cancelled, expired

  package init?(_ state: V1.SessionState) { self.init(rawValue: state.rawValue) }

  package var onWire: V1.SessionState { V1.SessionState(rawValue: rawValue) }

  /// Nothing follows it, except by a rollback.
  package var isFinal: Bool { self >= .completed }

  package func canBecome(_ next: SessionState) -> Bool {
    switch (self, next) {
    case (.created, .active), (.active, .paused), (.paused, .active): true
    // What never ran can be given up, but it has nothing to complete.
    case (.created, .failed), (.created, .cancelled), (.created, .expired): true
    case (.active, _), (.paused, _): next.isFinal
    default: false
    }
  }
}

extension SessionState: Comparable {
  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
