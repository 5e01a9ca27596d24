import LociWire

/// A frame as bytes.
func frame(
  _ type: UInt8, _ streamID: UInt32, flags: UInt8 = 0, _ payload: [UInt8] = [], length: UInt32? = nil
) -> [UInt8] {
  bigEndian(length ?? UInt32(payload.count)) + bigEndian(streamID) + [type, flags] + payload
}

func bigEndian(_ value: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
}

func varint(_ value: UInt64) -> [UInt8] {
  var (value, bytes) = (value, [UInt8]())
  while value >= 0x80 {
    bytes.append(UInt8(value & 0x7f) | 0x80)
    value >>= 7
  }
  return bytes + [UInt8(value)]
}

/// A length-delimited field.
func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
  [number << 3 | 2] + varint(UInt64(bytes.count)) + bytes
}

func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

/// A Request envelope to the echo service.
func envelope(
  _ method: String, _ payload: [UInt8] = [], service: String = "loci.Echo", timeoutNanoseconds: Int64 = 0
) -> [UInt8] {
  field(1, service) + field(2, method) + (payload.isEmpty ? [] : field(3, payload))
    + (timeoutNanoseconds == 0 ? [] : [0x20] + varint(UInt64(bitPattern: timeoutNanoseconds)))
}

/// A whole unary request.
func request(_ method: String, _ text: String = "hi", streamID: UInt32 = 1, flags: UInt8 = 0) -> [UInt8] {
  frame(1, streamID, flags: flags, envelope(method, text.isEmpty ? [] : field(1, text)))
}

func hex(_ text: some StringProtocol) -> [UInt8] {
  var bytes: [UInt8] = []
  var high: UInt8?
  for digit in text.compactMap({ $0.hexDigitValue }) {
    if let top = high {
      bytes.append(top << 4 | UInt8(digit))
      high = nil
    } else {
      high = UInt8(digit)
    }
  }
  return bytes
}

/// The gRPC code that a Response's payload carries.
func code(of response: [UInt8]) -> RPCStatus.Code? {
  guard response.first == 0x0a else { return .ok }
  // Behind the status's tag and length, whose last byte has no high bit.
  let status = response.dropFirst().drop { $0 >= 0x80 }.dropFirst()
  guard status.count > 1, status.first == 0x08 else { return nil }
  return status.dropFirst().first.flatMap { RPCStatus.Code(rawValue: Int32($0)) }
}
