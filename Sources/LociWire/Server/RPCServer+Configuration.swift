extension RPCServer {
  /// Where a server listens and what it allows. Every limit is on by default.
  package struct Configuration: Sendable {
    package struct TCPAddress: Sendable, Equatable {
      package var host: String
      /// 0 for any free port.
      package var port: Int

      package init(host: String, port: Int) {
        self.host = host
        self.port = port
      }
    }

    /// `nil` for no TCP.
    package var tcp: TCPAddress? = TCPAddress(host: "127.0.0.1", port: 0)
    /// `nil` for no Unix socket. A stale socket file is replaced, and removed at the end; only its owner may
    /// connect.
    package var unixSocketPath: String?
    /// For TCP; `nil` for none. A Unix socket never has it.
    package var tls: TLSFiles?
    package var eventLoops = 1

    package var connectionsMax = 4096
    package var connectionsPerAddressMax = 1024
    /// Handlers that run at once; more calls are answered `resourceExhausted`.
    package var callsPerConnectionMax = 256
    package var callsMax = 4096
    /// What the running calls' requests and a partial frame of one connection may hold before it is no longer
    /// read from.
    package var requestBytesPerConnectionMax = 32 << 20
    /// The same over all connections; beyond it requests are answered `resourceExhausted`.
    package var requestBytesMax = 512 << 20
    /// Answers that wait for one slow reader before its connection is closed.
    package var answerBytesPerConnectionMax = 64 << 20
    /// Unsent bytes at which a connection is no longer read from, nor streamed to, and at which it is again.
    package var unsentBytesHigh = 1 << 20
    package var unsentBytesLow = 64 << 10
    /// Messages that wait in one request stream before its connection is no longer read from.
    package var streamQueue = InboundQueue.Limits(messagesMax: 64, bytesMax: 1 << 20)
    /// Frames no correct client sends, each less one per good call, before the connection is closed.
    package var strikesMax = 32

    /// For unary calls without a timeout; `nil` for none.
    package var timeoutDefault: Duration? = .seconds(30)
    /// The longest that a unary call is given, whatever it asks for.
    package var timeoutMax: Duration = .seconds(300)
    /// From connecting to the first byte.
    package var firstByteTimeout: Duration = .seconds(10)
    /// For a frame that began to arrive; afterwards it must come at `frameBytesPerSecondMin`.
    package var frameTimeout: Duration = .seconds(30)
    package var frameBytesPerSecondMin = 16 << 10
    /// Without a call, before the connection is closed; `nil` for never.
    package var idleTimeout: Duration? = .seconds(900)
    /// For a peer that does not acknowledge what was sent (TCP_USER_TIMEOUT).
    package var unacknowledgedTimeout: Duration = .seconds(30)

    package init() {}

    package enum Problem: Error, Equatable {
      case nowhereToListen
      case outOfRange(setting: String, value: Int, min: Int)
    }

    package func validate() throws(Problem) {
      guard tcp != nil || unixSocketPath != nil else { throw .nowhereToListen }
      let minima: [(String, Int, Int)] = [
        ("eventLoops", eventLoops, 1),
        ("connectionsMax", connectionsMax, 1),
        ("connectionsPerAddressMax", connectionsPerAddressMax, 1),
        ("callsPerConnectionMax", callsPerConnectionMax, 1),
        ("callsMax", callsMax, 1),
        ("requestBytesPerConnectionMax", requestBytesPerConnectionMax, FrameLimits.payloadBytesMax),
        ("requestBytesMax", requestBytesMax, FrameLimits.payloadBytesMax),
        ("answerBytesPerConnectionMax", answerBytesPerConnectionMax, FrameLimits.payloadBytesMax),
        ("unsentBytesLow", unsentBytesLow, 1),
        ("unsentBytesHigh", unsentBytesHigh, unsentBytesLow),
        ("streamQueue.messagesMax", streamQueue.messagesMax, 1),
        ("streamQueue.bytesMax", streamQueue.bytesMax, 1),
        ("strikesMax", strikesMax, 0),
        ("frameBytesPerSecondMin", frameBytesPerSecondMin, 0)
      ]
      for (setting, value, min) in minima where value < min {
        throw .outOfRange(setting: setting, value: value, min: min)
      }
    }
  }
}
