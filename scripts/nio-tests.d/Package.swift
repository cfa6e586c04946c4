// swift-tools-version: 6.1

import PackageDescription

// The scratch package of scripts/nio-tests: SwiftNIO's test files, copied, on the bridge. The folders are made by the script.

func nio(_ names: String...) -> [Target.Dependency] { names.map { .product(name: $0, package: "swift-nio") } }

let common =
  [
    Target.Dependency.product(name: "SluiceNIO", package: "SluiceNIO"),
    .product(name: "Atomics", package: "swift-atomics"),
  ]
  + nio("NIOCore", "NIOPosix", "NIOEmbedded", "NIOConcurrencyHelpers", "NIOFoundationCompat", "NIOTestUtils", "NIOTLS")

// As SwiftNIO compiles them.
let settings: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "nio-tests",
  dependencies: [
    .package(path: ".."),
    .package(path: "../../.."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.36.0"),
    .package(url: "https://github.com/apple/swift-atomics.git", from: "1.1.0"),
  ],
  targets: [
    .testTarget(name: "NIOPosixTests", dependencies: common, swiftSettings: settings),
    .testTarget(name: "NIOHTTP1Tests", dependencies: common + nio("NIOHTTP1"), swiftSettings: settings),
    .testTarget(
      name: "NIOSSLTests",
      dependencies: common + [.product(name: "NIOSSL", package: "swift-nio-ssl")],
      swiftSettings: settings
    ),
  ]
)
