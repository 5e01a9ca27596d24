import LociWire
import NIOCore
import Testing
import LociTestKit

/// Every way to cut a stream of frames into reads gives the same frames.
@Suite struct FrameDecoderTests {
  private func decode(_ chunks: [[UInt8]]) throws -> [FrameDecoder.Event] {
    var decoder = FrameDecoder()
    var events: [FrameDecoder.Event] = []
    for chunk in chunks {
      decoder.append(ByteBuffer(bytes: chunk))
      while let event = try decoder.next() { events.append(event) }
    }
    #expect(!decoder.isInsideFrame)
    #expect(decoder.bufferedBytes == 0)
    return events
  }

  private static let tooLong = FrameLimits.payloadBytesMax + 1

  private let stream: [UInt8] =
    frame(1, 1, [1, 2, 3]) + frame(3, 1, flags: 5) + frame(0x77, 0xffff_ffff, [9])
    + frame(2, 4, flags: 0xff, [4, 4])

  private let expected: [FrameDecoder.Event] = [
    .frame(FrameHeader(length: 3, streamID: 1, kind: .request), ByteBuffer(bytes: [1, 2, 3])),
    .frame(FrameHeader(length: 0, streamID: 1, kind: .data, flags: .closing), ByteBuffer()),
    .frame(FrameHeader(length: 1, streamID: 0xffff_ffff, kind: .unknown(0x77)), ByteBuffer(bytes: [9])),
    .frame(
      FrameHeader(length: 2, streamID: 4, kind: .response, flags: .init(rawValue: 0xff)),
      ByteBuffer(bytes: [4, 4]))
  ]

  @Test func wholeAndByteByByte() throws {
    #expect(try decode([stream]) == expected)
    #expect(try decode(stream.map { [$0] }) == expected)
  }

  @Test func everyPairOfCuts() throws {
    for first in 0...stream.count {
      for second in first...stream.count {
        let chunks = [Array(stream[..<first]), Array(stream[first..<second]), Array(stream[second...])]
        #expect(try decode(chunks) == expected, "cut at \(first) and \(second)")
      }
    }
  }

  @Test(arguments: [1, 7, 4096, 65536, 1 << 20])
  func largestFrameInChunksOf(size: Int) throws {
    let payload = (0..<FrameLimits.payloadBytesMax / (size == 1 ? 64 : 1)).map {
      UInt8(truncatingIfNeeded: $0 &* 31)
    }
    let bytes = frame(1, 3, payload) + frame(1, 5, [1])
    var decoder = FrameDecoder()
    var frames: [FrameDecoder.Event] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      decoder.append(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + size)]))
      while let event = try decoder.next() { frames.append(event) }
    }
    #expect(
      frames == [
        .frame(FrameHeader(length: payload.count, streamID: 3, kind: .request), ByteBuffer(bytes: payload)),
        .frame(FrameHeader(length: 1, streamID: 5, kind: .request), ByteBuffer(bytes: [1]))
      ])
  }

  /// Reported as soon as its header is here, dropped without being kept, and the frame after it is found.
  @Test(arguments: [1, 1000, 65536])
  func oversizedBodyIsDropped(chunk: Int) throws {
    let body = [UInt8](repeating: 0xff, count: Self.tooLong)
    let bytes = frame(1, 7, length: UInt32(Self.tooLong)) + (chunk == 1 ? [] : body)
    var decoder = FrameDecoder()
    var events: [FrameDecoder.Event] = []
    for start in stride(from: 0, to: bytes.count, by: chunk) {
      decoder.append(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + chunk)]))
      while let event = try decoder.next() { events.append(event) }
      #expect(decoder.bufferedBytes < 10)
    }
    let oversized = FrameDecoder.Event.oversized(
      FrameHeader(length: Self.tooLong, streamID: 7, kind: .request))
    #expect(events == [oversized])
    #expect(decoder.isInsideFrame == (chunk == 1))
    if chunk == 1 { decoder.append(ByteBuffer(bytes: body)) }
    decoder.append(ByteBuffer(bytes: frame(1, 9)))
    #expect(
      try decoder.next() == .frame(FrameHeader(length: 0, streamID: 9, kind: .request), ByteBuffer()))
  }

  @Test(arguments: UInt8(1)...UInt8(255))
  func firstByteOtherThanZeroIsNotThisProtocol(byte: UInt8) {
    var decoder = FrameDecoder()
    decoder.append(ByteBuffer(bytes: [byte]))
    #expect(throws: FrameDecoder.Failure.notThisProtocol(firstByte: byte)) { try decoder.next() }
  }

  @Test func aDeclaredLengthAloneGetsNoMemory() throws {
    var decoder = FrameDecoder()
    decoder.append(ByteBuffer(bytes: frame(1, 1, length: UInt32(FrameLimits.payloadBytesMax))))
    #expect(try decoder.next() == nil)
    decoder.append(ByteBuffer(bytes: [1]))
    #expect(decoder.bufferCapacity <= 64 << 10)
  }

  @Test func aPartialFrameCanBeGivenUp() throws {
    var decoder = FrameDecoder()
    #expect(decoder.dropPartialFrame() == nil)
    let bytes = frame(1, 11, [UInt8](repeating: 1, count: 100)) + frame(1, 13)
    decoder.append(ByteBuffer(bytes: bytes[..<50]))
    #expect(try decoder.next() == nil)
    #expect(decoder.dropPartialFrame() == FrameHeader(length: 100, streamID: 11, kind: .request))
    #expect(decoder.bufferedBytes == 0)
    #expect(decoder.isInsideFrame)
    #expect(decoder.dropPartialFrame() == nil)
    decoder.append(ByteBuffer(bytes: bytes[50...]))
    #expect(
      try decoder.next() == .frame(FrameHeader(length: 0, streamID: 13, kind: .request), ByteBuffer()))
  }

  @Test(arguments: UInt64(1)...8)
  func randomFramesInRandomChunks(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var bytes: [UInt8] = []
    var expected: [FrameDecoder.Event] = []
    for _ in 0..<60 {
      let payload = (0..<Int.random(in: 0..<300, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      let id = UInt32.random(in: 0...UInt32.max, using: &random)
      bytes += frame(3, id, payload)
      expected.append(
        .frame(FrameHeader(length: payload.count, streamID: id, kind: .data), ByteBuffer(bytes: payload)))
    }
    var chunks: [[UInt8]] = []
    while !bytes.isEmpty {
      let size = min(bytes.count, Int.random(in: 0...700, using: &random))
      chunks.append(Array(bytes[..<size]))
      bytes.removeFirst(size)
    }
    #expect(try decode(chunks) == expected)
  }
}
