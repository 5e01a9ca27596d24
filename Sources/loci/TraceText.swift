import Foundation
import LociProto

extension Text {
  static func status(_ status: V1.TraceStatus) -> String {
    switch status {
    case .running: "running"
    case .ok: "ok"
    case .error: "error"
    default: "?"
    }
  }

  static func kind(_ kind: V1.StepKind) -> String { kind == .unspecified ? "span" : kind.description }

  /// 950 µs, 12.3 ms, 4.56 s, 3m05s.
  static func micros(_ microseconds: Int64) -> String {
    let value = Double(microseconds)
    switch abs(value) {
    case ..<1_000: return "\(microseconds) µs"
    case ..<1e6: return String(format: "%.1f ms", value / 1e3)
    case ..<60e6: return String(format: "%.2f s", value / 1e6)
    default:
      return "\(microseconds / 60_000_000)m\(String(format: "%02d", abs(microseconds) / 1_000_000 % 60))s"
    }
  }

  static func trace(_ trace: V1.Trace) -> String {
    let duration = trace.endedAtUs > trace.startedAtUs ? micros(trace.endedAtUs - trace.startedAtUs) : "-"
    let tokens = trace.inputTokens + trace.outputTokens
    let cost = trace.costNanoUsd == 0 ? "" : String(format: "  $%.4f", Double(trace.costNanoUsd) / 1e9)
    let error = trace.errors == 0 ? "" : "  \(trace.errors) errors: \(line(trace.error, 40))"
    return "\(trace.traceID)  \(time(trace.startedAtUs))  \(status(trace.status))  \(duration)  "
      + "\(trace.steps) steps\(tokens == 0 ? "" : "  \(tokens) tokens")\(cost)  \(line(trace.name, 40))\(error)"
  }

  static func step(_ step: V1.Step) -> String {
    let duration = step.endedAtUs == 0 ? "running" : micros(step.endedAtUs - step.startedAtUs)
    let error = step.status == .error ? "  ✗ \(line(step.error, 60))" : ""
    return "#\(step.number)  \(kind(step.kind))  \(line(step.name, 40))  \(duration)\(error)"
  }

  static func analysis(_ answer: V1.AnalyzeTraceResponse) -> [String] {
    var lines = answer.trace.map { [trace($0)] } ?? []
    lines.append(
      "critical path \(micros(answer.criticalPathUs)): "
        + answer.criticalPath.prefix(20).map { "#\($0)" }.joined(separator: " → "))
    lines.append("working \(micros(answer.workingUs)), waiting \(micros(answer.waitingUs))")
    for pattern in answer.patterns.prefix(30) {
      let steps = pattern.steps.prefix(8).map { "#\($0)" }.joined(separator: " ")
      lines.append("\(pattern.kind.description): \(pattern.detail)  \(steps)")
    }
    for group in answer.performance.prefix(15) {
      let usual = group.baselineCount == 0 ? "" : "  usually \(micros(group.baselineP50Us))"
      lines.append(
        "\(kind(group.kind)) \(line(group.name, 32)): \(group.count)×, \(group.errors) failed, p50 "
          + "\(micros(group.p50Us)), p95 \(micros(group.p95Us)), own \(micros(group.selfUs))\(usual)")
    }
    for anomaly in answer.anomalies.prefix(10) {
      lines.append(
        "slow: #\(anomaly.step) took \(micros(anomaly.durationUs)), usually \(micros(anomaly.usualUs))")
    }
    if let failure = answer.failure {
      lines.append(
        String(
          format: "failure: began at #%u (%@, %.0f %% of the suspicion), cause %@", failure.originStep,
          failure.actor, Double(failure.confidence) * 100, failure.cause.description))
      for evidence in failure.evidence { lines.append("  #\(evidence.step) \(evidence.detail)") }
      for suggestion in failure.suggestions { lines.append("  → \(suggestion)") }
      for past in failure.pastFailures {
        lines.append(
          String(format: "  like %@ (%.0f %% of the words)", past.traceID, Double(past.likeness) * 100))
        if !past.fixedInTraceID.isEmpty {
          lines.append("    fixed in \(past.fixedInTraceID): \(past.detail)")
        }
      }
    }
    return lines
  }
}

/// Steps as a tree on the left, and when each ran on the right.
struct Waterfall {
  let lines: [String]
  private static let treeWidth = 52
  private static let barWidth = 40

  init(_ steps: [V1.Step], texts: Bool) {
    let known = Set(steps.map(\.spanID))
    let children = Dictionary(
      grouping: steps.sorted { ($0.startedAtUs, $0.number) < ($1.startedAtUs, $1.number) }
    ) {
      known.contains($0.parentSpanID) ? $0.parentSpanID : ""
    }
    let from = steps.map(\.startedAtUs).min() ?? 0
    let until = max(from + 1, steps.map { max($0.endedAtUs, $0.startedAtUs) }.max() ?? 0)
    var lines: [String] = []
    var seen: Set<String> = []
    // Depth first, without recursion: a trace may be a long chain.
    var stack: [(step: V1.Step, indent: String, isLast: Bool, isRoot: Bool)] = []
    func push(_ parent: String, _ indent: String, isRoot: Bool) {
      let below = children[parent] ?? []
      for (place, step) in below.enumerated().reversed() {
        stack.append((step, indent, place == below.count - 1, isRoot))
      }
    }
    push("", "", isRoot: true)
    while let (step, indent, isLast, isRoot) = stack.popLast() {
      guard seen.insert(step.spanID).inserted else { continue }
      let branch = isRoot ? "" : indent + (isLast ? "└ " : "├ ")
      let label = "\(branch)#\(step.number) \(Text.kind(step.kind)) \(step.name)"
      let tree = Text.line(label, Self.treeWidth)
      let padded = tree + String(repeating: " ", count: max(0, Self.treeWidth - tree.count))
      let duration = step.endedAtUs == 0 ? "running" : Text.micros(step.endedAtUs - step.startedAtUs)
      let failed = step.status == .error ? "  ✗ \(Text.line(step.error, 60))" : ""
      lines.append("\(padded) \(Self.bar(step, from, until)) \(duration)\(failed)")
      let inner = isRoot ? "" : indent + (isLast ? "  " : "│ ")
      if texts {
        if !step.input.isEmpty { lines.append("\(inner)    in:  \(Text.line(step.input))") }
        if !step.output.isEmpty { lines.append("\(inner)    out: \(Text.line(step.output))") }
      }
      push(step.spanID, inner, isRoot: false)
    }
    self.lines = lines
  }

  private static func bar(_ step: V1.Step, _ from: Int64, _ until: Int64) -> String {
    let scale = Double(barWidth) / Double(until - from)
    let end = step.endedAtUs == 0 ? until : step.endedAtUs
    let start = min(barWidth - 1, Int(Double(step.startedAtUs - from) * scale))
    let width = max(1, min(barWidth - start, Int((Double(end - step.startedAtUs) * scale).rounded(.up))))
    return String(repeating: "·", count: start) + String(repeating: "█", count: width)
      + String(repeating: "·", count: barWidth - start - width)
  }
}
