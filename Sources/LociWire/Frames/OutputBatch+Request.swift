import CLociWire
import LociProto

/// What a Request frame says besides its payload.
struct RequestHead: Sendable {
  var service: String
  var method: String
  /// Relative; 0 for none.
  var timeoutNanoseconds: Int64 = 0
  var metadata = Metadata()
  var flags: FrameHeader.Flags = []
}

extension OutputBatch {
  /// A Request with `message` as its payload. Gives the message's size where the frame would be too large;
  /// nothing is written then.
  mutating func writeRequest(
    streamID: UInt32, _ head: RequestHead, _ message: some WireMessage, arena: Arena
  ) -> Excess? {
    var (service, method) = (head.service, head.method)
    let tailBytes = Self.tailBytes(head)
    return service.withUTF8 { service in
      method.withUTF8 { method in
        unsafe encode(message, arena: arena) { size in
          Layout(
            kind: .request, flags: head.flags, streamID: streamID,
            headBytes: loci_wire_request_head_size(service.count, method.count, size), tailBytes: tailBytes)
        } head: { out, size in
          _ = unsafe loci_wire_request_head_write(
            out, service.baseAddress, service.count, method.baseAddress, method.count, size)
        } tail: { out in
          unsafe Self.writeTail(head, out)
        }
      }
    }
  }

  private static func tailBytes(_ head: RequestHead) -> Int {
    head.metadata.entries.reduce(loci_wire_timeout_size(head.timeoutNanoseconds)) {
      $0 + loci_wire_metadata_size($1.key.utf8.count, $1.value.utf8.count)
    }
  }

  private static func writeTail(_ head: RequestHead, _ out: UnsafeMutablePointer<UInt8>) {
    var out = unsafe loci_wire_timeout_write(out, head.timeoutNanoseconds)
    for entry in head.metadata.entries {
      var (key, value) = (entry.key, entry.value)
      unsafe out = key.withUTF8 { key in
        value.withUTF8 { value in
          unsafe loci_wire_metadata_write(out, key.baseAddress, key.count, value.baseAddress, value.count)
        }
      }
    }
  }
}
