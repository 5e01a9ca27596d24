import CLociProto

/// A bump allocator for one message at a time, reused from message to message. One for each event loop or thread:
/// it is not to be shared.
public final class Arena {
  /// What decoding one message may take, however long the message claims to be.
  static let decodingBytesMax = 64 << 20

  private let handle: OpaquePointer
  /// Bytes that the message being decoded may take.
  private(set) var limit = 0

  public init() {
    guard let handle = loci_arena_create() else { preconditionFailure("out of memory") }
    self.handle = handle
  }

  deinit { loci_arena_destroy(handle) }

  /// Forgets everything, and allows what decoding a message of `bytes` can honestly need. The cap stands between a
  /// hostile message and the memory: two-byte fields decode to sixty times their size.
  public func reset(forMessageOf bytes: Int) {
    limit = min(Self.decodingBytesMax, 8 * bytes + 256 << 10)
    loci_arena_reset(handle, limit)
  }

  /// The same for a record of our own log, which must decode whatever it holds: a request with large embeddings may
  /// carry more small attributes than the event made of it, without the embeddings, would be allowed.
  func reset(forRecordOf bytes: Int) {
    limit = 64 * bytes + 256 << 10
    loci_arena_reset(handle, limit)
  }

  /// Forgets everything; no limit. For encoding our own values.
  func resetForEncoding() { loci_arena_reset(handle, Int.max) }

  var isExhausted: Bool { loci_arena_is_exhausted(handle) }

  /// Bytes in use.
  package var used: Int { loci_arena_used(handle) }

  var allocator: UnsafeMutablePointer<ProtobufCAllocator> { loci_arena_allocator(handle) }

  // MARK: Building C structs

  func make<T>(_ type: T.Type) -> UnsafeMutablePointer<T> {
    allocate(MemoryLayout<T>.size).assumingMemoryBound(to: T.self)
  }

  private func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
    guard let memory = loci_arena_allocate(handle, bytes) else { preconditionFailure("out of memory") }
    return memory
  }

  func copy(_ text: String) -> ProtobufCBinaryData {
    var text = text
    return text.withUTF8 { copy(UnsafeRawBufferPointer($0)) }
  }

  func copy(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    bytes.withUnsafeBytes { copy($0) }
  }

  private func copy(_ bytes: UnsafeRawBufferPointer) -> ProtobufCBinaryData {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return ProtobufCBinaryData() }
    let memory = allocate(bytes.count)
    memory.copyMemory(from: source, byteCount: bytes.count)
    return ProtobufCBinaryData(len: bytes.count, data: memory.assumingMemoryBound(to: UInt8.self))
  }

  func copyElements<T: BitwiseCopyable>(_ elements: [T]) -> UnsafeMutablePointer<T> {
    let memory = allocate(elements.count * MemoryLayout<T>.stride).assumingMemoryBound(to: T.self)
    elements.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { memory.update(from: base, count: source.count) }
    }
    return memory
  }

  func map<S, T>(_ elements: [S], _ transform: (S) -> T) -> UnsafeMutablePointer<T> {
    let memory = allocate(elements.count * MemoryLayout<T>.stride).assumingMemoryBound(to: T.self)
    for (index, element) in elements.enumerated() {
      (memory + index).initialize(to: transform(element))
    }
    return memory
  }
}
