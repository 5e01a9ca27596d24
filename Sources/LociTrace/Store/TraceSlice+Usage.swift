package import LociCore
package import LociProto
package import LociStore

extension TraceSlice {
  /// Audit records are not counted: they cannot be deleted, and a quota must not keep one from being written.
  package var counted: [CountedTable] {
    let scope = "(SELECT scope FROM traces WHERE row = @.trace)"
    return [
      CountedTable("traces", items: "@.steps", watched: ["steps"]),
      CountedTable("trace_blocks", scope: scope, bytes: ["spans", "columns", "texts"]),
      CountedTable("trace_completed", scope: scope, bytes: ["step"]),
      CountedTable("step_blobs", bytes: ["content"])
    ]
  }

  /// A blob that is stored already, and an earlier completion of a step, are not taken off.
  package func growth(
    _ event: LogV1.Event.Kind, scope: Scope, _ transaction: ProjectionTransaction
  ) throws -> StoredAmount {
    switch event {
    case .stepsWritten(let written):
      var growth = StoredAmount(items: 0, bytes: Self.bytes(written.blobs))
      for block in written.blocks {
        growth += StoredAmount(
          items: Int64(block.count), bytes: Int64(block.spans.count + block.columns.count + block.texts.count)
        )
      }
      return growth
    case .stepsCompleted(let completed):
      let steps = completed.steps.reduce(0) { $0 + $1.step.count }
      return StoredAmount(items: 0, bytes: Int64(steps) + Self.bytes(completed.blobs))
    default: return .zero
    }
  }

  private static func bytes(_ blobs: [LogV1.StoredBlob]) -> Int64 {
    Int64(blobs.reduce(0) { $0 + $1.content.count })
  }
}
