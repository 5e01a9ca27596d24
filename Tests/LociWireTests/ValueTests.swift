import LociProto
import NIOCore
import Testing

@testable import LociWire
import LociTestKit

/// The small values that the server and the client are made of.
@Suite struct ValueTests {
  @Test(arguments: [0, 1, 2, 7, 8, 9, 40])
  func tablesFindEveryMethodAndNoOther(services: Int) {
    let descriptions = (0..<services).map { service in
      ServiceDescription(
        name: "loci.S\(service)",
        methods: (0..<7).map { method in .inline("M\(method)") { (note: Note, _) in note } })
    }
    let table = ServiceTable(descriptions)
    func find(_ service: String, _ method: String) -> String {
      let (service, method) = (Array(service.utf8), Array(method.utf8))
      return unsafe service.withUnsafeBytes { service in
        unsafe method.withUnsafeBytes { method in
          switch unsafe table.lookup(service: service, method: method) {
          case .method(let binding): "\(binding.service).\(binding.method)"
          case .unknownService: "no service"
          case .unknownMethod: "no method"
          }
        }
      }
    }
    for service in 0..<services {
      for method in 0..<7 { #expect(find("loci.S\(service)", "M\(method)") == "loci.S\(service).M\(method)") }
      #expect(find("loci.S\(service)", "M7") == "no method")
      #expect(find("loci.S\(service)", "") == "no method")
    }
    #expect(find("loci.S", "M1") == "no service")
    #expect(find("", "") == "no service")
  }

  @Test func aMethodTwiceIsAProgrammersError() async {
    await #expect(processExitsWith: .failure) {
      let service = ServiceDescription(name: "s", methods: [.inline("m") { (note: Note, _) in note }])
      _ = ServiceTable([service, service])
    }
  }

  @Test func metadataKeepsOrderAndIgnoresCase() {
    var metadata: Metadata = ["A": "1", "b": "2"]
    metadata.add("3", for: "a")
    #expect(metadata["a"] == "1")
    #expect(metadata.values(for: "A") == ["1", "3"])
    #expect(metadata["c"] == nil)
    #expect(metadata.entries.map(\.key) == ["a", "b", "a"])
  }

  @Test(arguments: UInt64(1)...5)
  func backOffGrowsToItsLimit(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var backOff = BackOff(initial: .milliseconds(100), longest: .seconds(2))
    let delays = (0..<20).map { _ in backOff.failed(using: &random) }
    #expect(delays[0] >= .milliseconds(80) && delays[0] <= .milliseconds(120))
    #expect(delays[1] >= .milliseconds(128) && delays[1] <= .milliseconds(192))
    for delay in delays[10...] { #expect(delay >= .milliseconds(1600) && delay <= .milliseconds(2400)) }
    #expect(Set(delays[10...]).count > 1)
    backOff.succeeded()
    #expect(backOff.failed(using: &random) <= .milliseconds(120))
  }

  @Test func histogramBucketsHoldTheirDurations() {
    for nanoseconds in [
      Int64(0), 1, 1023, 1024, 1279, 1280, 2047, 2048, 5000, 1_000_000, 987_654_321, 1 << 40
    ] {
      let bucket = LatencyHistogram.bucket(nanoseconds: nanoseconds)
      #expect(nanoseconds < LatencyHistogram.upperNanoseconds(bucket))
      if bucket > 0 { #expect(nanoseconds >= LatencyHistogram.upperNanoseconds(bucket - 1)) }
    }
    #expect(LatencyHistogram.bucket(nanoseconds: .max) == LatencyHistogram.bucketCount - 1)
    #expect(LatencyHistogram.bucket(nanoseconds: -5) == 0)
    let recorder = LatencyRecorder()
    #expect(recorder.histogram.percentile(0.5) == nil)
    for microsecond in 1...1000 { recorder.record(nanoseconds: Int64(microsecond) * 1000) }
    let median = recorder.histogram.percentile(0.5) ?? .zero
    #expect(median >= .microseconds(500) && median <= .microseconds(625))
    #expect((recorder.histogram.percentile(1) ?? .zero) >= .microseconds(1000))
  }

  @Test func statusesTooLargeForAFrameAreCut() {
    var output = OutputBatch()
    let detail = RPCStatus.Detail(typeURL: "x", value: [UInt8](repeating: 1, count: 5 << 20))
    output.writeStatus(streamID: 1, RPCStatus(code: .notFound, message: "gone", details: [detail]))
    #expect(output.readableBytes == FrameLimits.headerBytes + 2 + 2 + 6)
    output.removeAll()
    output.writeStatus(
      streamID: 1, RPCStatus(code: .notFound, message: String(repeating: "m", count: 5 << 20)))
    #expect(output.readableBytes < 2048)
  }

  @Test func outputKeepsTheOrderAcrossBuffers() {
    var output = OutputBatch()
    var expected: [UInt8] = []
    for index in 0..<40 {
      let note = Note(String(repeating: "x", count: index * 997 % 30_000))
      #expect(output.writeData(streamID: UInt32(index), note, arena: Arena()) == nil)
      expected += frame(3, UInt32(index), note.encoded())
    }
    #expect(output.readableBytes == expected.count)
    var written: [UInt8] = []
    output.drain { written += $0.readableBytesView }
    #expect(written == expected)
    #expect(output.isEmpty)
  }

  @Test func gatesAndQueuesLetCancelledTasksGo() async throws {
    let gate = SendGate(isOpen: false)
    let waiting = Task { try await gate.waitUntilOpen() }
    await Task.yield()
    waiting.cancel()
    #expect(await status { try await waiting.value }?.code == .cancelled)
    gate.set(isOpen: true)
    try await gate.waitUntilOpen()
    gate.close(.connectionLost)
    #expect(await status { try await gate.waitUntilOpen() } == .connectionLost)

    let queue = InboundQueue(limits: .init(messagesMax: 4, bytesMax: 100), budget: MemoryBudget(bytesMax: 1))
    {}
    let taking = Task { try await queue.next() }
    await Task.yield()
    taking.cancel()
    #expect(await status { try await taking.value }?.code == .cancelled)
    #expect(!queue.push(ByteBuffer(bytes: [1])))
    #expect(try await queue.next() == ByteBuffer(bytes: [1]))
  }

  @Test func queuesSayWhenTheyAreFullAndWhenThereIsRoom() async throws {
    let drained = EchoProbe()
    let budget = MemoryBudget(bytesMax: 1000)
    let queue = InboundQueue(limits: .init(messagesMax: 4, bytesMax: 1000), budget: budget) { drained.sent() }
    #expect((1...5).map { queue.push(ByteBuffer(bytes: [UInt8($0)])) } == [false, false, false, true, true])
    #expect(budget.bytes == 5)
    for expected in 1...2 { #expect(try await queue.next() == ByteBuffer(bytes: [UInt8(expected)])) }
    #expect(drained.messagesSent == 0)
    #expect(try await queue.next() == ByteBuffer(bytes: [3]))
    #expect(drained.messagesSent == 1)
    queue.finish(.cancelled)
    #expect(try await queue.next() == ByteBuffer(bytes: [4]))
    #expect(!queue.push(ByteBuffer(bytes: [9])))
    #expect(try await queue.next() == ByteBuffer(bytes: [5]))
    #expect(await status { try await queue.next() } == .cancelled)
    #expect(budget.bytes == 0)
  }

  @Test func smallMessagesDoNotHoldLargeBuffers() {
    var large = ByteBuffer()
    large.writeBytes([UInt8](repeating: 1, count: 64 << 10))
    let slice = large.getSlice(at: 5, length: 3) ?? ByteBuffer()
    #expect(slice.compacted.storageCapacity < 1024)
    #expect(slice.compacted == slice)
  }
}
