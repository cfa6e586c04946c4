// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that swift-nio never enters the graph of those who use Sluice alone.

let warningsAsErrors = Context.environment["SLUICE_WARNINGS_AS_ERRORS"] == "1"

// As in the main package, but for MemberImportVisibility: the core's C headers include those of sockets, and the compiler then takes
// a `sockaddr` for theirs, which nobody outside of the core can import.
let strict: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + (warningsAsErrors ? [.treatAllWarnings(as: .error)] : [])

let package = Package(
  name: "sluice-nio",
  products: [
    .library(name: "SluiceNIO", targets: ["SluiceNIO"])
  ],
  traits: [
    .trait(
      name: "ZeroCopyReads",
      description: "Hands large reads over in the memory that the kernel filled. Uses SwiftNIO's SPI for allocators."
    )
  ],
  dependencies: [
    .package(name: "sluice", path: "../.."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
  ],
  targets: [
    .target(
      name: "SluiceNIO",
      dependencies: [
        .product(name: "IOBuffers", package: "sluice"),
        .product(name: "URingBackend", package: "sluice"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict
    ),
    .testTarget(
      name: "SluiceNIOTests",
      dependencies: [
        "SluiceNIO",
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: strict
    ),
  ]
)
