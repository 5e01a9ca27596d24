import CLibFuzzer
import LociProto
import Logging
import NIOCore
import NIOEmbedded
import Synchronization

@testable import LociWire

/// The name that the package manager gives the entry point.
@_cdecl("FuzzConnection_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
  var (count, arguments) = (count, arguments)
  return LLVMFuzzerRunDriver(&count, &arguments, fuzzConnection)
}

/// A whole server connection, without a socket: whatever the bytes, every answer is a well-formed frame, no call
/// is answered twice, and nothing is left behind.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConnection(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  guard let cut = input.first else { return 0 }
  do {
    try converse(Array(input.dropFirst()), chunk: cut == 0 ? max(1, count) : Int(cut))
  } catch {
    preconditionFailure("\(error)")
  }
  return 0
}

private let table = ServiceTable([
  ServiceDescription(
    name: "s",
    methods: [
      .inline("i") { (blob: Blob, _) in blob },
      .unary("u") { (blob: Blob, _) async in blob },
      .serverStreaming("v") { (blob: Blob, _, responses: ResponseStream<Blob>) in
        for _ in 0..<3 { try await responses.send(blob) }
      },
      .clientStreaming("c") { (requests: RequestStream<Blob>, _) in
        var last = Blob()
        for try await request in requests { last = request }
        return last
      },
      .bidirectional("b") { (requests: RequestStream<Blob>, _, responses: ResponseStream<Blob>) in
        for try await request in requests { try await responses.send(request) }
      }
    ])
])

private let core: ServerCore = {
  var configuration = RPCServer.Configuration()
  configuration.callsPerConnectionMax = 8
  configuration.streamQueue = .init(messagesMax: 4, bytesMax: 256)
  return ServerCore(
    table: table, configuration: configuration,
    logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
  ) { _ in RPCStatus(code: .internalError, message: "") }
}()

private func converse(_ bytes: [UInt8], chunk: Int) throws {
  let channel = EmbeddedChannel()
  let connection = ServerConnection(
    core: core, loop: LoopResources(eventLoop: channel.eventLoop),
    identity: ConnectionIdentity(id: 1, remoteAddress: "fuzz", isUnixSocket: false))
  try channel.pipeline.syncOperations.addHandler(connection)
  channel.connect(to: try SocketAddress(unixDomainSocketPath: "/fuzz"), promise: nil)
  var answers: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: chunk) where channel.isActive {
    try channel.writeInbound(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + chunk)]))
    try collect(channel, &answers)
  }
  channel.embeddedEventLoop.advanceTime(by: .seconds(400))
  try collect(channel, &answers)
  _ = try? channel.finish(acceptAlreadyClosed: true)
  channel.embeddedEventLoop.run()
  try collect(channel, &answers)
  try check(answers)
  precondition(core.counters.runningHandlers.load(ordering: .relaxed) == 0, "a handler is left running")
  precondition(core.budget.bytes == 0, "\(core.budget.bytes) bytes are held by nobody")
}

private func collect(_ channel: EmbeddedChannel, _ answers: inout [UInt8]) throws {
  channel.embeddedEventLoop.run()
  while let buffer = try channel.readOutbound(as: ByteBuffer.self) { answers += buffer.readableBytesView }
}

private func check(_ answers: [UInt8]) throws {
  var decoder = FrameDecoder()
  decoder.append(ByteBuffer(bytes: answers))
  while let event = try decoder.next() {
    guard case .frame(let header, let payload) = event else { preconditionFailure("an oversized answer") }
    switch header.kind {
    case .response: try payload.withUnsafeReadableBytes { _ = try ResponseView($0) }
    case .data: precondition(header.flags.isSubset(of: .closing))
    case .request, .cancel, .unknown: preconditionFailure("a server sends no \(header.kind)")
    }
  }
  precondition(!decoder.isInsideFrame, "half an answer")
}

/// A message that is its bytes; a first byte of 0xff does not decode.
private struct Blob: WireMessage {
  static let protoName = "Blob"
  var bytes: [UInt8] = []

  init() {}

  init(decoding bytes: UnsafeRawBufferPointer, arena: Arena) throws(WireDecodingError) {
    guard bytes.first != 0xff else { throw .malformed(message: Self.protoName) }
    self.bytes = Array(bytes)
  }

  func encode(arena: Arena, reserve: (Int) -> UnsafeMutableRawPointer) {
    let out = reserve(bytes.count)
    bytes.withUnsafeBytes { source in
      if let base = source.baseAddress { out.copyMemory(from: base, byteCount: source.count) }
    }
  }
}
