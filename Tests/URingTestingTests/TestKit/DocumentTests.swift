import SystemPackage
import Testing

/// docs/testing-your-server.md shows the example as it is tested here.
struct DocumentTests {
  private func text(_ path: String) throws -> String {
    let root = FilePath("\(#filePath)").removingLastComponent().appending("../../..")
    let file = try FileDescriptor.open(root.appending(path), .readOnly)
    return try file.closeAfter {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65_536)
      while true {
        // The call writes into the array's memory, as much as it has at most.
        let count = try unsafe chunk.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
        if count == 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += chunk[..<count]
      }
    }
  }

  @Test func theExampleOfTheDocumentIsATest() throws {
    let example = try text("Tests/URingTestingTests/TestKit/ExampleTests.swift")
    #expect(example.contains("forEachSeed"))
    #expect(try text("docs/testing-your-server.md").contains("```swift\n\(example)```"))
  }
}
