package import LociProto

/// Steps as an OpenTelemetry `ExportTraceServiceRequest`.
package enum OTLPExport {
  /// - Parameter steps: of one trace, with their blobs filled in.
  package static func request(_ steps: [V1.Step]) -> [UInt8] {
    var request = ProtoWriter()
    request.message(1) { resource in
      resource.message(1) { $0.message(1) { attribute("service.name", "loci", &$0) } }
      resource.message(2) { scope in
        scope.message(1) { $0.text(1, "loci") }
        for step in steps { scope.message(2) { span(step, &$0) } }
      }
    }
    return request.bytes
  }

  private static func attribute(_ key: String, _ value: String, _ out: inout ProtoWriter) {
    out.text(1, key)
    out.message(2) { value.isEmpty ? $0.block(1, []) : $0.text(1, value) }
  }

  private static func span(_ step: V1.Step, _ out: inout ProtoWriter) {
    out.block(1, TraceKey(step.traceID)?.bytes ?? [])
    out.block(2, Hex.bytes(step.spanID) ?? [])
    if !step.parentSpanID.isEmpty { out.block(4, Hex.bytes(step.parentSpanID) ?? []) }
    out.text(5, step.name)
    out.number(6, step.kind == .llm || step.kind == .tool ? 3 : 1)
    out.fixed64(7, UInt64(step.startedAtUs) * 1_000)
    out.fixed64(8, UInt64(step.endedAtUs) * 1_000)
    for pair in OTLPConventions.attributes(of: step) {
      out.message(9) { attribute(pair.key, pair.value, &$0) }
    }
    for link in step.links where link.kind == .step {
      let parts = link.id.split(separator: "-")
      guard parts.count == 2, let trace = TraceKey(String(parts[0])), let id = Hex.bytes(String(parts[1]))
      else {
        continue
      }
      out.message(13) {
        $0.block(1, trace.bytes)
        $0.block(2, id)
      }
    }
    guard step.status != .unspecified else { return }
    out.message(15) {
      $0.text(2, step.error)
      $0.number(3, step.status == .error ? 2 : 1)
    }
  }

  /// An `ExportTraceServiceResponse`: all was taken, or so many spans were not.
  package static func response(rejected: Int) -> [UInt8] {
    var response = ProtoWriter()
    if rejected > 0 {
      response.message(1) {
        $0.number(1, UInt64(rejected))
        $0.text(2, "\(rejected) spans have no usable trace or span id")
      }
    }
    return response.bytes
  }

  /// A `google.rpc.Status`, as OTLP/HTTP has it in answers that refuse.
  package static func status(code: Int32, message: String) -> [UInt8] {
    var status = ProtoWriter()
    status.number(1, UInt64(clamping: code))
    status.text(2, message)
    return status.bytes
  }
}
