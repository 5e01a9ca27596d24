import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A real HTTP server on loopback that speaks `/v1/embeddings` and `/v1/chat/completions`, and misbehaves as it is told.
final class EmbeddingServer: Sendable {
  /// What the next requests get, one each; then sound answers.
  enum Trouble: Sendable {
    case status(Int, headers: [(String, String)] = [])
    case body(String)
    /// Closes the connection without a word.
    case hangUp
    /// Never answers.
    case silence
  }

  struct Seen: Sendable {
    let path: String
    let authorization: String?
    let input: [String]
    let model: String
    let format: String
    /// Contents of a chat's messages.
    var messages: [String] = []
  }

  private struct State {
    var troubles: [Trouble] = []
    var seen: [Seen] = []
    var textsMax = Int.max
  }

  let port: Int
  var url: String { "http://127.0.0.1:\(port)/v1" }
  private let channel: any Channel
  private let state = Mutex(State())
  static let dimension = 3

  private init(_ channel: any Channel, _ box: Box) {
    self.channel = channel
    port = channel.localAddress?.port ?? 0
    box.server = self
  }

  /// Lets the handlers find a server that is made after them.
  private final class Box: @unchecked Sendable {
    // Written once, before the first connection is accepted by a client that learns the port afterwards.
    var server: EmbeddingServer?
  }

  static func run<T>(_ body: (EmbeddingServer) async throws -> T) async throws -> T {
    let box = Box()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler { box.server })
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let server = EmbeddingServer(channel, box)
    let result: Result<T, any Error>
    do { result = .success(try await body(server)) } catch { result = .failure(error) }
    try await channel.close().get()
    return try result.get()
  }

  func next(_ troubles: Trouble...) { next(troubles) }
  func next(_ troubles: [Trouble]) { state.withLock { $0.troubles = troubles } }
  func refuse(moreTextsThan textsMax: Int) { state.withLock { $0.textsMax = textsMax } }
  var seen: [Seen] { state.withLock { $0.seen } }

  /// A chat's answer.
  static func chat(_ content: String) -> String {
    let object: [String: Any] = [
      "choices": [["index": 0, "message": ["role": "assistant", "content": content]]]
    ]
    let data = (try? JSONSerialization.data(withJSONObject: object)) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }

  /// What a sound server gives for a text.
  static func vector(_ text: String) -> [Float] { [Float(text.utf8.count), 1, -2] }

  fileprivate enum Answer {
    case content(HTTPResponseStatus, String, [(String, String)])
    case hangUp, silence
  }

  fileprivate func answer(_ head: HTTPRequestHead, _ body: Data) -> Answer {
    let object = (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:]
    let seen = Seen(
      path: head.uri, authorization: head.headers.first(name: "authorization"),
      input: object["input"] as? [String] ?? [], model: object["model"] as? String ?? "",
      format: object["encoding_format"] as? String ?? "",
      messages: (object["messages"] as? [[String: Any]] ?? []).map { $0["content"] as? String ?? "" })
    let (trouble, textsMax): (Trouble?, Int) = state.withLock { state in
      state.seen.append(seen)
      return (state.troubles.isEmpty ? nil : state.troubles.removeFirst(), state.textsMax)
    }
    switch trouble {
    case .status(let code, let headers):
      return .content(HTTPResponseStatus(statusCode: code), "{\"error\": {}}", headers)
    case .body(let text): return .content(.ok, text, [])
    case .hangUp: return .hangUp
    case .silence: return .silence
    case nil: break
    }
    if head.uri.hasSuffix("/chat/completions") {
      return .content(.ok, Self.chat("summary of \(seen.messages.last?.utf8.count ?? 0) bytes"), [])
    }
    if seen.input.count > textsMax { return .content(.payloadTooLarge, "{}", []) }
    // In an order of its own, as the protocol allows.
    let items = seen.input.enumerated().reversed().map { index, text -> String in
      let numbers = Self.vector(text)
      let bytes = numbers.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
      }
      let vector = seen.format == "base64" ? "\"\(Data(bytes).base64EncodedString())\"" : "\(numbers)"
      return "{\"object\": \"embedding\", \"index\": \(index), \"embedding\": \(vector)}"
    }
    return .content(
      .ok,
      "{\"object\": \"list\", \"data\": [\(items.joined(separator: ","))], \"usage\": {\"prompt_tokens\": 1}}",
      [])
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: () -> EmbeddingServer?
    private var head: HTTPRequestHead?
    private var body = Data()

    init(_ server: @escaping () -> EmbeddingServer?) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        self.head = head
        body = Data()
      case .body(let part): body += Data(part.readableBytesView)
      case .end:
        guard let head, let answer = server()?.answer(head, body) else { return context.close(promise: nil) }
        switch answer {
        case .hangUp: context.close(promise: nil)
        case .silence: return
        case .content(let status, let text, let headers):
          var fields = HTTPHeaders([
            ("content-length", "\(text.utf8.count)"), ("content-type", "application/json")
          ])
          for (name, value) in headers { fields.add(name: name, value: value) }
          let response = HTTPResponseHead(version: .http1_1, status: status, headers: fields)
          context.write(wrapOutboundOut(.head(response)), promise: nil)
          context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
          context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
      }
    }
  }
}
