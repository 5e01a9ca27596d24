// swift-tools-version: 6.2
import PackageDescription

// The production sources, under libFuzzer: a package of its own because only it may use unsafe flags. Built by
// `fuzz/wire/run`.
let common: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny")
]
let target: [SwiftSetting] = common + [.unsafeFlags(["-parse-as-library", "-enable-testing"])]

/// The C sources are under the undefined-behaviour sanitizer as well.
let linking: [LinkerSetting] = [.unsafeFlags(["-Xclang-linker", "-fsanitize=undefined"])]

let package = Package(
  name: "loci-fuzz",
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6")
  ],
  targets: [
    .target(name: "CLibFuzzer", path: "CLibFuzzer"),
    .target(name: "CLociProto", path: "CBridge/CLociProto", linkerSettings: [.linkedLibrary("protobuf-c")]),
    .target(name: "CLociWire", path: "CBridge/CLociWire"),
    .target(name: "LociProto", dependencies: ["CLociProto"], swiftSettings: common),
    .target(
      name: "LociCore",
      dependencies: [.product(name: "DequeModule", package: "swift-collections")], swiftSettings: common),
    .target(
      name: "LociWire",
      dependencies: [
        "CLociWire", "LociCore", "LociProto",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio")
      ],
      swiftSettings: common + [.unsafeFlags(["-enable-testing"])]),
    .executableTarget(
      name: "FuzzFrames",
      dependencies: ["CLibFuzzer", "LociWire", .product(name: "NIOCore", package: "swift-nio")],
      swiftSettings: target, linkerSettings: linking),
    .executableTarget(
      name: "FuzzConnection",
      dependencies: [
        "CLibFuzzer", "LociProto", "LociWire",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio")
      ],
      swiftSettings: target, linkerSettings: linking)
  ])
