import LociProto
import Testing
import LociTestKit

struct RoundTripTests {
  @Test(arguments: UInt64(1)...60)
  func everyMessageSurvives(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let arena = Arena()
    func check<M: TestedMessage>(_: M.Type) throws {
      let value = M.arbitrary(&random)
      let bytes = value.encoded()
      #expect(try M(decoding: bytes) == value, "\(M.protoName)")
      let (decoded, shown) = try bytes.withUnsafeBytes { raw in
        (try M(decoding: raw, arena: arena), try M.withView(of: raw, arena: arena, M.rebuilt))
      }
      #expect(decoded == value, "\(M.protoName) in a used arena")
      #expect(shown == value, "view of \(M.protoName)")
      var calls = 0
      var packed: [UInt8] = []
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
      defer { memory.deallocate() }
      value.encode(arena: arena) { size in
        calls += 1
        #expect(size == bytes.count)
        // At an odd address: nothing may rest on how the output lies.
        return memory.baseAddress! + 1
      }
      packed += memory[1...]
      #expect(packed == bytes && calls == 1)
    }
    for type in everyMessage { try check(type) }
  }

  @Test func namesAreTheContracts() {
    let names = everyMessage.map { $0.protoName }
    #expect(Set(names).count == names.count)
    #expect(names.contains("loci.v1.AppendRequest") && names.contains("loci.log.v1.Event"))
  }

  @Test func anEmptyMessageIsNoBytes() throws {
    for type in everyMessage { #expect(type.init().encoded().isEmpty, "\(type.protoName)") }
  }

  /// By hand, from the encoding's specification.
  @Test func bytesAreTheSpecifications() throws {
    let page = V1.Page(size: 150, token: "ab")
    #expect(page.encoded() == [0x08, 0x96, 0x01, 0x12, 0x02, 0x61, 0x62])
    let draft = V1.MemoryDraft(type: .semantic, importance: 0, embedding: [1, -2])
    // A given 0 is there; floats are packed, little-endian.
    #expect(
      draft.encoded() == [
        0x10, 0x03, 0x35, 0, 0, 0, 0, 0x52, 0x08, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0
      ])
    #expect(V1.Page(size: -1).encoded() == [0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x01])
  }

  @Test func absenceAndZeroDiffer() throws {
    var update = V1.UpdateMemoryRequest()
    #expect(try V1.UpdateMemoryRequest(decoding: update.encoded()).text == nil)
    update.text = ""
    update.type = .unspecified
    update.importance = 0
    update.expiresAtUs = 0
    update.attributes = V1.AttributeList()
    let again = try V1.UpdateMemoryRequest(decoding: update.encoded())
    #expect(again == update && again.text == "" && again.attributes == V1.AttributeList())
    #expect(try V1.AppendRequest(decoding: V1.AppendRequest().encoded()).scope == nil)
    let scoped = V1.AppendRequest(scope: V1.Scope())
    #expect(try V1.AppendRequest(decoding: scoped.encoded()).scope == V1.Scope())
  }

  @Test func numbersWithoutANameSurvive() throws {
    for number in [Int32.min, -5, 99, .max] {
      let draft = V1.MessageDraft(role: V1.Role(rawValue: number))
      #expect(try V1.MessageDraft(decoding: draft.encoded()).role.rawValue == number)
    }
    #expect("\(V1.Role.assistant) \(V1.Role(rawValue: 99))" == "assistant 99")
  }

  @Test func everyFloatKeepsItsBits() throws {
    let floats: [Float] = [.nan, -.nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude, .signalingNaN]
    let draft = try V1.MemoryDraft(decoding: V1.MemoryDraft(embedding: floats).encoded())
    #expect(draft.embedding.map(\.bitPattern) == floats.map(\.bitPattern))
  }

  @Test func aNulIsACharacter() throws {
    let draft = V1.MessageDraft(id: "\0", text: "a\0b\0")
    #expect(try V1.MessageDraft(decoding: draft.encoded()) == draft)
  }

  @Test func textOfManyMegabytes() throws {
    let text = String(repeating: "0123456789abcde语", count: 1 << 20)
    let draft = V1.MessageDraft(text: text)
    #expect(try V1.MessageDraft(decoding: draft.encoded()) == draft)
    let floats = V1.EncodeResponse(vectors: [Float](repeating: 0.25, count: 3 << 18))
    #expect(try V1.EncodeResponse(decoding: floats.encoded()) == floats)
  }
}
