import CLociWire
import Testing

/// The C envelope code: what it reads, what it refuses, and that it writes what it reads.
@Suite struct EnvelopeTests {
  struct Request: Equatable {
    var service = ""
    var method = ""
    var payload: [UInt8] = []
    var timeout: Int64 = 0
    var metadata: [[String]] = []
  }

  private func slice(_ bytes: [UInt8], _ span: loci_wire_span) -> [UInt8] {
    Array(bytes[Int(span.offset)..<Int(span.offset) + Int(span.length)])
  }

  private func text(_ bytes: [UInt8], _ span: loci_wire_span) -> String {
    String(decoding: slice(bytes, span), as: UTF8.self)
  }

  private func parse(_ bytes: [UInt8]) -> (status: loci_wire_status, request: Request) {
    var raw = loci_wire_request()
    let status = unsafe loci_wire_request_parse(bytes, bytes.count, &raw)
    guard status == .ok else { return (status, Request()) }
    var request = Request(
      service: text(bytes, raw.service), method: text(bytes, raw.method), payload: slice(bytes, raw.payload),
      timeout: raw.timeout_nano)
    var cursor = 0
    var entry = loci_wire_entry()
    while unsafe loci_wire_metadata_next(bytes, bytes.count, &cursor, &entry) {
      request.metadata.append([text(bytes, entry.key), text(bytes, entry.value)])
    }
    #expect(request.metadata.count == Int(raw.metadata_count))
    return (status, request)
  }

  private let whole: [UInt8] =
    field(1, "loci.Echo") + field(2, "Echo") + field(3, [9, 8, 7]) + [0x20] + varint(100_000_000)
    + field(5, field(1, "key") + field(2, "value")) + field(5, field(1, "key"))

  @Test func requestHasItsFields() {
    let expected = Request(
      service: "loci.Echo", method: "Echo", payload: [9, 8, 7], timeout: 100_000_000,
      metadata: [["key", "value"], ["key", ""]])
    #expect(parse(whole).request == expected)
    #expect(parse([]).request == Request())
  }

  /// A cut at a field's end is a shorter message; anywhere else it is refused.
  @Test func requestIsRefusedAtEachTruncation() {
    let fieldEnds: Set<Int> = [0, 11, 17, 22, 27, 41, 48]
    #expect(whole.count == 48)
    for length in 0...whole.count {
      let status = parse(Array(whole[..<length])).status
      #expect((status == .ok) == fieldEnds.contains(length), "cut at \(length)")
    }
  }

  @Test(arguments: [
    ("length beyond the end", [0x0a, 0x05, 0x61], loci_wire_status.truncated),
    ("length of 2^64 - 1", [0x0a] + [UInt8](repeating: 0xff, count: 9) + [0x01], .truncated),
    ("length varint of 10 bytes that never ends", [0x0a] + [UInt8](repeating: 0x80, count: 10), .badVarint),
    ("tag varint of 11 bytes", [UInt8](repeating: 0x80, count: 11), .badVarint),
    ("timeout over 64 bits", [0x20] + [UInt8](repeating: 0xff, count: 9) + [0x02], .badVarint),
    ("field number 0", [0x02, 0x00], .badTag),
    ("field number over 2^29 - 1", varint(1 << 32 | 2), .badTag),
    ("start of a group", [0x0b], .badWireType),
    ("end of a group", [0x0c], .badWireType),
    ("group in an unknown field", varint(100 << 3 | 3), .badWireType),
    ("wire type 6", [0x0e, 0x00], .badWireType),
    ("wire type 7", [0x0f, 0x00], .badWireType),
    ("service as a number", [0x08, 0x01], .badWireType),
    ("timeout as bytes", [0x22, 0x00], .badWireType),
    ("metadata entry that lies", field(5, [0x0a, 0x09, 0x61]), .truncated),
    ("metadata key as a number", field(5, [0x08, 0x01]), .badWireType),
    ("group inside a metadata entry", field(5, [0x0b]), .badWireType),
    ("unknown fixed64 cut short", [0x51, 1, 2, 3], .truncated),
    ("unknown fixed32 cut short", [0x55, 1, 2, 3], .truncated)
  ])
  func requestIsRefused(what: String, bytes: [UInt8], status: loci_wire_status) {
    #expect(parse(bytes).status == status)
  }

  @Test func unknownFieldsAreSkippedAndTheLastValueWins() {
    let bytes =
      [0x30, 0x07] + field(1, "first") + [0x51] + [UInt8](repeating: 0, count: 8) + field(1, "last")
      + [0x55, 0, 0, 0, 0] + field(15, [1, 2, 3]) + [0x20, 0x05, 0x20, 0x06]
    #expect(parse(bytes).request == Request(service: "last", timeout: 6))
  }

  @Test(arguments: [Int64(-1), 1, .max, .min])
  func timeoutKeepsItsSign(_ timeout: Int64) {
    #expect(parse([0x20] + varint(UInt64(bitPattern: timeout))).request.timeout == timeout)
  }

  @Test(arguments: [0, 1, 7, 8, 15, 16, 17, 31, 127, 128, 16383, 16384])
  func requestReadsBackAsWritten(size: Int) {
    let service = [UInt8](repeating: 0x73, count: size % 40)
    let method = [UInt8](repeating: 0x6d, count: size % 33)
    let payload = [UInt8](repeating: 7, count: size)
    let timeout = Int64(size) * 1_000_003
    let key = [UInt8](repeating: 0x6b, count: size % 200), value = [UInt8](repeating: 0x76, count: size)
    let head = loci_wire_request_head_size(service.count, method.count, size)
    let tail = loci_wire_timeout_size(timeout) + loci_wire_metadata_size(key.count, value.count)
    var bytes = [UInt8](repeating: 0xee, count: head + size + tail)
    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      let body = unsafe loci_wire_request_head_write(
        start, service, service.count, method, method.count, size)
      #expect(unsafe body == start + head)
      for index in 0..<size { unsafe body[index] = payload[index] }
      let afterTimeout = unsafe loci_wire_timeout_write(body + size, timeout)
      let end = unsafe loci_wire_metadata_write(afterTimeout, key, key.count, value, value.count)
      #expect(unsafe end == start + buffer.count)
    }
    let parsed = parse(bytes).request
    #expect(Array(parsed.service.utf8) == service)
    #expect(Array(parsed.method.utf8) == method)
    #expect(parsed.payload == payload)
    #expect(parsed.timeout == timeout)
    #expect(parsed.metadata.map { $0.map { Array($0.utf8) } } == [[key, value]])
  }

  // MARK: Responses

  struct Response: Equatable {
    var code: Int32 = 0
    var message = ""
    var payload: [UInt8] = []
    var details: [[String]] = []
  }

  private func parseResponse(_ bytes: [UInt8]) -> (status: loci_wire_status, response: Response) {
    var raw = loci_wire_response()
    let status = unsafe loci_wire_response_parse(bytes, bytes.count, &raw)
    guard status == .ok else { return (status, Response()) }
    var response = Response(
      code: raw.code, message: text(bytes, raw.message), payload: slice(bytes, raw.payload))
    let inner = slice(bytes, raw.status)
    var cursor = 0
    var entry = loci_wire_entry()
    while unsafe loci_wire_detail_next(inner, inner.count, &cursor, &entry) {
      response.details.append([text(inner, entry.key), text(inner, entry.value)])
    }
    #expect(response.details.count == Int(raw.details_count))
    return (status, response)
  }

  @Test func responseIsRefusedAtEachTruncation() {
    let bytes =
      field(1, [0x08, 5] + field(2, "no") + field(3, field(1, "url") + field(2, "v"))) + field(2, [1, 2])
    #expect(
      parseResponse(bytes).response
        == Response(code: 5, message: "no", payload: [1, 2], details: [["url", "v"]]))
    let statusEnd = bytes.count - 4
    for length in 0...bytes.count {
      let isWhole = [0, statusEnd, bytes.count].contains(length)
      #expect((parseResponse(Array(bytes[..<length])).status == .ok) == isWhole, "cut at \(length)")
    }
  }

  @Test(arguments: [
    ("status that lies", [0x0a, 0x05, 0x08], loci_wire_status.truncated),
    ("lie inside the status", field(1, [0x12, 0x05, 0x61]), .truncated),
    ("lie inside a detail", field(1, field(3, [0x0a, 0x05])), .truncated),
    ("code as bytes", field(1, [0x0a, 0x00]), .badWireType),
    ("payload as a number", [0x10, 0x00], .badWireType),
    ("group", [0x13], .badWireType)
  ])
  func responseIsRefused(what: String, bytes: [UInt8], status: loci_wire_status) {
    #expect(parseResponse(bytes).status == status)
  }

  @Test(arguments: [Int32(0), 1, 16, 127, 128, .max, -1, .min], [0, 1, 127, 128, 300])
  func statusReadsBackAsWritten(code: Int32, size: Int) {
    let message = [UInt8](repeating: 0x6d, count: size)
    let details = [(url: "", value: [UInt8]()), (url: "type.googleapis.com/x", value: message)]
    let detailBytes = details.reduce(0) { $0 + loci_wire_detail_size($1.url.utf8.count, $1.value.count) }
    var bytes = [UInt8](repeating: 0xee, count: loci_wire_status_size(code, size, detailBytes))
    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      var out = unsafe loci_wire_status_write(start, code, message, size, detailBytes)
      for detail in details {
        let url = Array(detail.url.utf8)
        unsafe out = loci_wire_detail_write(out, url, url.count, detail.value, detail.value.count)
      }
      #expect(unsafe out == start + buffer.count)
    }
    let parsed = parseResponse(bytes)
    #expect(parsed.status == .ok)
    #expect(parsed.response.code == code)
    #expect(Array(parsed.response.message.utf8) == message)
    #expect(
      parsed.response.details == [
        ["", ""], ["type.googleapis.com/x", String(decoding: message, as: UTF8.self)]
      ])
  }

  @Test func frameHeadersReadBackAsWritten() {
    let header = loci_frame_header(length: 0x0102_0304, stream_id: 0xfffe_fdfc, type: 0x10, flags: 0x05)
    var bytes = [UInt8](repeating: 0, count: Int(LOCI_FRAME_HEADER_BYTES))
    unsafe loci_frame_header_write(header, &bytes)
    #expect(bytes == [1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc, 0x10, 0x05])
    let read = unsafe loci_frame_header_read(bytes)
    #expect(read.length == header.length && read.stream_id == header.stream_id)
    #expect(read.type == header.type && read.flags == header.flags)
  }
}
