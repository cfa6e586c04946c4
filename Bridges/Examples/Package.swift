// swift-tools-version: 6.2

import PackageDescription

// A package of its own: what runs on the bridge, of TLS, HTTP/2, gRPC and Hummingbird, is no business of those who use the bridge.

let warningsAsErrors = Context.environment["SLUICE_WARNINGS_AS_ERRORS"] == "1"

// As in the main package.
let strict: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + (warningsAsErrors ? [.treatAllWarnings(as: .error)] : [])

/// What each of the servers is made of.
let dependencies: [Target.Dependency] = [
  "Serving",
  .product(name: "ArgumentParser", package: "swift-argument-parser"),
  .product(name: "NIOCore", package: "swift-nio"),
]

let package = Package(
  name: "sluice-nio-examples",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "SluiceHummingbird", targets: ["SluiceHummingbird"])
  ],
  traits: [
    .trait(name: "ZeroCopyReads", description: "As that of the bridge, for all servers here.")
  ],
  dependencies: [
    .package(
      name: "sluice-nio",
      path: "../SluiceNIO",
      traits: [.trait(name: "ZeroCopyReads", condition: .when(traits: ["ZeroCopyReads"]))]
    ),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.45.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
    .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
  ],
  targets: [
    .target(
      name: "Serving",
      dependencies: [
        .product(name: "SluiceNIO", package: "sluice-nio"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOExtras", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "SluiceHummingbird",
      dependencies: [
        .product(name: "SluiceNIO", package: "sluice-nio"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOExtras", package: "swift-nio-extras"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "RingEcho",
      dependencies: dependencies + [.product(name: "SluiceNIO", package: "sluice-nio")],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "RingHTTP",
      dependencies: dependencies + [
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "RingWebSocket",
      dependencies: dependencies + [
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "RingGRPC",
      dependencies: dependencies + [
        "GRPCEcho",
        .product(name: "SluiceNIO", package: "sluice-nio"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "GRPCEchoClient",
      dependencies: [
        "GRPCEcho",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "GRPCEcho",
      dependencies: [.product(name: "GRPCCore", package: "grpc-swift-2")],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "RingHummingbird",
      dependencies: dependencies + [
        "SluiceHummingbird",
        .product(name: "SluiceNIO", package: "sluice-nio"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
  ]
)
