import CLiburing
import IOBuffers
import SystemPackage
import Testing
import URingTesting

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Files where something is different: in memory, on a simulated network, in a process that is watched.
@Suite(.timeLimit(.minutes(2)))
struct FilePlaceTests {
  @Test func onASimulatedNetworkFilesAreReadAndTheirBytesSent() throws {
    let directory = try TemporaryDirectory()
    try directory.makeFile("a", bytes: 500_000)
    let path = directory.path
    try forEachSeed(0..<20) { network in
      let client = try network.connect(
        to: network.serve { connection in
          let root = try await connection.loop.openDirectory(path)
          let file = try await connection.loop.open("a", beneath: root)
          try await connection.send(file) { head in try head.append("head") }
          try await connection.send(file, range: 10..<110)
          let view = try await file.read(0..<5)
          try await connection.send(view)
        }
      )
      try client.finish()
      let expected =
        Array("head".utf8) + Pattern().bytes(count: 500_000) + Pattern().bytes(at: 10, count: 100)
        + Pattern().bytes(count: 5)
      try #require(try client.receiveToEnd() == expected)
    }
  }

  @Test(.enabled(if: unsafe access("/dev/shm", W_OK) == 0))
  func aFileInMemoryNeedsNobodyWhoWaits() async throws {
    let name = "/dev/shm/sluice-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    defer { unsafe unlink(name) }
    let bytes = Pattern().bytes(count: 700_000)
    try await serveOne(
      client: { (client) throws in #expect(try client.receiveToEnd() == bytes + bytes[5..<1005]) },
      body: { connection in
        let loop = connection.loop
        let written = try await loop.open(name, .overwrite)
        for start in stride(from: 0, to: bytes.count, by: 50_000) {
          let piece = Array(bytes[start..<min(start + 50_000, bytes.count)])
          try await written.write(try connection.arena.message(piece), at: start)
        }
        let file = try await loop.open(name)
        try await connection.send(file)
        try await connection.send(file, range: 5..<1005)
      }
    )
  }

  private static func regularFiles() -> Int {
    OpenDescriptors.all().count { number in
      var status = stat()
      return unsafe fstat(number, &status) == 0 && [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
    }
  }

  @Test func noDescriptorIsLeftBehind() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = try directory.makeFile("a", bytes: 1_000_000)
      let before = FilePlaceTests.regularFiles()
      let running = try await RunningServer.start { server, whenListening in
        try await server.run(whenListening: whenListening) { connection in
          while let view = try await connection.receive() {
            let root = try await connection.loop.openDirectory(directory.path)
            let file = try await connection.loop.open("a", beneath: root)
            _ = try? await connection.loop.open("missing", beneath: root)
            _ = try? await connection.loop.open(".", beneath: root)
            let written = try await connection.loop.open("\(path)-new", .overwrite)
            try await written.write(view, at: 0)
            try await connection.send(file)
          }
        }
      }
      let port = running.port
      try await blockingThreads(8) { thread in
        for _ in 0..<5 {
          let client = try BlockingClient(port: port)
          try client.send([1])
          if thread % 2 == 0 {
            #expect(try client.receive(exactly: 1_000_000).count == 1_000_000)
          } else {
            _ = try client.receive(1000)
            try client.reset()
          }
        }
      }
      try await running.stop()
      try await eventually { FilePlaceTests.regularFiles() == before }
    }
  }

  @Test func aPeerThatIsGoneDoesNotEndTheProcess() async {
    await #expect(processExitsWith: .success) {
      // As programs have it that never heard of it.
      signal(SIGPIPE, SIG_DFL)
      let directory = try TemporaryDirectory()
      try directory.makeFile("a", bytes: 8_000_000)
      let path = directory.path
      let running = try await RunningServer.start { server, whenListening in
        try await server.run(whenListening: whenListening) { connection in
          let file = try await connection.loop.open("\(path)/a")
          while true { try await connection.send(file) }
        }
      }
      let port = running.port
      try await blockingThreads(8) { thread in
        for _ in 0..<5 {
          let client = try BlockingClient(port: port)
          _ = try client.receive(1000)
          if thread % 2 == 0 { try client.reset() } else { client.close() }
        }
      }
      try await running.settles()
      try await running.stop()
    }
  }
}
