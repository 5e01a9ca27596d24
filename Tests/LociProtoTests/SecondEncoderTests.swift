import Foundation
import LociProto
import Testing
import LociTestKit

/// Debian's Python protobuf, an implementation that shares no code with protobuf-c, agrees on every byte.
struct SecondEncoderTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let contract = root.appending(path: "proto")

  /// Standard output of a finished program, or `nil` when it failed.
  private static func run(
    _ program: String, _ arguments: [String], in folder: URL, input: Data
  ) throws -> Data? {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let source = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try input.write(to: source)
    defer { try? FileManager.default.removeItem(at: source) }
    let output = Pipe()
    process.standardInput = try FileHandle(forReadingFrom: source)
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? data : nil
  }

  private static let isPresent: Bool = {
    let found = try? run(
      "/usr/bin/python3", ["-c", "import google.protobuf"], in: root, input: Data())
    return found != nil && FileManager.default.isExecutableFile(atPath: "/usr/bin/protoc")
  }()

  @Test(.enabled(if: isPresent, "needs Debian's protobuf-compiler and python3-protobuf"))
  func agreesOnEveryMessage() throws {
    let set = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: set) }
    let protos = try FileManager.default.subpathsOfDirectory(atPath: Self.contract.path())
      .filter { $0.hasSuffix(".proto") }
    _ = try #require(
      try Self.run(
        "/usr/bin/protoc", ["-I.", "--descriptor_set_out=\(set.path())"] + protos.sorted(), in: Self.contract,
        input: Data()))

    var random = SplitMix64(seed: 7)
    var lines: [String] = []
    for type in everyMessage {
      for _ in 0..<30 {
        let bytes = type.arbitrary(&random).encoded()
        lines.append("\(type.protoName) " + bytes.map(Self.hex).joined())
      }
    }
    let input = Data((lines.joined(separator: "\n") + "\n").utf8)
    let output = try #require(
      try Self.run(
        "/usr/bin/python3", ["-B", "scripts/codegen/second_encoder.py", set.path()], in: Self.root,
        input: input))
    let answers = String(decoding: output, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(answers.count == lines.count + 1)
    for (line, answer) in zip(lines, answers) {
      #expect(line.split(separator: " ", omittingEmptySubsequences: false)[1] == answer, "\(line.prefix(60))")
    }
  }

  private static func hex(_ byte: UInt8) -> String {
    let digits = Array("0123456789abcdef")
    return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
  }
}
