import NIOCore
import NIOSSL
import NIOTLS

/// Notes the name in a client's certificate once the handshake is over, which is before its first byte.
final class PeerCertificate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private static let scheme = "loci:"
  private let identity: ConnectionIdentity

  init(_ identity: ConnectionIdentity) { self.identity = identity }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent {
      let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
      identity.certificateName = certificate.flatMap(Self.name)
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  private static func name(_ certificate: NIOSSLCertificate) -> String? {
    for name in certificate._subjectAlternativeNames() where name.nameType == .uri {
      let text = String(decoding: Array(name.contents), as: UTF8.self)
      if text.hasPrefix(scheme) { return text }
    }
    return nil
  }
}
