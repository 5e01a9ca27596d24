import CLociProto

/// A message of the contract: a value, with its protobuf form.
public protocol WireMessage: Sendable {
  /// "loci.v1.AppendRequest".
  static var protoName: String { get }

  init()

  /// Decodes by protobuf-c into `arena`, and copies from there. Resets the arena first.
  init(decoding bytes: UnsafeRawBufferPointer, arena: Arena) throws(WireDecodingError)

  /// Encodes. `reserve` is called once with the exact size, and says where so many bytes go. Resets the arena first.
  func encode(arena: Arena, reserve: (Int) -> UnsafeMutableRawPointer)
}

/// Why bytes are not the message they should be.
public enum WireDecodingError: Error, Equatable, Sendable {
  case malformed(message: String)
  /// "AppendRequest.context_id".
  case invalidUTF8(field: String)
  /// Decoding would take more memory than a message of this length may.
  case tooLarge(message: String, limit: Int)
}

extension WireMessage {
  public init(decoding bytes: [UInt8]) throws(WireDecodingError) {
    let arena = Arena()
    let result: Result<Self, WireDecodingError> = bytes.withUnsafeBytes { buffer in
      do throws(WireDecodingError) {
        return .success(try Self(decoding: buffer, arena: arena))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  public func encoded() -> [UInt8] { encoded(in: Arena()) }

  /// Encodes with the arena of the caller, for many messages in a row.
  public func encoded(in arena: Arena) -> [UInt8] {
    var block = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    encode(arena: arena) { size in
      block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, size), alignment: 1)
      block = UnsafeMutableRawBufferPointer(start: block.baseAddress, count: size)
      guard let start = block.baseAddress else { preconditionFailure("out of memory") }
      return start
    }
    defer { block.deallocate() }
    return [UInt8](block)
  }
}

/// What the generated code says of each message.
protocol CConvertible: WireMessage {
  associatedtype CStruct
  /// Whether only our own log holds such messages, and nobody sends them.
  static var isLogged: Bool { get }
  static var descriptor: UnsafePointer<ProtobufCMessageDescriptor> { get }
  init(c: UnsafePointer<CStruct>) throws(WireDecodingError)
  func lower(_ arena: Arena) -> UnsafeMutablePointer<CStruct>
}

extension CConvertible {
  public init(decoding bytes: UnsafeRawBufferPointer, arena: Arena) throws(WireDecodingError) {
    try self.init(c: Self.unpack(bytes, arena))
  }

  public func encode(arena: Arena, reserve: (Int) -> UnsafeMutableRawPointer) {
    arena.resetForEncoding()
    lower(arena).withMemoryRebound(to: ProtobufCMessage.self, capacity: 1) { message in
      let memory = reserve(protobuf_c_message_get_packed_size(message))
      _ = protobuf_c_message_pack(message, memory.assumingMemoryBound(to: UInt8.self))
    }
  }

  static func unpack(
    _ bytes: UnsafeRawBufferPointer, _ arena: Arena
  ) throws(WireDecodingError) -> UnsafePointer<CStruct> {
    if isLogged { arena.reset(forRecordOf: bytes.count) } else { arena.reset(forMessageOf: bytes.count) }
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard
      let message = protobuf_c_message_unpack(descriptor, arena.allocator, bytes.count, start)
    else {
      if arena.isExhausted { throw .tooLarge(message: protoName, limit: arena.limit) }
      throw .malformed(message: protoName)
    }
    return UnsafeRawPointer(message).assumingMemoryBound(to: CStruct.self)
  }
}
