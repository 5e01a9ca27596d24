import Foundation
import LociProto

/// Columns under headings, as wide as what is in them.
struct Table {
  private var rows: [[String]]

  init(_ headings: String...) { rows = [headings] }

  mutating func add(_ cells: String...) { rows.append(cells) }

  /// Numbers, which begin with a digit or a sign, stand on the right.
  var text: String {
    guard rows.count > 1 else { return "" }
    let columns = rows[0].indices
    let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let isNumeric = columns.map { column in
      rows.dropFirst().allSatisfy { row in
        row[column].first.map { "0123456789-+.≤—".contains($0) } ?? true
      }
    }
    return rows.map { row in
      let cells = columns.map { column -> String in
        let fill = String(repeating: " ", count: widths[column] - row[column].count)
        return isNumeric[column] ? fill + row[column] : row[column] + fill
      }
      return cells.joined(separator: "  ").replacing(#/ +$/#, with: "")
    }.joined(separator: "\n")
  }
}

extension Text {
  static func number(_ value: Double, _ digits: Int = 2) -> String {
    value.isFinite ? String(format: "%.\(digits)f", value) : "—"
  }

  /// "0.62 (0.51–0.72)".
  static func estimate(_ estimate: V1.Estimate?) -> String {
    guard let estimate, estimate.samples > 0 else { return "—" }
    return "\(number(estimate.value)) (\(number(estimate.low))–\(number(estimate.high)))"
  }

  static func adjustmentState(_ state: V1.AdjustmentState) -> String {
    switch state {
    case .proposed: "proposed"
    case .trial: "trial"
    case .adopted: "adopted"
    case .rejected: "rejected"
    case .rolledBack: "rolled back"
    default: "?"
    }
  }

  static func adjustmentKind(_ kind: V1.AdjustmentKind) -> String {
    switch kind {
    case .answerLength: "answer length"
    case .verificationThreshold: "verification threshold"
    case .toolPreference: "preference"
    case .retrievalWeight: "retrieval weight"
    case .compressionRatio: "compression ratio"
    case .memoryWeight: "memory weight"
    default: "?"
    }
  }

  static func adjustment(_ one: V1.Adjustment) -> String {
    let subject = one.subject.isEmpty ? "" : " of \(one.subject)"
    return "\(adjustmentKind(one.kind))\(subject) \(number(one.valueBefore)) → \(number(one.valueAfter))"
  }
}
