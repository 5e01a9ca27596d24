extension RPCClient {
  public struct Configuration: Sendable {
    public var connectTimeout: Duration = .seconds(5)
    /// Before the second attempt to connect; later ones wait longer, up to `backOffMax`.
    public var backOffInitial: Duration = .milliseconds(50)
    public var backOffMax: Duration = .seconds(5)
    /// For calls that name no timeout; `nil` for none.
    public var timeoutDefault: Duration?
    /// Calls in progress; one more fails with `resourceExhausted`.
    public var callsMax = 8192
    /// Messages and bytes that wait in one response stream before the connection is no longer read from.
    public var streamMessagesMax = 64
    public var streamBytesMax = 1 << 20
    /// Tells the server when an answer is no longer wanted, with a frame type that other servers ignore.
    public var sendsCancelFrames = true

    /// Over TCP; `nil` for none.
    public var tls: TLSFiles?
    /// Sent with each call that names none itself, e.g. "Bearer loci_…".
    public var authorization: String?

    public init() {}
  }
}
