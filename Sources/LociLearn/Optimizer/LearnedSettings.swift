package import GRDB
package import LociCore
import LociMemory
package import LociProto
package import LociRecall

/// The learned values that Loci's own parts take at a call: the one place where they are read. With nothing learned it
/// changes nothing.
package struct LearnedSettings: Sendable {
  private let values: [V1.TunedValue]

  package static func check(_ use: V1.TuningUnit?) throws(LociError) {
    guard let use else { return }
    try Validate.optionalName(use.unit, field: "tuning.unit")
    try Validate.optionalName(use.taskKind, field: "tuning.task_kind")
  }

  package init(_ use: V1.TuningUnit?, scopeRow: Int64, in db: Database) throws {
    let adjustments = try AdjustmentQueries.inForce(scopeRow: scopeRow, in: db)
    guard !adjustments.isEmpty else {
      values = []
      return
    }
    let unit = use?.unit ?? ""
    values = Tuning.values(adjustments, unit: unit.isEmpty ? nil : unit, kind: use?.taskKind ?? "").values
  }

  /// 0 to 1, above 0.
  package var compressionRatio: Double? {
    values.last { $0.kind == .compressionRatio && $0.value > 0 }?.value
  }

  /// A memory's weight is neutral at 0.5. What is no memory any more has none.
  package func search(scopeRow: Int64, in db: Database) throws -> SearchTuning {
    var tuning = SearchTuning()
    for value in values {
      switch value.kind {
      case .retrievalWeight:
        tuning.weights[value.subject] = Float(value.value)
        tuning.weightIDs.append(value.adjustmentID)
      case .memoryWeight:
        guard let item = try MemoryQueries.item(of: value.subject, scopeRow: scopeRow, in: db) else {
          continue
        }
        tuning.favour[item] = Float(value.value - 0.5)
        tuning.favourIDs.append(value.adjustmentID)
      default: break
      }
    }
    return tuning
  }
}
