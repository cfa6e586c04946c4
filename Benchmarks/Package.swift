// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that peers and harness never reach the dependency graph of somebody who uses the package.

let warningsAsErrors = Context.environment["SLUICE_WARNINGS_AS_ERRORS"] == "1"

// As in the main package.
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

let package = Package(
  name: "sluice-benchmarks",
  dependencies: [
    .package(name: "sluice", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .executableTarget(
      name: "EchoLoad",
      dependencies: [
        .product(name: "IOBuffers", package: "sluice"),
        .product(name: "URingBackend", package: "sluice"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "NIOEcho",
      dependencies: [
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "FanOut",
      dependencies: [
        .product(name: "IOBuffers", package: "sluice"),
        .product(name: "URingBackend", package: "sluice"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "EchoLoadTests",
      dependencies: [
        "EchoLoad",
        .product(name: "IOBuffers", package: "sluice"),
        .product(name: "URingBackend", package: "sluice"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict
    ),
  ]
)

// It reads the internals of the main package, so it builds with `-Xswiftc -enable-testing` only, and must not break a plain
// release build: MicroBenchmarks.swift has the command.
if Context.environment["SLUICE_MICRO_BENCHMARKS"] == "1" {
  package.dependencies.append(.package(url: "https://github.com/apple/swift-collections", from: "1.2.0"))
  package.targets.append(
    .executableTarget(
      name: "MicroBenchmarks",
      dependencies: [
        .product(name: "IOBuffers", package: "sluice"),
        .product(name: "URingBackend", package: "sluice"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "HeapModule", package: "swift-collections"),
      ],
      swiftSettings: strict
    )
  )
}
