import ArgumentParser
import Foundation
import LociText
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The encoder by itself: no server, tokenization included.
struct EncodeBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "The encoder alone: tokens a second, and latency of one query.")

  @Option(help: "A HuggingFace model folder.") var model: String
  @Option(help: "A JSON object of lists of texts, one list a band.") var texts: String
  @Option(help: "automatic, float32, bfloat16 or int8.") var precision = "automatic"
  @Option(help: "Threads that encode; for the latency, cores that one query is split over.") var threads = 1
  @Option(help: "How long each band is measured, seconds.") var seconds: Double = 3

  func validate() throws {
    guard (1...64).contains(threads) else { throw ValidationError("--threads must be 1 to 64") }
    guard seconds > 0, seconds <= 600 else { throw ValidationError("--seconds must be 0 to 600") }
    guard EncoderPrecision(rawValue: precision) != nil else {
      throw ValidationError("--precision must be automatic, float32, bfloat16 or int8")
    }
  }

  struct Band: Encodable {
    var texts, tokens: Int
    var tokensPerSecond, tokensPerCPUSecond, queryP50Milliseconds: Double
    /// (texts, dimension), to be compared with the references.
    var vectors: [[Float]]
  }

  struct Report: Encodable {
    var precision: String
    var agreement: Float
    var startMilliseconds, packedMegabytes, residentPeakMegabytes: Double
    var bands: [String: Band]
  }

  func run() async throws {
    let content = try Data(contentsOf: URL(fileURLWithPath: texts))
    let lists = try JSONDecoder().decode([String: [String]].self, from: content)
    let start = ContinuousClock.now
    let encoder = try TextEncoder(
      modelDirectory: model, precision: EncoderPrecision(rawValue: precision) ?? .automatic,
      helpers: threads - 1)
    let startTime = Self.seconds(.now - start)
    var bands: [String: Band] = [:]
    for (name, texts) in lists where !texts.isEmpty { bands[name] = try measure(encoder, texts) }
    let report = Report(
      precision: encoder.precision.rawValue, agreement: encoder.agreement, startMilliseconds: startTime * 1e3,
      packedMegabytes: Double(encoder.packedBytes) / 1e6, residentPeakMegabytes: Self.residentPeakMegabytes,
      bands: bands)
    let json = JSONEncoder()
    json.outputFormatting = .sortedKeys
    print(String(decoding: try json.encode(report), as: UTF8.self))
  }

  private func measure(_ encoder: TextEncoder, _ texts: [String]) throws -> Band {
    let batch = try encoder.encode(texts, kind: .document)
    let tokens = batch.tokenCounts.reduce(0) { $0 + min($1, encoder.maxTokens) }
    let n = encoder.dimension
    let rounds = Atomic(0)
    let (start, cpu) = (ContinuousClock.now, Self.cpuSeconds)
    let end = start + .seconds(seconds)
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      repeat {
        _ = try? encoder.encode(texts, kind: .document)
        rounds.add(1, ordering: .relaxed)
      } while ContinuousClock.now < end
    }
    let done = Double(tokens * rounds.load(ordering: .relaxed))
    let (wall, spent) = (Self.seconds(.now - start), Self.cpuSeconds - cpu)
    var latencies: [Double] = []
    let last = ContinuousClock.now + .seconds(seconds)
    for text in (0...).lazy.map({ texts[$0 % texts.count] }) {
      let start = ContinuousClock.now
      _ = try encoder.encode([text], kind: .query)
      latencies.append(Self.seconds(.now - start))
      if latencies.count >= 20, .now > last { break }
    }
    return Band(
      texts: texts.count, tokens: tokens, tokensPerSecond: done / wall, tokensPerCPUSecond: done / spent,
      queryP50Milliseconds: latencies.sorted()[latencies.count / 2] * 1e3,
      vectors: texts.indices.map { Array(batch.vectors[$0 * n..<($0 + 1) * n]) })
  }

  private static func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

  private static var cpuSeconds: Double {
    // POSIX: a million a second.
    Double(clock()) / 1e6
  }

  private static var residentPeakMegabytes: Double {
    var usage = rusage()
    _ = unsafe getrusage(numericCast(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss) / 1e3
  }
}
