import CLiburing
import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Opening, reading and writing regular files.
@Suite(.timeLimit(.minutes(2)))
struct FileTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func failure(_ path: String, _ opening: FileOpening = .read, on loop: EventLoop) async -> FileError.Kind? {
    do throws(FileError) {
      _ = try await loop.open(path, opening)
      return nil
    } catch {
      #expect(error.operation == .open && error.path == path)
      #expect(!error.description.isEmpty)
      return error.kind
    }
  }

  @Test func aFileIsWhatItWasWhenItWasOpened() async throws {
    let path = try directory.makeFile("a", bytes: 12_345)
    var status = stat()
    #expect(unsafe stat(path, &status) == 0)
    try await withLoop { loop in
      let file = try await loop.open(path)
      #expect(file.size == 12_345)
      #expect(file.identity == FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
      #expect(file.modificationTime.components.seconds == Int64(status.st_mtim.tv_sec))
      // Another one takes its name.
      try directory.makeFile("b", bytes: 5, seed: 3)
      #expect(unsafe rename("\(directory.path)/b", path) == 0)
      let view = try await file.read()
      #expect(view.copied() == Pattern().bytes(count: 12_345))
      let other = try await loop.open(path)
      #expect(other.size == 5 && other.identity != file.identity)
    }
  }

  @Test func whatIsNoRegularFileIsRefusedAndNobodyWaits() async throws {
    let pipe = "\(directory.path)/pipe"
    #expect(unsafe mkfifo(pipe, 0o600) == 0)
    let listener = "\(directory.path)/socket"
    #expect(unsafe mknod(listener, S_IFSOCK | 0o600, 0) == 0)
    try await withLoop { loop in
      #expect(await failure(pipe, on: loop) == .notRegular(.pipe))
      #expect(await failure(pipe, .init(.readAndWrite), on: loop) == .notRegular(.pipe))
      #expect(await failure(pipe, .init(.write), on: loop) == .system(.noSuchAddressOrDevice))
      #expect(await failure(directory.path, on: loop) == .notRegular(.directory))
      #expect(await failure(directory.path, .init(.write), on: loop) == .system(.isDirectory))
      #expect(await failure("/dev/null", on: loop) == .notRegular(.device))
      #expect(await failure("/dev/zero", .init(.readAndWrite), on: loop) == .notRegular(.device))
      #expect(await failure(listener, on: loop) == .system(.noSuchAddressOrDevice))
    }
  }

  @Test func aDirectoryCanBeOpenedBeforeThereIsALoop() async throws {
    try directory.makeFile("a", bytes: 3)
    let opened = try Directory(directory.path)
    try await withLoop { loop in
      let file = try await loop.open("a", beneath: opened)
      #expect(file.size == 3)
      await #expect(throws: FileError.self) { try await loop.open("../a", beneath: opened) }
    }
    let failures = ["\(directory.path)/a", "\(directory.path)/none", "", "a\0"].map { path -> FileError.Kind? in
      do throws(FileError) { _ = try Directory(path) } catch { return error.kind }
      return nil
    }
    #expect(failures == [.system(.notDirectory), .system(.noSuchFileOrDirectory), .invalidPath, .invalidPath])
  }

  @Test func pathsThatLeadNowhereSayWhy() async throws {
    try directory.makeFile("a", bytes: 1)
    #expect(unsafe symlink("loop", "\(directory.path)/loop") == 0)
    try await withLoop { loop in
      let path = directory.path
      #expect(await failure("\(path)/missing", on: loop) == .system(.noSuchFileOrDirectory))
      #expect(await failure("\(path)/a/b", on: loop) == .system(.notDirectory))
      #expect(await failure("\(path)/loop", on: loop) == .system(.tooManySymbolicLinkLevels))
      #expect(await failure("\(path)/" + String(repeating: "x", count: 300), on: loop) == .system(.fileNameTooLong))
      #expect(await failure(String(repeating: "x/", count: 3000), on: loop) == .invalidPath)
      #expect(await failure("", on: loop) == .invalidPath)
      // The kernel would see a file that is there.
      #expect(await failure("\(path)/a\0.html", on: loop) == .invalidPath)
      #expect(
        await failure("\(path)/a", .init(.write, create: .ownerReadWrite, mustNotExist: true), on: loop)
          == .system(.fileExists)
      )
    }
  }

  @Test func beneathADirectoryNothingElseCanBeReached() async throws {
    let root = "\(directory.path)/www"
    #expect(unsafe mkdir(root, 0o700) == 0)
    #expect(unsafe mkdir("\(root)/sub", 0o700) == 0)
    defer {
      for name in ["in", "out", "abs", "inside", "up"] { unsafe unlink("\(root)/\(name)") }
      unsafe unlink("\(root)/sub/deep")
      unsafe rmdir("\(root)/sub")
      unsafe rmdir(root)
    }
    try directory.makeFile("secret", bytes: 10)
    try directory.makeFile("www/inside", bytes: 20)
    try directory.makeFile("www/sub/deep", bytes: 30)
    #expect(unsafe symlink("sub/deep", "\(root)/in") == 0)
    #expect(unsafe symlink("../secret", "\(root)/out") == 0)
    #expect(unsafe symlink("..", "\(root)/up") == 0)
    #expect(unsafe symlink("\(root)/inside", "\(root)/abs") == 0)
    try await withLoop { loop in
      let www = try await loop.openDirectory(root)
      for (name, size) in [
        "inside": 20, "sub/deep": 30, "in": 30, "sub/../inside": 20, "./inside": 20, "sub//deep": 30,
      ] {
        #expect(try await loop.open(name, beneath: www).size == size, "\(name)")
      }
      for name in ["../secret", "/etc/passwd", "out", "up/secret", "abs", "sub/../../secret", "/", "sub/../.."] {
        let error = await #expect(throws: FileError.self, "\(name)") { try await loop.open(name, beneath: www) }
        #expect(error?.kind == .outsideDirectory, "\(name)")
      }
      let number = www.descriptor
      let proc = try await loop.openDirectory("/proc/self")
      // A magic link: it leads to where no name leads.
      let magic = await #expect(throws: FileError.self) { try await loop.open("fd/\(number)/inside", beneath: proc) }
      #expect(magic?.kind == .outsideDirectory || magic?.kind == .system(.tooManySymbolicLinkLevels))
      let none = await #expect(throws: FileError.self) { try await loop.open(".", beneath: www) }
      #expect(none?.kind == .notRegular(.directory))
      let nul = await #expect(throws: FileError.self) { try await loop.open("inside\0/../..", beneath: www) }
      #expect(nul?.kind == .invalidPath)
      let file = await #expect(throws: FileError.self) { try await loop.openDirectory("\(root)/inside") }
      #expect(file?.kind == .system(.notDirectory))
    }
  }

  @Test(arguments: [false, true])
  func everyByteOfARangeIsThatOfTheFile(isCold: Bool) async throws {
    let size = 700_001
    let path = try directory.makeFile("a", bytes: size)
    try await withLoop { loop in
      let file = try await loop.open(path)
      for range in [0..<0, 0..<1, 0..<size, size - 1..<size, size..<size, 4095..<8193, 65_536..<400_000] {
        if isCold { try directory.evict("a") }
        let view = try await file.read(range)
        #expect(view.copied() == Pattern().bytes(at: range.lowerBound, count: range.count), "\(range)")
      }
      for range in [0..<size + 1, size..<size + 1, -1..<5, size + 5..<size + 5] {
        let error = await #expect(throws: FileError.self) { _ = try await file.read(range) }
        #expect(error?.kind == .outOfRange(size: size), "\(range)")
      }
      // Behind what a buffer holds; what is not there is not read.
      var buffer = try loop.arena.allocate(minimumCapacity: 16)
      try buffer.append(7 as UInt8)
      if isCold { try directory.evict("a") }
      #expect(try await file.read(at: size - 10, count: 100, into: &buffer) == 10)
      #expect(try await file.read(at: size + 10, count: 100, into: &buffer) == 0)
      let view = try buffer.finish()
      #expect(view.copied() == [7] + Pattern().bytes(at: size - 10, count: 10))
    }
  }

  @Test func aBufferThatIsLockedOrCannotGrowIsNotReadInto() async throws {
    let path = try directory.makeFile("a", bytes: 100_000)
    var configuration = EventLoop.Configuration()
    configuration.bufferBytes = 65_536
    try await withLoop(configuration) { loop in
      let file = try await loop.open(path)
      var buffer = try loop.arena.allocate(minimumCapacity: 16)
      let view = try buffer.readView()
      let locked = await #expect(throws: FileError.self) { _ = try await file.read(at: 0, count: 10, into: &buffer) }
      #expect(locked?.kind == .locked)
      view.release()
      let large = await #expect(throws: FileError.self) {
        _ = try await file.read(at: 0, count: 100_000, into: &buffer)
      }
      #expect(large?.kind == .noMemory)
      let whole = await #expect(throws: FileError.self) { _ = try await file.read() }
      #expect(whole?.kind == .noMemory)
      for (offset, count) in [(-1, 1), (0, -1), (Int.max, 1)] {
        let error = await #expect(throws: FileError.self) {
          _ = try await file.read(at: offset, count: count, into: &buffer)
        }
        #expect(error?.kind == .system(.invalidArgument))
      }
      #expect(buffer.count == 0)
    }
  }

  @Test func aFileThatIsCutMeanwhileHasEnded() async throws {
    let path = try directory.makeFile("a", bytes: 100_000)
    try await withLoop { loop in
      let file = try await loop.open(path)
      try directory.truncate("a", to: 10)
      let error = await #expect(throws: FileError.self) { _ = try await file.read() }
      #expect(error?.kind == .ended)
      let view = try await file.read(0..<10)
      #expect(view.copied() == Pattern().bytes(count: 10))
    }
  }

  @Test func whatIsWrittenIsThere() async throws {
    let bytes = Pattern(seed: 2).bytes(count: 300_000)
    try await withLoop { loop in
      let path = "\(directory.path)/new"
      let file = try await loop.open(path, .overwrite)
      #expect(file.size == 0)
      try await file.write(try loop.arena.message(bytes), at: 10)
      var queue = ByteQueue(try loop.arena.message([1, 2, 3]))
      queue.append(try loop.arena.message([4, 5]))
      try await file.write(queue, at: 0)
      try await file.sync()
      try await file.sync(dataOnly: true)
      #expect(try directory.contents(of: "new") == [1, 2, 3, 4, 5, 0, 0, 0, 0, 0] + bytes)
      // Opened for writing alone: not to be read.
      let refused = await #expect(throws: FileError.self) {
        var buffer = try loop.arena.allocate(minimumCapacity: 1)
        _ = try await file.read(at: 0, count: 1, into: &buffer)
      }
      #expect(refused?.kind == .system(.badFileDescriptor))
      let reader = try await loop.open(path)
      let error = await #expect(throws: FileError.self) { try await reader.write(try loop.arena.message([1]), at: 0) }
      #expect(error?.kind == .system(.badFileDescriptor) && error?.operation == .write)
      let negative = await #expect(throws: FileError.self) { try await file.write(try loop.arena.message([1]), at: -1) }
      #expect(negative?.kind == .system(.invalidArgument))
      // One that is there is emptied.
      _ = try await loop.open(path, .overwrite)
      #expect(try directory.contents(of: "new").isEmpty)
    }
  }

  @Test func aTaskThatIsCancelledOrALoopThatHasEndedOpensNothing() async throws {
    let path = try directory.makeFile("a", bytes: 10)
    let loop = try EventLoop.start()
    let file = try await loop.open(path)
    await loop.shutdown()
    // What is cached is read and opened without a loop.
    var buffer = try BufferArena().allocate(minimumCapacity: 10)
    #expect(try await file.read(at: 0, count: 10, into: &buffer) == 10)
    let error = await #expect(throws: FileError.self) {
      _ = try await loop.open("\(directory.path)/new", .overwrite)
    }
    #expect(error?.kind == .shuttingDown)
    let read = await #expect(throws: FileError.self) { _ = try await file.read() }
    #expect(read?.kind == .shuttingDown)
  }

  @Test func cancellingDoesNotTakeABufferFromTheKernel() async throws {
    let size = 4 << 20
    let path = try directory.makeFile("a", bytes: size)
    try await withLoop { loop in
      let file = try await loop.open(path)
      for delay in 0..<20 {
        try directory.evict("a")
        let task = Task {
          var buffer = try loop.arena.allocate(minimumCapacity: size)
          do throws(FileError) {
            _ = try await file.read(at: 0, count: size, into: &buffer)
          } catch {
            guard error.kind == .cancelled else { throw error }
          }
          // Whatever came is right, and nobody writes there any more.
          let view = try buffer.finish()
          return view.copied() == Pattern().bytes(count: view.count)
        }
        try await Task.sleep(for: .microseconds(delay * 100))
        task.cancel()
        #expect(try await task.value)
      }
    }
  }
}
