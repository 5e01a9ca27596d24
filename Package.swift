// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is compiled with.
let common: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error)
]
/// The same, with every unsafe expression marked.
let strict = common + [.strictMemorySafety()]

let package = Package(
  name: "loci",
  products: [
    .executable(name: "loci", targets: ["loci"]),
    .library(name: "LociClient", targets: ["LociClient"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    .package(
      url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: [.defaults, "YAML"]),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
    .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1")
  ],
  targets: [
    // C core. Plain C11 behind one header each.
    .target(
      name: "CLociProto", path: "CBridge/CLociProto", linkerSettings: [.linkedLibrary("protobuf-c")]),
    .target(name: "CLociWire", path: "CBridge/CLociWire"),
    .target(
      name: "CLociMath", path: "CBridge/CLociMath",
      linkerSettings: [.linkedLibrary("blas"), .linkedLibrary("lapack"), .linkedLibrary("m")]),
    .target(
      name: "CLociIndex", dependencies: ["CLociMath"], path: "CBridge/CLociIndex",
      linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CLociUnicode", path: "CBridge/CLociUnicode"),
    .target(
      name: "CLociEncoder", dependencies: ["CLociUnicode"], path: "CBridge/CLociEncoder",
      linkerSettings: [.linkedLibrary("blas"), .linkedLibrary("lapack")]),
    .target(
      name: "CLociFTS", dependencies: ["CLociUnicode"], path: "CBridge/CLociFTS",
      linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("m")]),
    .target(name: "CLociSQLite", path: "CBridge/CLociSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),

    .systemLibrary(name: "CLociZstd", path: "CBridge/CLociZstd"),

    // Ids, scope, positions, errors, clock.
    .target(
      name: "LociCore",
      dependencies: [.product(name: "DequeModule", package: "swift-collections")],
      swiftSettings: strict),
    // The contract's messages as Swift values, over protobuf-c. All of it is pointers into C structs: marking each
    // would say nothing.
    .target(
      name: "LociProto", dependencies: ["CLociProto"],
      swiftSettings: common),
    // Kernels and collections of vectors.
    .target(name: "LociVector", dependencies: ["CLociIndex", "CLociMath", "LociCore"], swiftSettings: strict),
    // Tokenizers and encoders.
    .target(
      name: "LociText", dependencies: ["CLociEncoder", "CLociUnicode", "LociCore"], swiftSettings: strict),
    // The event log.
    .target(
      name: "LociLog",
      dependencies: [
        "CLociSQLite", "LociCore",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    // The shard: writer, group commit, projection, consistency.
    .target(
      name: "LociStore",
      dependencies: [
        "LociCore", "LociLog", "LociProto",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    // Hybrid retrieval: keyword index, vectors, fusion, explanation.
    .target(
      name: "LociRecall",
      dependencies: [
        "CLociFTS", "LociCore", "LociProto", "LociStore", "LociText", "LociVector",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    // Compression of texts: importance, thinning, structure, retention, cold blocks. Knows no store.
    .target(
      name: "LociCompress", dependencies: ["CLociFTS", "CLociMath", "CLociZstd", "LociCore"],
      swiftSettings: strict),
    // Encoders and language models behind a server that speaks as OpenAI's does.
    .target(
      name: "LociRemote",
      dependencies: [
        "LociCompress", "LociText",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOFoundationCompat", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio")
      ],
      swiftSettings: strict),
    // Contexts, their messages, and compactions of them.
    .target(
      name: "LociContext",
      dependencies: [
        "LociCompress", "LociCore", "LociProto", "LociRecall", "LociStore", "LociText",
        .product(name: "GRDB", package: "GRDB.swift")
      ],
      swiftSettings: strict),
    // Memories.
    .target(
      name: "LociMemory",
      dependencies: [
        "LociCompress", "LociCore", "LociProto", "LociRecall", "LociStore", "LociVector",
        .product(name: "GRDB", package: "GRDB.swift")
      ],
      swiftSettings: strict),
    // Collections of vectors that callers fill.
    .target(
      name: "LociCollection",
      dependencies: [
        "LociCore", "LociLog", "LociProto", "LociStore", "LociVector",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    // Sessions, their snapshots, and frameworks' checkpoints.
    .target(
      name: "LociSession",
      dependencies: [
        "LociContext", "LociCore", "LociMemory", "LociProto", "LociRecall", "LociStore",
        .product(name: "GRDB", package: "GRDB.swift")
      ],
      swiftSettings: strict),
    // Traces: steps, analysis, replay, debugger, audit.
    .target(
      name: "LociTrace",
      dependencies: [
        "CLociZstd", "LociCore", "LociProto", "LociRecall", "LociStore",
        .product(name: "Crypto", package: "swift-crypto"), .product(name: "GRDB", package: "GRDB.swift")
      ],
      swiftSettings: strict),
    // Feedback, experience, learners, recommendation.
    .target(
      name: "LociLearn",
      dependencies: [
        "LociCore", "LociMemory", "LociProto", "LociRecall", "LociStore", "LociVector",
        .product(name: "GRDB", package: "GRDB.swift")
      ],
      swiftSettings: strict),
    // Frames, envelopes, server and client transport. Knows no service.
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
      swiftSettings: strict),
    // Who callers are and what they may do: keys, tokens, certificates, grants.
    .target(
      name: "LociAccess",
      dependencies: [
        "LociCore", "LociProto", "LociRecall", "LociStore",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "JWTKit", package: "jwt-kit")
      ],
      swiftSettings: strict),
    // The services, and the node put together.
    .target(
      name: "LociServer",
      dependencies: [
        "LociAccess", "LociCollection", "LociCompress", "LociContext", "LociCore", "LociLearn", "LociLog",
        "LociMemory",
        "LociProto", "LociRecall", "LociSession", "LociStore", "LociText", "LociTrace", "LociVector",
        "LociWire",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPCompression", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio")
      ],
      swiftSettings: strict),
    // The Swift client.
    .target(name: "LociClient", dependencies: ["LociProto", "LociWire"], swiftSettings: strict),
    // The command line.
    .executableTarget(
      name: "loci",
      dependencies: [
        "LociAccess", "LociClient", "LociCore", "LociLearn", "LociProto", "LociRemote", "LociServer",
        "LociStore", "LociText",
        "LociTrace",
        "LociWire",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "X509", package: "swift-certificates")
      ],
      swiftSettings: strict),

    // What tests share: fault injection, contract suites, a manual clock, a server in the test's process.
    .target(
      name: "CLociFaultVFS", path: "CBridge/CLociFaultVFS", linkerSettings: [.linkedLibrary("sqlite3")]),
    .target(
      name: "LociTestKit",
      dependencies: ["LociCore", "LociLog"],
      swiftSettings: strict),
    .systemLibrary(name: "CSQLite3", path: "Tests/LociFTSTests/CSQLite3"),

    .testTarget(
      name: "LociVectorTests",
      dependencies: ["CLociIndex", "CLociMath", "LociCore", "LociTestKit", "LociVector"],
      swiftSettings: strict),
    .testTarget(
      name: "LociTextTests",
      dependencies: ["CLociEncoder", "CLociUnicode", "LociCore", "LociTestKit", "LociText"],
      swiftSettings: strict),
    .testTarget(
      name: "LociRemoteTests",
      dependencies: [
        "LociCompress", "LociRemote", "LociText",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio")
      ],
      swiftSettings: common),
    .testTarget(
      name: "LociCompressTests",
      dependencies: ["CLociFTS", "LociCompress", "LociCore", "LociRecall", "LociText"],
      swiftSettings: common),
    .testTarget(
      name: "LociFTSTests", dependencies: ["CLociFTS", "CSQLite3"], exclude: ["CSQLite3"],
      swiftSettings: strict),
    .testTarget(
      name: "LociLogTests",
      dependencies: [
        "CLociFaultVFS", "CLociSQLite", "LociCore", "LociLog", "LociTestKit",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    .testTarget(
      name: "LociLearnTests",
      dependencies: [
        "LociContext", "LociCore", "LociLearn", "LociMemory", "LociProto", "LociRecall", "LociStore",
        "LociVector",
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log")
      ],
      exclude: ["consolidation-pairs.jsonl", "references.json"],
      swiftSettings: strict),
    .testTarget(
      name: "LociProtoTests", dependencies: ["CLociProto", "LociProto", "LociTestKit"], swiftSettings: common),
    .testTarget(
      name: "LociRecallTests", dependencies: ["LociCore", "LociProto", "LociRecall"], swiftSettings: strict),
    .testTarget(
      name: "LociStoreTests",
      dependencies: [
        "CLociFaultVFS", "CLociSQLite", "LociCompress", "LociContext", "LociCore", "LociMemory", "LociProto",
        "LociRecall", "LociSession", "LociStore", "LociTestKit",
        .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    .testTarget(
      name: "LociTraceTests",
      dependencies: [
        "LociCore", "LociProto", "LociRecall", "LociStore", "LociTestKit", "LociTrace",
        .product(name: "Crypto", package: "swift-crypto"), .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: strict),
    .testTarget(
      name: "LociServerTests",
      dependencies: [
        "LociClient", "LociProto", "LociRemote", "LociServer", "LociTestKit", "LociText", "LociVector",
        "LociWire",
        .product(name: "Logging", package: "swift-log")
      ],
      swiftSettings: common),
    .testTarget(
      name: "LociWireTests",
      dependencies: [
        "CLociWire", "LociCore", "LociProto", "LociTestKit", "LociWire",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio")
      ],
      swiftSettings: strict)
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
