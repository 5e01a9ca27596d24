import LociProto
import Testing
import LociTestKit

/// Whatever arrives, the answer is a value or an error, in bounded time and memory.
struct HostileInputTests {
  private static func attempt<M: TestedMessage>(_: M.Type, _ bytes: [UInt8], _ arena: Arena) {
    bytes.withUnsafeBytes { raw in
      _ = try? M(decoding: raw, arena: arena)
      // What protobuf-c accepts a view can read, all of it.
      _ = try? M.withView(of: raw, arena: arena) { _ = M.rebuilt($0) }
    }
  }

  @Test(arguments: UInt64(1)...4)
  func everyTruncation(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let arena = Arena()
    func check<M: TestedMessage>(_: M.Type) {
      let bytes = M.arbitrary(&random).encoded()
      for length in 0...bytes.count { Self.attempt(M.self, Array(bytes[..<length]), arena) }
    }
    for type in everyMessage { check(type) }
  }

  @Test(arguments: UInt64(1)...4)
  func everyByteChanged(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let arena = Arena()
    func check<M: TestedMessage>(_: M.Type) {
      var bytes = M.arbitrary(&random).encoded()
      for index in bytes.indices {
        let before = bytes[index]
        for change in [UInt8(1), 0x08, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())] {
          bytes[index] = before ^ change
          Self.attempt(M.self, bytes, arena)
        }
        bytes[index] = before
      }
    }
    for type in everyMessage { check(type) }
  }

  @Test(arguments: UInt64(1)...20)
  func noise(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let arena = Arena()
    for type in everyMessage {
      let bytes = (0..<Int(random.next() % 64)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      func check<M: TestedMessage>(_: M.Type) { Self.attempt(M.self, bytes, arena) }
      check(type)
    }
  }

  /// Overlong forms, surrogates, numbers beyond Unicode, stray and missing continuation bytes.
  private static let notUTF8: [[UInt8]] = [
    [0xFF], [0x80], [0xC3], [0xC3, 0x28], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
    [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x99], Array("sixteen bytes ok".utf8) + [0xE8, 0xAF]
  ]

  @Test func everyTextFieldMustBeUTF8() {
    for type in everyMessage {
      let name = type.protoName.split(separator: ".").last ?? ""
      for (field, number) in type.textFields {
        for text in Self.notUTF8 {
          let bytes = Wire.field(number, text)
          #expect(throws: WireDecodingError.invalidUTF8(field: "\(name).\(field)")) {
            _ = try type.init(decoding: bytes)
          }
        }
      }
    }
  }

  @Test func textIsCheckedAtEveryDepth() {
    let message = Wire.field(3, [0xFF])
    #expect(throws: WireDecodingError.invalidUTF8(field: "MessageDraft.text")) {
      _ = try V1.AppendStreamRequest(decoding: Wire.field(1, Wire.field(3, message)))
    }
  }

  @Test func groupsAndFieldZeroAreMalformed() {
    for bytes: [UInt8] in [[0x0B, 0x0C], [0x7B, 0x7C], [0x00, 0x00], [0x07], [0x06, 0], [0x80], [0x0A, 0xFF]]
    {
      for type in everyMessage {
        #expect(throws: WireDecodingError.malformed(message: type.protoName), "\(bytes)") {
          _ = try type.init(decoding: bytes)
        }
      }
    }
  }

  /// 4 MiB of fields of two bytes each, of every kind that grows when decoded.
  @Test(arguments: [
    ("unknown fields", [UInt8]([0x78, 0x00])), ("empty ids", [0x0A, 0x00]), ("empty messages", [0x3A, 0x00])
  ])
  func amplificationIsCapped(kind: String, field: [UInt8]) {
    let bytes = Array(repeatElement(field, count: 2 << 20).joined())
    let limit = 8 * bytes.count + 256 << 10
    let arena = Arena()
    bytes.withUnsafeBytes { raw in
      _ = #expect(throws: WireDecodingError.tooLarge(message: "loci.v1.Filter", limit: limit), "\(kind)") {
        _ = try V1.Filter(decoding: raw, arena: arena)
      }
    }
    #expect(arena.used <= limit)
    // The arena serves the next message as if nothing had been.
    let page = V1.Page(size: 3, token: "next")
    page.encoded().withUnsafeBytes { raw in
      #expect((try? V1.Page(decoding: raw, arena: arena)) == page)
    }
  }

  @Test func theCapNeverPasses64Megabytes() {
    let bytes = [UInt8](repeating: 0, count: 9 << 20)
    #expect(throws: WireDecodingError.tooLarge(message: "loci.v1.EchoRequest", limit: 64 << 20)) {
      _ = try V1.EchoRequest(decoding: Array(repeatElement([0x78, 0x00], count: bytes.count / 2).joined()))
    }
  }

  /// The contract allows so many items; even the smallest of them must fit.
  @Test func whatTheContractAllowsFits() throws {
    let ids = V1.DeleteMessagesRequest(messageIDs: (0..<1000).map { String($0 % 10) })
    #expect(try V1.DeleteMessagesRequest(decoding: ids.encoded()) == ids)
    let drafts = V1.AppendRequest(messages: Array(repeating: V1.MessageDraft(role: .user), count: 1000))
    #expect(try V1.AppendRequest(decoding: drafts.encoded()) == drafts)
    let memories = V1.AddMemoriesRequest(memories: Array(repeating: V1.MemoryDraft(text: "m"), count: 1000))
    #expect(try V1.AddMemoriesRequest(decoding: memories.encoded()) == memories)
  }

  /// A request may be large for its embeddings and so carry many small attributes; the event made of it is small.
  @Test func whatWasAcceptedCanBeReadFromTheLog() throws {
    let attributes = (0..<64).map { V1.Attribute(key: "\($0)") }
    let draft = V1.MemoryDraft(
      text: "m", attributes: attributes, embedding: [Float](repeating: 1, count: 384))
    let request = V1.AddMemoriesRequest(memories: Array(repeating: draft, count: 1000))
    #expect(try V1.AddMemoriesRequest(decoding: request.encoded()) == request)
    let stored = attributes.map { LogV1.StoredAttribute(key: $0.key) }
    let memory = LogV1.AddedMemory(id: "1", text: "m", attributes: stored)
    let event = LogV1.Event(
      kind: .memoriesAdded(LogV1.MemoriesAdded(memories: Array(repeating: memory, count: 1000))))
    #expect(try LogV1.Event(decoding: event.encoded()) == event)
  }

  @Test func nestingEndsWithTheSchema() {
    var nest: [UInt8] = []
    for _ in 0..<10_000 { nest = Wire.field(1, nest) }
    for type in everyMessage { _ = try? type.init(decoding: nest) }
    // As an unknown field it is bytes, however deep.
    #expect((try? V1.EchoRequest(decoding: Wire.field(1000, nest))) == V1.EchoRequest())
  }

  @Test func aRepeatedSingularMessageIsMerged() throws {
    let first = Wire.field(1, V1.Scope(tenant: "a", agent: "b").encoded())
    let second = Wire.field(1, V1.Scope(tenant: "c", agent: "d").encoded())
    let request = try V1.AppendRequest(decoding: first + second)
    #expect(request.scope == V1.Scope(tenant: "c", agent: "d"))
  }

  @Test func theLastOfAOneofStands() throws {
    let bytes =
      Wire.field(4, LogV1.ContextCreated(id: "x").encoded())
      + Wire.field(7, LogV1.MessagesDeleted(ids: ["y"]).encoded())
    #expect(try LogV1.Event(decoding: bytes).kind == .messagesDeleted(LogV1.MessagesDeleted(ids: ["y"])))
  }

  @Test func unknownFieldsAreIgnored() throws {
    let page = V1.Page(size: 3, token: "t")
    let newer = page.encoded() + Wire.field(400, Array("later".utf8)) + [0xF8, 0x01, 0x07]
    #expect(try V1.Page(decoding: newer) == page)
  }
}

/// Fields as they lie on the wire.
enum Wire {
  static func varint(_ value: Int) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  /// A length-delimited field.
  static func field(_ number: Int, _ contents: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(contents.count) + contents
  }
}
