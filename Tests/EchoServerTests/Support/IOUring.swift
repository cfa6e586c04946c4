import Foundation
import Testing
import URingBackend

extension Trait where Self == ConditionTrait {
  /// For tests that ask for io_uring by name. Where it is refused they are skipped, and nothing else is: the server runs
  /// on epoll there.
  static var needsIOUring: Self {
    .enabled("io_uring can be used here") { (try? KernelFeatures.probe()) != nil }
  }
}

/// Commands that stand before a server's: scripts/without-io_uring, and the environment.
enum Under {
  private static let package = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func script() throws -> [String] {
    [try #require(EchoProcess.find("python3")), package.appendingPathComponent("scripts/without-io_uring").path]
  }

  /// A seccomp filter that answers io_uring's calls with this error, and the environment as if nobody had chosen a driver.
  static func filter(_ errno: String) throws -> [String] {
    try noChoice() + script() + ["--errno", errno]
  }

  /// The filter of a profile in `deploy`.
  static func profile(_ name: String) throws -> [String] {
    try noChoice() + script() + ["--quiet", "--profile", package.appendingPathComponent("deploy/\(name)").path]
  }

  /// The filter of a profile in a file.
  static func profile(at path: String) throws -> [String] {
    try noChoice() + script() + ["--quiet", "--profile", path]
  }

  /// The text of a profile in `deploy`.
  static func text(ofProfile name: String) throws -> String {
    try String(contentsOf: package.appendingPathComponent("deploy/\(name)"), encoding: .utf8)
  }

  static func noChoice() throws -> [String] {
    [try #require(EchoProcess.find("env")), "-u", "SLUICE_DRIVER"]
  }

  static func variable(_ value: String) throws -> [String] {
    [try #require(EchoProcess.find("env")), "SLUICE_DRIVER=\(value)"]
  }

  /// For what must end by itself: a server that starts all the same is ended, with another status.
  static func bound() throws -> [String] {
    [try #require(EchoProcess.find("timeout")), "60"]
  }

  /// Without its standard error.
  static func onlyOutput() throws -> [String] {
    [try #require(EchoProcess.find("sh")), "-c", "exec \"$@\" 2>/dev/null", "sh"]
  }
}
