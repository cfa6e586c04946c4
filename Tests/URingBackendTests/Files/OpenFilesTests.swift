import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

/// Files that a loop keeps open for a moment.
@Suite(.timeLimit(.minutes(2)))
struct OpenFilesTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func withFiles(
    limit: Int = 256,
    validity: Duration = .seconds(100_000),
    _ body: @escaping @Sendable (OpenFiles) async throws -> Void
  ) async throws {
    let path = directory.path
    try await withLoop { loop in
      let files = OpenFiles(beneath: try await loop.openDirectory(path), on: loop, limit: limit, validity: validity)
      try await Task(executorPreference: loop) { try await body(files) }.value
    }
  }

  @Test func aFileIsOpenedOnceHoweverManyAskForIt() async throws {
    try directory.makeFile("a", bytes: 1000)
    try directory.makeFile("b", bytes: 2000, seed: 1)
    try await withFiles { files in
      let first = try await files.open("a")
      for _ in 0..<10 { #expect(try await files.open("a") === first) }
      let other = try await files.open("b")
      #expect(other.size == 2000 && other !== first)
      #expect(try await first.read().copied() == Pattern().bytes(count: 1000))
    }
  }

  @Test func whatIsNotThereIsLookedForAnew() async throws {
    let directory = directory
    try await withFiles { files in
      await #expect(throws: FileError(.system(.noSuchFileOrDirectory), .open, path: "a")) { try await files.open("a") }
      try directory.makeFile("a", bytes: 1)
      #expect(try await files.open("a").size == 1)
      await #expect(throws: FileError(.outsideDirectory, .open, path: "../a")) { try await files.open("../a") }
    }
  }

  @Test func oneThatIsReplacedIsGivenUntilItsTimeIsOver() async throws {
    let directory = directory
    try directory.makeFile("a", bytes: 10)
    try await withFiles { files in
      let old = try await files.open("a")
      try directory.makeFile("b", bytes: 20)
      try directory.rename("b", to: "a")
      #expect(try await files.open("a") === old)
    }
    try await withFiles(validity: .milliseconds(5)) { files in
      try directory.makeFile("b", bytes: 30)
      let old = try await files.open("a")
      try directory.rename("b", to: "a")
      try await eventually { try await files.open("a").size == 30 }
      // Whoever has the old one still reads it.
      #expect(try await old.read().count == 20)
    }
  }

  @Test func noMoreAreOpenThanTheLimitSays() async throws {
    for name in 0..<10 { try directory.makeFile("\(name)", bytes: name + 1) }
    let directory = directory
    try await withFiles(limit: 3) { files in
      for round in 0..<3 {
        for name in 0..<10 { #expect(try await files.open("\(name)").size == name + 1, "round \(round)") }
        #expect(OpenDescriptors.count(in: directory) == 3)
      }
      let last = try await files.open("9")
      #expect(try await files.open("7") !== last)
      #expect(try await files.open("9") === last)
    }
    try await withFiles(limit: 0) { files in
      let first = try await files.open("1")
      #expect(try await files.open("1") !== first)
    }
    #expect(OpenDescriptors.count(in: directory) == 0)
  }

  @Test func whatNobodyAsksForIsClosedWithTheNextCall() async throws {
    for name in 0..<10 { try directory.makeFile("\(name)", bytes: 1) }
    let directory = directory
    try await withFiles(validity: .zero) { files in
      for name in 0..<10 {
        _ = try await files.open("\(name)")
        #expect(OpenDescriptors.count(in: directory) == 1)
      }
    }
  }

  @Test func elsewhereEachIsOpenedAnew() async throws {
    try directory.makeFile("a", bytes: 7)
    let path = directory.path
    try await withLoop { loop in
      let files = OpenFiles(beneath: try await loop.openDirectory(path), on: loop)
      let first = try await files.open("a")
      #expect(first.size == 7)
      #expect(try await files.open("a") !== first)
    }
  }
}
