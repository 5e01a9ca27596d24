package import LociProto

/// Serves recorded outputs to an agent that runs again.
package enum RecordedRun {
  /// What the record has after `place` for a step of this kind, name and input.
  ///
  /// Only steps with an outcome that an agent asks for are compared: those without children. A step around others (an
  /// agent, a plan that wraps its parts) happens by itself when its parts do.
  package static func next(
    _ request: V1.NextRecordedRequest, in order: TraceOrder, reader: StepReader
  ) throws -> V1.NextRecordedResponse {
    var place = Int(request.afterPlace)
    while place < order.count {
      place += 1
      guard order.children[place - 1].isEmpty else { continue }
      let step = try reader.step(place, filled: true)
      var fields: [String] = []
      if step.kind != request.kind { fields.append("kind") }
      if step.name != request.name { fields.append("name") }
      if step.input != request.input { fields.append("input") }
      return V1.NextRecordedResponse(
        outcome: fields.isEmpty ? .recorded : .diverged, step: step, place: UInt32(place), fields: fields)
    }
    return V1.NextRecordedResponse(outcome: .ended, place: UInt32(order.count))
  }
}
