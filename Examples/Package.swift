// swift-tools-version: 6.2

import PackageDescription

// A package of its own, as one that uses Sluice would be: it knows the public API and nothing else.

let warningsAsErrors = Context.environment["SLUICE_WARNINGS_AS_ERRORS"] == "1"

// As in the main package.
let strict: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
  ] + (warningsAsErrors ? [.treatAllWarnings(as: .error)] : [])

/// What each of the servers is made of.
let dependencies: [Target.Dependency] = [
  "Serving",
  .product(name: "Sluice", package: "sluice"),
  .product(name: "ArgumentParser", package: "swift-argument-parser"),
  .product(name: "Logging", package: "swift-log"),
]

let package = Package(
  name: "sluice-examples",
  dependencies: [
    .package(name: "sluice", path: "..", traits: ["ServiceLifecycle"]),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
  ],
  targets: [
    .target(
      name: "Serving",
      dependencies: [
        .product(name: "Sluice", package: "sluice"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    // The protocols, which know nothing of the servers.
    .target(name: "RESP", dependencies: [.product(name: "Sluice", package: "sluice")], swiftSettings: strict),
    .target(name: "HTTP1", dependencies: [.product(name: "Sluice", package: "sluice")], swiftSettings: strict),
    .target(name: "DNSMessages", dependencies: [.product(name: "Sluice", package: "sluice")], swiftSettings: strict),
    .executableTarget(name: "KeyValue", dependencies: dependencies + ["RESP"], swiftSettings: strict),
    .executableTarget(name: "WebServer", dependencies: dependencies + ["HTTP1"], swiftSettings: strict),
    .executableTarget(name: "Proxy", dependencies: dependencies, swiftSettings: strict),
    .executableTarget(name: "Chat", dependencies: dependencies, swiftSettings: strict),
    .executableTarget(name: "NameServer", dependencies: dependencies + ["DNSMessages"], swiftSettings: strict),
    .testTarget(
      name: "ExampleTests",
      dependencies: [
        "KeyValue", "WebServer", "NameServer", "RESP", "HTTP1", "DNSMessages",
        .product(name: "Sluice", package: "sluice"),
        .product(name: "URingTesting", package: "sluice"),
      ],
      swiftSettings: strict
    ),
  ]
)
