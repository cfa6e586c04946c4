import Foundation
import Testing

/// One file of CompileFixtures. Its first lines say what must become of it:
/// `// expected: ...` is part of an error message, `// package` compiles it as a part of this package.
struct Fixture: Sendable, CustomTestStringConvertible {
  let url: URL
  let expectations: [String]
  let isInPackage: Bool

  var name: String { url.deletingPathExtension().lastPathComponent }
  var testDescription: String { name }

  private init(_ url: URL) throws {
    self.url = url
    let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
    let mark = "// expected: "
    expectations = lines.filter { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) }
    isInPackage = lines.first == "// package"
  }

  /// All fixtures of a folder: `Pass` or `Fail`.
  static func all(_ folder: String) -> [Fixture] {
    let directory = tests.appending(path: "CompileFixtures/\(folder)")
    let files = try? FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
    return (files ?? []).sorted { $0.path < $1.path }.compactMap { try? Fixture($0) }
  }

  /// The folder of this test target.
  static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

  /// The name by which the package manager made this package known to the compiler: its folder's, as an identifier.
  static let package = String(
    tests.deletingLastPathComponent().deletingLastPathComponent().lastPathComponent.lowercased().map {
      $0.isLetter || $0.isNumber ? $0 : "_"
    }
  )
}
