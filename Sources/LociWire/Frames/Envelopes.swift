import CLociWire

/// A Request envelope read in place: valid as long as the bytes it was read from.
@safe struct RequestView {
  private let bytes: UnsafeRawBufferPointer
  private let raw: loci_wire_request

  /// - Throws: `invalidArgument` naming what is wrong.
  init(_ bytes: UnsafeRawBufferPointer) throws(RPCStatus) {
    var raw = loci_wire_request()
    let status = unsafe loci_wire_request_parse(bytes.octets, bytes.count, &raw)
    guard status == .ok else { throw .invalid("request envelope: \(status.problem)") }
    unsafe self.bytes = bytes
    self.raw = raw
  }

  var service: UnsafeRawBufferPointer { unsafe bytes.part(raw.service) }
  var method: UnsafeRawBufferPointer { unsafe bytes.part(raw.method) }
  var payload: UnsafeRawBufferPointer { unsafe bytes.part(raw.payload) }
  var timeoutNanoseconds: Int64 { raw.timeout_nano }

  /// - Throws: `invalidArgument` where a key or value is not UTF-8.
  func metadata() throws(RPCStatus) -> Metadata {
    var metadata = Metadata()
    guard raw.metadata_count > 0 else { return metadata }
    var cursor = 0
    var entry = loci_wire_entry()
    while unsafe loci_wire_metadata_next(bytes.octets, bytes.count, &cursor, &entry) {
      guard let key = unsafe bytes.part(entry.key).text, let value = unsafe bytes.part(entry.value).text
      else {
        throw .invalid("request metadata is not UTF-8")
      }
      metadata.add(value, for: key)
    }
    return metadata
  }
}

/// A Response envelope read in place.
@safe struct ResponseView {
  private let bytes: UnsafeRawBufferPointer
  private let raw: loci_wire_response

  init(_ bytes: UnsafeRawBufferPointer) throws(RPCStatus) {
    var raw = loci_wire_response()
    let status = unsafe loci_wire_response_parse(bytes.octets, bytes.count, &raw)
    guard status == .ok else {
      throw RPCStatus(code: .internalError, message: "response envelope: \(status.problem)")
    }
    unsafe self.bytes = bytes
    self.raw = raw
  }

  var payload: UnsafeRawBufferPointer { unsafe bytes.part(raw.payload) }

  /// `nil` for success.
  var failure: RPCStatus? {
    guard raw.code != 0 else { return nil }
    var status = RPCStatus(
      code: RPCStatus.Code(rawValue: raw.code) ?? .unknown,
      message: unsafe String(decoding: bytes.part(raw.message), as: UTF8.self))
    let statusBytes = unsafe bytes.part(raw.status)
    var cursor = 0
    var entry = loci_wire_entry()
    while unsafe loci_wire_detail_next(statusBytes.octets, statusBytes.count, &cursor, &entry) {
      status.details.append(
        RPCStatus.Detail(
          typeURL: unsafe String(decoding: statusBytes.part(entry.key), as: UTF8.self),
          value: unsafe Array(statusBytes.part(entry.value))))
    }
    return status
  }
}

extension UnsafeRawBufferPointer {
  var octets: UnsafePointer<UInt8>? { unsafe baseAddress?.assumingMemoryBound(to: UInt8.self) }

  /// `nil` where the bytes are not UTF-8.
  var text: String? { unsafe String(validating: self, as: UTF8.self) }

  fileprivate func part(_ span: loci_wire_span) -> UnsafeRawBufferPointer {
    let start = Int(span.offset)
    return unsafe UnsafeRawBufferPointer(rebasing: self[start..<start + Int(span.length)])
  }
}

extension loci_wire_status {
  var problem: String {
    switch self {
    case .ok: "ok"
    case .truncated: "ends inside a field"
    case .badVarint: "a number is too long"
    case .badTag: "bad field number"
    case .badWireType: "bad wire type"
    case .tooLarge: "too large"
    @unknown default: "unreadable"
    }
  }
}
