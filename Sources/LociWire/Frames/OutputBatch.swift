import CLociWire
import LociProto
import NIOCore

/// Frames on their way out, in order, collected so that many leave in one write. Messages are encoded straight
/// into the memory that is written.
struct OutputBatch {
  private static let chunkBytes = 16 << 10

  private var current = ByteBuffer()
  /// Filled before `current`.
  private var filled: [ByteBuffer] = []
  private var filledBytes = 0

  var readableBytes: Int { filledBytes + current.readableBytes }
  var isEmpty: Bool { readableBytes == 0 }

  /// Hands every buffer to `write`, in order, and is empty afterwards.
  mutating func drain(_ write: (ByteBuffer) -> Void) {
    for buffer in filled { write(buffer) }
    filled.removeAll(keepingCapacity: true)
    filledBytes = 0
    guard current.readableBytes > 0 else { return }
    write(current)
    // Takes the same memory again where the write is already done with it.
    current.clear()
  }

  mutating func removeAll() { drain { _ in } }

  mutating func writeFrame(_ header: FrameHeader) {
    unsafe loci_frame_header_write(header.raw, reserve(FrameLimits.headerBytes))
  }

  /// The last frame of a stream: an empty Data frame, the only closing that every client understands.
  mutating func writeClosing(streamID: UInt32) {
    writeFrame(FrameHeader(length: 0, streamID: streamID, kind: .data, flags: .closing))
  }

  /// A Response with a payload. Gives the payload's size where it does not fit into a frame; nothing is
  /// written then.
  mutating func writeResponse(streamID: UInt32, _ message: some WireMessage, arena: Arena) -> Excess? {
    unsafe encode(message, arena: arena) { size in
      let headBytes = loci_wire_response_head_size(size)
      return Layout(kind: .response, streamID: streamID, headBytes: headBytes, tailBytes: 0)
    } head: { out, size in
      _ = unsafe loci_wire_response_head_write(out, size)
    } tail: { _ in
    }
  }

  /// A Data frame. Gives the message's size where it does not fit into a frame; nothing is written then.
  mutating func writeData(streamID: UInt32, _ message: some WireMessage, arena: Arena) -> Excess? {
    unsafe encode(message, arena: arena) { _ in
      Layout(kind: .data, streamID: streamID, headBytes: 0, tailBytes: 0)
    } head: { _, _ in
    } tail: { _ in
    }
  }

  struct Excess: Equatable { var bytes: Int }

  struct Layout {
    var kind: FrameHeader.Kind
    var flags: FrameHeader.Flags = []
    var streamID: UInt32
    /// Of the envelope, before and after the message's own.
    var headBytes, tailBytes: Int
  }

  /// One frame: header, head, the message's bytes, tail.
  mutating func encode(
    _ message: some WireMessage, arena: Arena, layout: (_ size: Int) -> Layout,
    head: (_ out: UnsafeMutablePointer<UInt8>, _ size: Int) -> Void,
    tail: (_ out: UnsafeMutablePointer<UInt8>) -> Void
  ) -> Excess? {
    var excess: Excess?
    // Where a message that does not fit is encoded to, since it must go somewhere.
    var scratch: UnsafeMutableRawPointer?
    unsafe message.encode(arena: arena) { size in
      let layout = layout(size)
      let length = layout.headBytes + size + layout.tailBytes
      guard length <= FrameLimits.payloadBytesMax else {
        excess = Excess(bytes: size)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe scratch = memory
        return unsafe memory
      }
      let header = FrameHeader(
        length: length, streamID: layout.streamID, kind: layout.kind, flags: layout.flags)
      let out = unsafe reserve(FrameLimits.headerBytes + length)
      unsafe loci_frame_header_write(header.raw, out)
      unsafe head(out + FrameLimits.headerBytes, size)
      let body = unsafe out + FrameLimits.headerBytes + layout.headBytes
      unsafe tail(body + size)
      return UnsafeMutableRawPointer(body)
    }
    unsafe scratch?.deallocate()
    return excess
  }

  /// The next `count` bytes of the output, to be filled before anything else is called.
  mutating func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    if current.writableBytes < count {
      if current.readableBytes > 0 {
        filled.append(current)
        filledBytes += current.readableBytes
      }
      current = ByteBuffer()
      current.reserveCapacity(max(count, Self.chunkBytes))
    }
    // The pointer outlives its closure, but not the next mutation: `current` is the only owner of this memory
    // and does not move it until then.
    let start = unsafe current.withUnsafeMutableWritableBytes { bytes in
      unsafe bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
    }
    current.moveWriterIndex(forwardBy: count)
    return unsafe start
  }
}
