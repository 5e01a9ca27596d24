import Foundation
import LociProto

/// A plain socket that can send anything.
final class RawConnection {
  struct Answer: Equatable {
    let streamID: UInt32
    let type: UInt8
    /// gRPC code; 0 when the response carries none.
    let code: Int
    /// `ErrorDetail.reason`, when there is one.
    let reason: String
    let payload: [UInt8]
  }

  enum Outcome: Equatable {
    case answer(Answer)
    case closed
    case silence
  }

  private let descriptor: CInt

  init(port: Int) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    precondition(result == 0, "cannot connect: errno \(errno)")
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }  // the server may close while we still send
      sent += count
    }
  }

  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// The next frame, the end of the connection, or nothing for `seconds`.
  func receive(seconds: Double = 5) -> Outcome {
    guard let header = read(10, seconds) else { return lastFailure }
    let length = header[0..<4].reduce(0) { $0 << 8 | Int($1) }
    let stream = header[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard let body = length == 0 ? [] : read(length, seconds) else { return lastFailure }
    let status = Status(response: body)
    return .answer(
      Answer(
        streamID: stream, type: header[8], code: status.code, reason: status.reason, payload: status.payload))
  }

  private var lastFailure: Outcome = .silence

  private func read(_ count: Int, _ seconds: Double) -> [UInt8]? {
    var bytes: [UInt8] = []
    let end = Date().addingTimeInterval(seconds)
    while bytes.count < count {
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let left = Int32(max(0, end.timeIntervalSinceNow) * 1_000)
      guard Glibc.poll(&poll, 1, left) > 0 else {
        lastFailure = .silence
        return nil
      }
      var buffer = [UInt8](repeating: 0, count: count - bytes.count)
      let received = recv(descriptor, &buffer, buffer.count, 0)
      guard received > 0 else {
        lastFailure = .closed
        return nil
      }
      bytes += buffer[0..<received]
    }
    return bytes
  }
}

/// What a ttrpc Response says: `Status{code 1, message 2, details 3 (Any)} = 1`, `payload = 2`.
private struct Status {
  var code = 0
  var reason = ""
  var payload: [UInt8] = []

  init(response: [UInt8]) {
    for field in Fields(response) {
      switch field.number {
      case 1:
        for part in Fields(field.bytes) {
          if part.number == 1 { code = Int(part.varint) }
          if part.number == 3, let value = Array(Fields(part.bytes)).first(where: { $0.number == 2 }) {
            reason = (try? V1.ErrorDetail(decoding: value.bytes).reason) ?? ""
          }
        }
      case 2: payload = field.bytes
      default: break
      }
    }
  }
}

/// Protobuf fields of well-formed bytes, varints and length-delimited ones.
private struct Fields: Sequence, IteratorProtocol {
  struct Field {
    let number: Int
    let varint: UInt64
    let bytes: [UInt8]
  }
  private var rest: ArraySlice<UInt8>
  init(_ bytes: [UInt8]) { rest = bytes[...] }

  mutating func next() -> Field? {
    guard !rest.isEmpty else { return nil }
    let tag = varint()
    if tag & 7 == 0 { return Field(number: Int(tag >> 3), varint: varint(), bytes: []) }
    let count = Int(varint())
    defer { rest = rest.dropFirst(count) }
    return Field(number: Int(tag >> 3), varint: 0, bytes: Array(rest.prefix(count)))
  }

  private mutating func varint() -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = rest.popFirst() {
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    return value
  }
}

/// Builders of frames and fields, right or wrong.
enum Bytes {
  static func varint(_ value: UInt64) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    while value >= 0x80 {
      bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    return bytes + [UInt8(value)]
  }

  static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(number << 3 | 2)) + varint(UInt64(bytes.count)) + bytes
  }

  static func field(_ number: Int, varint value: UInt64) -> [UInt8] {
    varint(UInt64(number << 3)) + varint(value)
  }

  static func big(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  static func frame(
    _ body: [UInt8], stream: UInt32 = 1, type: UInt8 = 1, flags: UInt8 = 0, length: UInt32? = nil
  ) -> [UInt8] {
    big(length ?? UInt32(body.count)) + big(stream) + [type, flags] + body
  }

  static func request(
    _ service: String, _ method: String, _ payload: [UInt8], timeoutNanoseconds: UInt64 = 0
  ) -> [UInt8] {
    field(1, Array(service.utf8)) + field(2, Array(method.utf8)) + field(3, payload)
      + (timeoutNanoseconds > 0 ? field(4, varint: timeoutNanoseconds) : [])
  }
}
