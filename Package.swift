// swift-tools-version: 6.2

import PackageDescription

// scripts/test and CI set the variable. A user's build never fails for a warning that a newer compiler brings.
let warningsAsErrors = Context.environment["SLUICE_WARNINGS_AS_ERRORS"] == "1"

var strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableExperimentalFeature("Lifetimes"),
]
if warningsAsErrors { strict.append(.treatAllWarnings(as: .error)) }
// For `Simulate --planted` alone: mistakes that the simulation must find. No other build contains them.
if Context.environment["SLUICE_PLANTED_FAULTS"] == "1" { strict.append(.define("SLUICE_PLANTED_FAULTS")) }

let package = Package(
  name: "sluice",
  products: [
    .library(name: "Sluice", targets: ["Sluice"]),
    .library(name: "IOBuffers", targets: ["IOBuffers"]),
    .library(name: "URingBackend", targets: ["URingBackend"]),
    .library(name: "URingTesting", targets: ["URingTesting"]),
    .executable(name: "EchoServer", targets: ["EchoServer"]),
  ],
  traits: [
    .trait(
      name: "ServiceLifecycle",
      description: "TCPServer.service: a server as a service of swift-service-lifecycle."
    ),
    .trait(name: "Metrics", description: "TCPServer.Configuration.metrics: a server's figures for swift-metrics."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CLiburing",
      pkgConfig: "liburing",
      providers: [.apt(["liburing-dev"]), .yum(["liburing-devel"])]
    ),
    .target(
      name: "IOBuffers",
      dependencies: [.product(name: "DequeModule", package: "swift-collections")],
      // For frames that cannot be copied: `FrameDecoder.Frame`. Those who conform or call need not enable it.
      swiftSettings: strict + [.enableExperimentalFeature("SuppressedAssociatedTypes")]
    ),
    .target(
      name: "URingBackend",
      dependencies: [
        "CLiburing",
        "IOBuffers",
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(
          name: "ServiceLifecycle",
          package: "swift-service-lifecycle",
          condition: .when(traits: ["ServiceLifecycle"])
        ),
        .product(name: "CoreMetrics", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
      ],
      swiftSettings: strict
    ),
    // One name to import for all of it.
    .target(name: "Sluice", dependencies: ["IOBuffers", "URingBackend"], swiftSettings: strict),
    .target(
      name: "URingTesting",
      dependencies: [
        "IOBuffers",
        "URingBackend",
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "Simulate",
      dependencies: [
        "URingBackend",
        "URingTesting",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "EchoServer",
      dependencies: [
        "Sluice",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "IOBuffersTests",
      dependencies: ["IOBuffers"],
      // Read by the tests at run time: sources that must or must not compile, and the oracle's script.
      exclude: ["CompileFixtures", "Oracle/oracle.py"],
      swiftSettings: strict
    ),
    .testTarget(
      name: "SluiceTests",
      // What a server of one import has, and with the traits what these bring.
      dependencies: [
        "Sluice",
        .product(
          name: "ServiceLifecycle",
          package: "swift-service-lifecycle",
          condition: .when(traits: ["ServiceLifecycle"])
        ),
        .product(
          name: "ServiceLifecycleTestKit",
          package: "swift-service-lifecycle",
          condition: .when(traits: ["ServiceLifecycle"])
        ),
        .product(name: "Logging", package: "swift-log", condition: .when(traits: ["ServiceLifecycle"])),
        .product(name: "CoreMetrics", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
        .product(name: "MetricsTestKit", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "URingBackendTests",
      dependencies: [
        "URingBackend",
        "IOBuffers",
        "URingTesting",
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "URingTestingTests",
      dependencies: [
        "IOBuffers",
        "URingTesting",
        "URingBackend",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
    .testTarget(name: "EchoServerTests", dependencies: ["EchoServer"], swiftSettings: strict),
  ]
)

// scripts/fuzz sets the variable, to the path of libFuzzer without a `main`: these need the whole package built for it.
if let library = Context.environment["SLUICE_FUZZERS"] {
  package.targets.append(.target(name: "FuzzLoop", path: "Fuzzers/FuzzLoop", swiftSettings: strict))
  for (name, dependency) in [
    ("FuzzSimulation", "URingTesting"), ("FuzzAddresses", "URingBackend"), ("FuzzViews", "IOBuffers"),
  ] {
    package.targets.append(
      .executableTarget(
        name: name,
        dependencies: ["FuzzLoop", .byName(name: dependency)],
        path: "Fuzzers/\(name)",
        swiftSettings: strict,
        linkerSettings: [.unsafeFlags([library]), .linkedLibrary("stdc++")]
      )
    )
  }
}
