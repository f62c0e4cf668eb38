// swift-tools-version:6.2
import PackageDescription

// Every module is a folder under `Sources/`, named without the prefix that its module name carries.
// The order is the design's: a target depends only on targets declared above it.

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("MemberImportVisibility"),
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func module(_ folder: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: "Dither\(folder)", dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: strict)
}

/// - Parameter optimized: whether its own code computes much. Else it waits for what it tests, and compiling it for speed would take three
///   times as long as compiling it.
func tests(_ folder: String, _ dependencies: [Target.Dependency], optimized: Bool = true) -> Target {
  .testTarget(
    name: "\(folder)Tests", dependencies: dependencies + ["DitherTestSupport"], path: "Tests/\(folder)Tests",
    swiftSettings: optimized ? strict : strict + [.unsafeFlags(["-Onone"], .when(configuration: .release))])
}

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nio: [Target.Dependency] = [
  nioCore,
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
  .product(name: "NIOTLS", package: "swift-nio"),
  .product(name: "NIOSSL", package: "swift-nio-ssl"),
  .product(name: "NIOHTTP2", package: "swift-nio-http2"),
  .product(name: "NIOHPACK", package: "swift-nio-http2"),
]
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
// In the place of FoundationNetworking, which brings libcurl with some 25 libraries behind it.
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")

let package = Package(
  name: "dither",
  products: [
    .executable(name: "dither", targets: ["dither"]),
    .library(name: "DitherClient", targets: ["DitherClient"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
  ],
  targets: [
    // The C side: the system's libraries by module map, and the two targets that hold C of our own.
    .systemLibrary(name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "libcrypto"),
    .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CPng", path: "Sources/CPng", pkgConfig: "libpng"),
    // libjpeg leaves by longjmp, which is caught here.
    .target(name: "CJpeg", path: "Sources/CJpeg", linkerSettings: [.linkedLibrary("jpeg")]),
    .target(
      name: "COneDNN", path: "Sources/COneDNN", cSettings: [.unsafeFlags(["-O3"])],
      linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
    // No fast-math and no contraction: the clones for each CPU must give the same bits.
    .target(
      name: "CKernels", path: "Sources/CKernels",
      cSettings: [
        .unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-mprefer-vector-width=512"])
      ],
      linkerSettings: [.linkedLibrary("m"), .linkedLibrary("gomp")]),

    // libpq is found when it is first needed, so that neither building nor running asks for it.
    .target(name: "CPostgres", path: "Sources/CPostgres", linkerSettings: [.linkedLibrary("dl")]),

    // Likewise libcurl.
    .target(name: "CCurl", path: "Sources/CCurl", linkerSettings: [.linkedLibrary("dl")]),

    module("Basics", ["COpenSSL", "CZlib", yaml]),
    module("Tensor", ["DitherBasics", "CKernels", "COneDNN"]),
    module("Proto", ["DitherBasics", protobuf]),
    module("Transport", ["DitherBasics", "DitherProto", "COpenSSL", protobuf, log, tracing] + nio),
    module("Store", ["DitherBasics", .product(name: "GRDB", package: "GRDB.swift")]),
    module("StorePostgres", ["DitherBasics", "DitherStore", "CPostgres"]),
    module("StoreS3", ["DitherBasics", "DitherStore", "CCurl"]),
    module("Jobs", ["DitherBasics", "DitherStore"]),
    module("Graph", ["DitherBasics", "DitherTensor", protobuf]),
    module(
      "Datasets",
      [
        "DitherBasics", "DitherTensor", "CPng", "CJpeg", httpClient, nioCore,
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ]),
    module("Inference", ["DitherBasics", "DitherTensor", "DitherGraph"]),
    module("Robustness", ["DitherBasics", "DitherTensor", "DitherGraph", "DitherInference"]),
    module("Reports", ["DitherBasics", "DitherGraph", "DitherInference", "DitherRobustness", "CZlib"]),
    module(
      "Client", ["DitherProto", "DitherTransport", protobuf, nioCore, .product(name: "NIOPosix", package: "swift-nio")]),
    module(
      "Train",
      [
        "DitherBasics", "DitherTensor", "DitherGraph", "DitherInference", "DitherDatasets", "DitherRobustness",
        "DitherReports", "DitherStore", "DitherJobs",
        yaml,
      ]),
    module(
      "Service",
      [
        "DitherBasics", "DitherJobs", "DitherTensor", "DitherGraph", "DitherInference", "DitherRobustness",
        "DitherReports",
        "DitherDatasets",
        "DitherStore", "DitherProto", "DitherTransport", protobuf, log, tracing, nioCore, httpClient,
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "Configuration", package: "swift-configuration"),
      ]),
    module(
      "Bench",
      [
        "DitherBasics", "DitherTensor", "DitherGraph", "DitherInference", "DitherRobustness",
        "DitherDatasets", "DitherStore", "DitherStorePostgres", "DitherProto", "DitherTransport", "DitherClient",
        "DitherTrain", protobuf, nioCore, httpClient,
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .executableTarget(
      name: "dither",
      dependencies: [
        "DitherBasics", "DitherJobs", "DitherTensor", "DitherGraph", "DitherInference", "DitherRobustness",
        "DitherReports",
        "DitherDatasets", "DitherStore", "DitherStorePostgres", "DitherStoreS3", "DitherProto", "DitherClient",
        "DitherTrain",
        "DitherService", "DitherBench",
        log,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "Sources/dither", swiftSettings: strict, plugins: ["SourceDigest"]),
    .plugin(name: "SourceDigest", capability: .buildTool(), path: "Plugins/SourceDigest"),

    .target(
      name: "DitherTestSupport",
      dependencies: [
        "DitherBasics", "DitherTensor", "DitherGraph", "DitherDatasets", "DitherJobs", "DitherRobustness",
        "DitherStore", "DitherStorePostgres", "DitherStoreS3",
        "ThreadSanitizer",
      ],
      path: "Tests/TestSupport", swiftSettings: strict),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    .target(name: "ThreadSanitizer", path: "Tests/ThreadSanitizer"),
    .testTarget(name: "TidyTests", path: "Tests/Tidy", swiftSettings: strict),
    tests("Basics", ["DitherBasics"]),
    tests("Tensor", ["DitherTensor", "CKernels"]),
    tests("Proto", ["DitherBasics", "DitherProto", "DitherTensor", protobuf], optimized: false),
    tests(
      "Transport",
      [
        "DitherBasics", "DitherClient", "DitherProto", "DitherTensor", "DitherTransport", protobuf, log,
        .product(name: "NIOEmbedded", package: "swift-nio"),
      ] + nio,
      optimized: false),
    tests(
      "Jobs", ["DitherBasics", "DitherStore", "DitherStorePostgres", "DitherJobs", "DitherTensor"], optimized: false),
    tests("StoreS3", ["DitherBasics", "DitherStore", "DitherStoreS3"], optimized: false),
    tests(
      "Store",
      [
        "DitherBasics", "DitherStore", "DitherStorePostgres", "DitherStoreS3", "DitherTensor",
        .product(name: "GRDB", package: "GRDB.swift"),
      ], optimized: false),
    tests(
      "Service",
      [
        "DitherBasics", "DitherJobs", "DitherGraph", "DitherInference", "DitherTensor", "DitherRobustness",
        "DitherStore",
        "DitherProto",
        "DitherService",
        "DitherTransport", protobuf, log, tracing,
      ] + nio, optimized: false),
    tests("Datasets", ["DitherBasics", "DitherDatasets", "DitherTensor", "CZlib"]),
    tests(
      "CommandLine",
      ["DitherBasics", "DitherClient", "DitherDatasets", "DitherGraph", "DitherProto", "DitherTensor", protobuf],
      optimized: false),
    tests(
      "Train",
      [
        "DitherBasics", "DitherDatasets", "DitherGraph", "DitherInference", "DitherJobs", "DitherRobustness",
        "DitherStore", "DitherTensor", "DitherTrain",
      ]),
    tests(
      "Inference",
      ["DitherBasics", "DitherGraph", "DitherTensor", "DitherInference", "DitherDatasets"]),
    tests("Graph", ["DitherBasics", "DitherGraph", "DitherTensor", "AllocationCounter"]),
    tests(
      "Robustness",
      [
        "DitherBasics", "DitherGraph", "DitherTensor", "DitherInference", "DitherRobustness", "DitherReports",
        "DitherDatasets",
      ]),
    tests(
      "Reports",
      [
        "DitherBasics", "DitherGraph", "DitherTensor", "DitherInference", "DitherRobustness", "DitherReports",
        "DitherDatasets",
      ], optimized: false),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzzers have no `main`: libFuzzer brings it, so that they are built by `make fuzz` alone. Those of the doors need all of NIO.
if Context.environment["DITHER_FUZZ"] != nil {
  let entry = strict + [.unsafeFlags(["-parse-as-library"])]
  package.targets += [
    .target(name: "FuzzDriver", path: "Tests/FuzzDriver", swiftSettings: strict),
    .executableTarget(
      name: "fuzz-readers",
      dependencies: [
        "DitherBasics", "DitherDatasets", "DitherGraph", "DitherInference", "DitherProto", "DitherReports",
        "DitherRobustness", "DitherTensor", "DitherTrain", "FuzzDriver", protobuf,
      ], path: "Tests/Fuzz", exclude: ["corpus"], swiftSettings: entry),
    .executableTarget(
      name: "fuzz-doors",
      dependencies: [
        "DitherGraph", "DitherProto", "DitherService", "DitherTensor", "DitherTransport", "FuzzDriver", log, protobuf,
      ], path: "Tests/FuzzDoors", exclude: ["corpus"], swiftSettings: entry),
  ]
}
