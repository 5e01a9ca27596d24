import CLociWire

/// What every ttrpc frame is bound by.
package enum FrameLimits {
  package static let headerBytes = Int(LOCI_FRAME_HEADER_BYTES)
  /// The most any peer may send after a header, and the most we ever send: 4 MiB.
  package static let payloadBytesMax = 4 << 20
}

/// `u32 length | u32 stream id | u8 type | u8 flags`, big-endian.
package struct FrameHeader: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    case request, response, data
    /// Ours: the caller no longer wants the answer. Other servers ignore it as they do any unknown type.
    case cancel
    /// To be ignored: later versions of the protocol may add types.
    case unknown(UInt8)
  }

  package struct Flags: OptionSet, Sendable, Equatable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The sender sends nothing more on this stream.
    package static let remoteClosed = Flags(rawValue: 1)
    /// Data frames follow this request.
    package static let remoteOpen = Flags(rawValue: 2)
    /// The frame carries no message, not even an empty one.
    package static let noData = Flags(rawValue: 4)
    package static let closing: Flags = [.remoteClosed, .noData]
  }

  package var length: Int
  package var streamID: UInt32
  package var kind: Kind
  package var flags: Flags

  package init(length: Int, streamID: UInt32, kind: Kind, flags: Flags = []) {
    self.length = length
    self.streamID = streamID
    self.kind = kind
    self.flags = flags
  }

  init(_ raw: loci_frame_header) {
    length = Int(raw.length)
    streamID = raw.stream_id
    flags = Flags(rawValue: raw.flags)
    kind =
      switch raw.type {
      case 0x01: .request
      case 0x02: .response
      case 0x03: .data
      case 0x10: .cancel
      default: .unknown(raw.type)
      }
  }

  var raw: loci_frame_header {
    let type: UInt8 =
      switch kind {
      case .request: 0x01
      case .response: 0x02
      case .data: 0x03
      case .cancel: 0x10
      case .unknown(let type): type
      }
    return loci_frame_header(
      length: UInt32(length), stream_id: streamID, type: type, flags: flags.rawValue)
  }
}
