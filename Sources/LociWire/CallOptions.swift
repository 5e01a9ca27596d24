/// What one call asks of the transport.
public struct CallOptions: Sendable {
  /// From now until the call fails with `deadlineExceeded`, on both sides. `nil` leaves it to the server's
  /// default.
  public var timeout: Duration?
  public var metadata: Metadata
  /// Whether to wait, until the timeout, for a server that cannot be reached now; otherwise such a call fails
  /// with `unavailable`.
  public var waitsForServer: Bool

  public init(timeout: Duration? = nil, metadata: Metadata = .init(), waitsForServer: Bool = false) {
    self.timeout = timeout
    self.metadata = metadata
    self.waitsForServer = waitsForServer
  }
}
