import LociCore
import LociProto
import LociWire
import Logging
import NIOCore
import Testing

/// What a test watches and steers of the service below.
final class EchoProbe: Sendable {
  /// Of a context. A whole one would keep the handler, which keeps the probe.
  struct Seen {
    let service: String
    let metadata: Metadata
    let remoteAddress: String
    let deadline: ContinuousClock.Instant?
  }

  private struct State {
    var sleepsCancelled = 0
    var sleepsStarted = 0
    var sent = 0
    var contexts: [Seen] = []
  }

  private let state = Locked(State())
  let gate = Latch()

  var sleepsCancelled: Int { state.withLock { $0.sleepsCancelled } }
  var sleepsStarted: Int { state.withLock { $0.sleepsStarted } }
  var messagesSent: Int { state.withLock { $0.sent } }
  var contexts: [Seen] { state.withLock { $0.contexts } }

  func saw(_ context: CallContext) {
    let seen = Seen(
      service: context.service, metadata: context.metadata, remoteAddress: context.remoteAddress,
      deadline: context.deadline)
    state.withLock { $0.contexts.append(seen) }
  }
  func sleepStarted() { state.withLock { $0.sleepsStarted += 1 } }
  func sleepCancelled() { state.withLock { $0.sleepsCancelled += 1 } }
  func sent() { state.withLock { $0.sent += 1 } }
}

struct UnmappedError: Error {}

/// `loci.Echo`, the service of the golden vectors, and a few methods more.
func echoTable(_ probe: EchoProbe = EchoProbe(), sleep: Duration = .milliseconds(300)) -> ServiceTable {
  ServiceTable([
    ServiceDescription(
      name: "loci.Echo",
      methods: [
        .inline("Echo") { (note: Note, context) in
          probe.saw(context)
          return note
        },
        .unary("EchoAsync") { (note: Note, context) async throws in
          probe.saw(context)
          return note
        },
        unsafe .prepared("EchoPrepared") { bytes, arena in
          let note = try unsafe Note(decoding: bytes, arena: arena)
          return { _ in note }
        },
        .unary("Sleep") { (note: Note, context) async throws in
          probe.sleepStarted()
          do {
            try await Task.sleep(for: sleep)
          } catch {
            probe.sleepCancelled()
            #expect(context.isCancelled)
            throw error
          }
          return note
        },
        .unary("Wait") { (note: Note, _) async throws in
          probe.sleepStarted()
          await probe.gate.wait()
          return note
        },
        .unary("Fail") { (note: Note, _) async throws -> Note in
          if note.text == "unmapped" { throw UnmappedError() }
          throw RPCStatus(
            code: .failedPrecondition, message: "no \(note.text)",
            details: [.init(typeURL: "type.googleapis.com/loci.Reason", value: [1, 2, 3])])
        },
        .inline("Large") { (note: Note, _) in Note(String(repeating: "x", count: Int(note.text) ?? 0)) },
        .serverStreaming("Server") { (note: Note, _, responses: ResponseStream<Note>) in
          for index in 0..<2 { try await responses.send(Note("\(note.text)\(index)")) }
        },
        .serverStreaming("Flood") { (note: Note, _, responses: ResponseStream<Note>) in
          let block = Note(String(repeating: "x", count: 16 << 10))
          for _ in 0..<(Int(note.text) ?? 0) {
            try await responses.send(block)
            probe.sent()
          }
        },
        .serverStreaming("FailAfterOne") { (note: Note, _, responses: ResponseStream<Note>) in
          try await responses.send(note)
          throw RPCStatus(code: .aborted, message: "after one")
        },
        .clientStreaming("Client") { (requests: RequestStream<Note>, _) in
          var count = 0
          for try await _ in requests { count += 1 }
          return Note("\(count)")
        },
        .clientStreaming("ClientStuck") { (requests: RequestStream<Note>, _) in
          probe.sleepStarted()
          await probe.gate.wait()
          var count = 0
          for try await _ in requests { count += 1 }
          return Note("\(count)")
        },
        .bidirectional("Bidi") { (requests: RequestStream<Note>, _, responses: ResponseStream<Note>) in
          for try await note in requests { try await responses.send(note) }
        },
        .bidirectional("BidiWait") {
          (requests: RequestStream<Note>, context, responses: ResponseStream<Note>) in
          probe.sleepStarted()
          do {
            for try await note in requests { try await responses.send(note) }
          } catch {
            probe.sleepCancelled()
            #expect(context.isCancelled)
            throw error
          }
        }
      ])
  ])
}

/// Closed until it is opened, then open for good.
final class Latch: Sendable {
  private struct State {
    var isOpen = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Locked(State())

  func open() {
    let waiters = state.withLock { state in
      state.isOpen = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiters.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}
