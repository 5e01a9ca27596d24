import LociCore
package import LociProto

/// Which adjustments are in force for a unit of work. A function of the adjustments and the unit's name: the same unit
/// is always on the same side, and undoing an adjustment restores exactly what was before.
package enum Tuning {
  /// Share of units that go without an adopted adjustment, so that it can be seen to turn out worse.
  package static let controlShare = 0.1
  package static let trialShareDefault = 0.2
  /// Trials at once for each agent: each takes an attribute of an experience.
  package static let trialsMax = 8
  private static let attributePrefix = "trial."

  /// - Parameters:
  ///   - adjustments: all that are on trial or adopted, oldest first.
  ///   - unit: `nil` takes part in no trial, and has all that is adopted.
  package static func values(
    _ adjustments: [V1.Adjustment], unit: String?, kind: String
  ) -> V1.GetTuningResponse {
    var answer = V1.GetTuningResponse()
    var places: [String: Int] = [:]
    for adjustment in adjustments where adjustment.taskKind.isEmpty || adjustment.taskKind == kind {
      guard adjustment.state == .trial || adjustment.state == .adopted else { continue }
      if let unit {
        let isWith = applies(adjustment, to: unit)
        answer.attributes.append(
          V1.Attribute(key: attributePrefix + adjustment.id, value: isWith ? "with" : "without"))
        guard isWith else {
          answer.controlOf.append(adjustment.id)
          continue
        }
      } else if adjustment.state != .adopted {
        continue
      }
      let value = V1.TunedValue(
        kind: adjustment.kind, subject: adjustment.subject, value: adjustment.valueAfter,
        adjustmentID: adjustment.id, onTrial: adjustment.state == .trial)
      // The last of several for the same thing is in force.
      let key = "\(adjustment.kind.rawValue):\(adjustment.subject)"
      if let place = places[key] {
        answer.values[place] = value
      } else {
        places[key] = answer.values.count
        answer.values.append(value)
      }
    }
    return answer
  }

  /// Whoever tried it keeps it when it is adopted.
  static func applies(_ adjustment: V1.Adjustment, to unit: String) -> Bool {
    let place = StableHash.unit(adjustment.id, unit)
    return adjustment.state == .adopted ? place < 1 - controlShare : place < adjustment.trialShare
  }

  /// Whether an experience was with an adjustment; `nil`: it had no part in it.
  package static func side(of experience: V1.Experience, in adjustment: V1.Adjustment) -> Bool? {
    let key = attributePrefix + adjustment.id
    return experience.attributes.first { $0.key == key }.flatMap {
      $0.value == "with" ? true : $0.value == "without" ? false : nil
    }
  }
}
