import CLociWire
package import NIOCore

/// Splits a byte stream into frames. Does no I/O and reads no clock; refuses before it allocates.
///
/// A header that declares more than 4 MiB is reported at once and its body is dropped as it arrives, without
/// being kept. A first byte other than 0 declares 16 MiB or more and means that the peer speaks another
/// protocol: there is nothing to skip to, so the connection must close.
package struct FrameDecoder: Sendable {
  package enum Failure: Error, Equatable {
    case notThisProtocol(firstByte: UInt8)
  }

  package enum Event: Sendable, Equatable {
    /// A whole frame. The payload shares storage with what was appended.
    case frame(FrameHeader, ByteBuffer)
    /// Declared longer than a frame may be; its body will be dropped.
    case oversized(FrameHeader)
  }

  private var buffer = ByteBuffer()
  /// Bytes of a dropped body that are still to come.
  private var discarding = 0

  package init() {}

  /// Bytes that wait for the rest of their frame, or for `next`.
  package var bufferedBytes: Int { buffer.readableBytes }

  /// Memory held for them.
  package var bufferCapacity: Int { buffer.storageCapacity }

  /// Whether a frame has begun and not ended.
  package var isInsideFrame: Bool { discarding > 0 || buffer.readableBytes > 0 }

  /// Takes what was read. Without a partial frame in hand this keeps `bytes` itself and copies nothing.
  package mutating func append(_ bytes: ByteBuffer) {
    guard buffer.readableBytes > 0 else {
      buffer = bytes
      return
    }
    let received = buffer.readableBytes + bytes.readableBytes
    if buffer.writableBytes < bytes.readableBytes || buffer.readerIndex > 0 {
      var next = ByteBuffer()
      next.reserveCapacity(capacity(received: received))
      next.writeImmutableBuffer(buffer)
      buffer = next
    }
    buffer.writeImmutableBuffer(bytes)
  }

  /// The next event, or `nil` until more bytes are appended. After a failure the decoder is of no more use.
  package mutating func next() throws(Failure) -> Event? {
    if discarding > 0 {
      let dropped = min(discarding, buffer.readableBytes)
      buffer.moveReaderIndex(forwardBy: dropped)
      discarding -= dropped
      guard discarding == 0 else {
        buffer = ByteBuffer()
        return nil
      }
    }
    guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else {
      // Lets the channel use its read buffer again.
      buffer = ByteBuffer()
      return nil
    }
    guard first == 0 else { throw .notThisProtocol(firstByte: first) }
    guard let header = peekHeader() else { return nil }
    if header.length > FrameLimits.payloadBytesMax {
      buffer.moveReaderIndex(forwardBy: FrameLimits.headerBytes)
      discarding = header.length
      return .oversized(header)
    }
    let frameBytes = FrameLimits.headerBytes + header.length
    guard buffer.readableBytes >= frameBytes,
      let payload = buffer.getSlice(at: buffer.readerIndex + FrameLimits.headerBytes, length: header.length)
    else { return nil }
    buffer.moveReaderIndex(forwardBy: frameBytes)
    return .frame(header, payload)
  }

  /// Gives up the partial frame in hand: what is kept of its body is freed and the rest will be dropped. Its
  /// header, or `nil` where not even that is complete.
  package mutating func dropPartialFrame() -> FrameHeader? {
    guard discarding == 0, let header = peekHeader() else { return nil }
    let kept = buffer.readableBytes - FrameLimits.headerBytes
    guard kept < header.length else { return nil }
    discarding = header.length - kept
    buffer = ByteBuffer()
    return header
  }

  private func peekHeader() -> FrameHeader? {
    guard buffer.readableBytes >= FrameLimits.headerBytes else { return nil }
    return unsafe buffer.withUnsafeReadableBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return unsafe FrameHeader(loci_frame_header_read(base.assumingMemoryBound(to: UInt8.self)))
    }
  }

  /// Room for `received` bytes and, once a fair part of a frame is here, for all of it: a peer that only
  /// declares a length gets no memory for it.
  private func capacity(received: Int) -> Int {
    let frameBytes =
      peekHeader().map { FrameLimits.headerBytes + min($0.length, FrameLimits.payloadBytesMax) } ?? 0
    return max(received, min(frameBytes, max(64 << 10, 4 * received)))
  }
}
