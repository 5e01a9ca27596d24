import CLibFuzzer
import LociWire
import NIOCore

/// The name that the package manager gives the entry point.
@_cdecl("FuzzFrames_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
  var (count, arguments) = (count, arguments)
  return LLVMFuzzerRunDriver(&count, &arguments, fuzzFrames)
}

/// Two ways to cut the same bytes into reads must give the same events, and the decoder must never keep more
/// than one frame.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  // The first byte says how the rest is cut.
  guard let cut = input.first else { return 0 }
  let bytes = Array(input.dropFirst())
  let whole = decode(bytes, chunk: max(1, bytes.count))
  let parts = decode(bytes, chunk: Int(cut % 64) + 1)
  precondition(whole == parts, "cut into \(cut % 64 + 1): \(parts), whole: \(whole)")
  return 0
}

private struct Outcome: Equatable {
  var events: [FrameDecoder.Event] = []
  var failure: FrameDecoder.Failure?
}

private func decode(_ bytes: [UInt8], chunk: Int) -> Outcome {
  var decoder = FrameDecoder()
  var outcome = Outcome()
  for start in stride(from: 0, to: bytes.count, by: chunk) {
    decoder.append(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + chunk)]))
    do throws(FrameDecoder.Failure) {
      while let event = try decoder.next() { outcome.events.append(event) }
    } catch {
      outcome.failure = error
      return outcome
    }
    precondition(decoder.bufferedBytes < FrameLimits.headerBytes + FrameLimits.payloadBytesMax)
  }
  return outcome
}
