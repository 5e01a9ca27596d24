import CLociWire

extension OutputBatch {
  /// A Response with a status. What does not fit into a frame is cut: first the details, then the message.
  mutating func writeStatus(streamID: UInt32, _ status: RPCStatus) {
    let detailBytes = status.details.reduce(0) {
      $0 + loci_wire_detail_size($1.typeURL.utf8.count, $1.value.count)
    }
    let bytes = loci_wire_status_size(status.code.rawValue, status.message.utf8.count, detailBytes)
    guard bytes <= FrameLimits.payloadBytesMax else {
      let short = RPCStatus(code: status.code, message: String(status.message.prefix(1024)))
      return writeStatus(streamID: streamID, short)
    }
    var out = unsafe reserve(FrameLimits.headerBytes + bytes)
    let header = FrameHeader(length: bytes, streamID: streamID, kind: .response)
    unsafe loci_frame_header_write(header.raw, out)
    unsafe out += FrameLimits.headerBytes
    var message = status.message
    unsafe out = message.withUTF8 { text in
      unsafe loci_wire_status_write(out, status.code.rawValue, text.baseAddress, text.count, detailBytes)
    }
    for detail in status.details {
      var typeURL = detail.typeURL
      unsafe out = typeURL.withUTF8 { url in
        unsafe detail.value.withUnsafeBufferPointer { value in
          unsafe loci_wire_detail_write(out, url.baseAddress, url.count, value.baseAddress, value.count)
        }
      }
    }
  }
}
