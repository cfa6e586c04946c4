import Foundation

/// Runs the Swift compiler on single files, against the module that this test process was built with.
struct Compiler: Sendable {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// The errors that the compiler found, in the order of its output.
  struct Verdict: Sendable {
    let status: Int32
    let errors: [String]
    let output: String
  }

  /// The folder that IOBuffers.swiftmodule is in.
  let modules: URL

  /// Looks near the test executable, then in the build folders of the package.
  init() throws {
    let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    var places: [URL] = []
    var directory = executable.deletingLastPathComponent()
    while directory.path.count > 1 {
      places += [directory.appending(path: "Modules"), directory]
      directory.deleteLastPathComponent()
    }
    let package = Fixture.tests.deletingLastPathComponent().deletingLastPathComponent()
    places += ["debug", "release"].map { package.appending(path: ".build/\($0)/Modules") }
    let module = places.first {
      FileManager.default.fileExists(atPath: $0.appending(path: "IOBuffers.swiftmodule").path)
    }
    guard let module else {
      throw Missing(description: "no IOBuffers.swiftmodule near \(executable.path) or in \(package.path)/.build")
    }
    modules = module
  }

  /// Compiles as far as all diagnostics are known: the checks of ownership and lifetimes come after type checking.
  func compile(_ fixture: Fixture) throws -> Verdict {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "swiftc", "-emit-sil", "-o", "/dev/null", "-parse-as-library", "-module-name", "Fixture",
        "-swift-version", "6", "-strict-memory-safety", "-warnings-as-errors", "-no-color-diagnostics",
        "-enable-upcoming-feature", "NonisolatedNonsendingByDefault", "-enable-experimental-feature", "Lifetimes",
        "-diagnostic-style", "llvm", "-I", modules.path,
      ]
      + (fixture.isInPackage ? ["-package-name", Fixture.package] : []) + [fixture.url.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    let errors = text.split(separator: "\n").filter { $0.contains(": error: ") || $0.hasPrefix("error: ") }
    return Verdict(status: process.terminationStatus, errors: errors.map { String($0) }, output: text)
  }
}
