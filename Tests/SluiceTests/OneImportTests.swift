import Sluice
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `import Sluice` is all that a server or a client needs.
@Suite(.timeLimit(.minutes(5)))
struct OneImportTests {
  /// That file compiles, with one import; so does what users copy.
  @Test func theServerInTheReadmeIsTheOneThatCompilesHere() throws {
    let folder = #filePath.split(separator: "/").dropLast()
    let here = try read("/" + folder.joined(separator: "/") + "/Echo.swift")
    let readme = try read("/" + folder.dropLast(2).joined(separator: "/") + "/README.md")
    let shown = try #require(readme.block(after: "```swift\nimport Sluice\n", until: "```\n"))
    #expect("import Sluice\n" + shown.replacing("@main\n", with: "") == here)
  }

  @Test func aServerAndAClientNeedNoOtherImport() async throws {
    let server = TCPServer(address: .loopback(port: 0))
    let (listening, report) = AsyncStream<SocketAddress>.makeStream()
    let task = Task {
      try await server.run(whenListening: { report.yield($0) }) { connection in
        while let view = try await connection.receive() { try await connection.send(view) }
      }
    }
    let address = try #require(await listening.first { _ in true })
    let loops = try LoopGroup()
    let connection = try await TCPConnection.connect(to: address, on: loops.loops[0])
    var buffer = try connection.arena.allocate(minimumCapacity: 8)
    try buffer.append(42, as: .big)
    let count = buffer.count
    try await connection.send(buffer)
    var received = 0
    while received < count, let view = try await connection.receive() { received += view.count }
    #expect(received == count)
    await connection.close()
    server.shutdown()
    #expect(try await task.value.totals.connectionsClosed == 1)
    await loops.shutdown()
  }
}

private struct CannotRead: Error {
  let path: String
}

private func read(_ path: String) throws -> String {
  guard let file = unsafe fopen(path, "r") else { throw CannotRead(path: path) }
  defer { unsafe fclose(file) }
  var text: [UInt8] = []
  while case let byte = unsafe fgetc(file), byte >= 0 { text.append(UInt8(byte)) }
  return String(decoding: text, as: UTF8.self)
}

extension String {
  /// What stands between the first `start` and the next `end`.
  fileprivate func block(after start: String, until end: String) -> String? {
    guard let from = firstRange(of: start)?.upperBound, let to = self[from...].firstRange(of: end)?.lowerBound else {
      return nil
    }
    return String(self[from..<to])
  }
}
