/// The caller's place in a trace, as W3C's `traceparent` header has it: "00-TRACE-SPAN-FLAGS".
package struct TraceParent: Sendable, Equatable {
  package let trace: TraceKey
  package let span: UInt64
  /// Whether the caller records the trace.
  package let isSampled: Bool

  /// `nil` for what W3C's Trace Context says to pass over. Versions after 00 may have more parts.
  package init?(_ header: String) {
    let parts = header.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, let version = Hex.bytes(String(parts[0])), version.count == 1, version[0] != 0xff,
      version[0] != 0 || parts.count == 4, let trace = TraceKey(String(parts[1])),
      let span = SpanKey.parse(String(parts[2])), span != 0,
      let flags = Hex.bytes(String(parts[3])), flags.count == 1
    else { return nil }
    self.trace = trace
    self.span = span
    isSampled = flags[0] & 1 == 1
  }
}
