import IOBuffers
import Synchronization
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The files of listening Unix sockets: whose they are, who removes them, who may connect.
@Suite(.timeLimit(.minutes(3)))
struct UnixFileTests {
  /// Listens, and stops at once. Throws why it cannot.
  private static func tryToListen(_ address: SocketAddress, _ configuration: TCPServer.Configuration = .init())
    async throws
  {
    let server = TCPServer(address: address, configuration: configuration)
    try await server.run(whenListening: { _ in server.shutdown() }) { EchoHandler() }
  }

  @Test(arguments: [1, 2])
  func theFileIsThereWhileTheServerListensAndNotAfterwards(loops: Int) async throws {
    let directory = try TemporaryDirectory()
    var configuration = TCPServer.Configuration()
    configuration.loops = loops
    let address = try SocketAddress.unix(path: "\(directory.path)/s")
    for _ in 0..<3 {
      let running = try await RunningServer.echo(.handlers, configuration, at: address)
      #expect(directory.entries == ["s"])
      try await running.stop()
      #expect(directory.entries.isEmpty)
    }
  }

  @Test func aSocketThatWasLeftBehindIsReplaced() async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    // Bound, and closed without an unlink: as after a crash.
    try PlainUnixListener.leaveBehind(name)
    #expect(directory.entries == ["s"])
    let running = try await RunningServer.echo(.tasks, at: try .unix(path: name))
    #expect(try await blocking { try BlockingClient(unix: name).echo([1]) } == [1])
    try await running.stop()
    #expect(directory.entries.isEmpty)
  }

  @Test func whoeverDoesNotWantThatGetsTheError() async throws {
    let directory = try TemporaryDirectory()
    let address = try SocketAddress.unix(path: "\(directory.path)/s")
    try PlainUnixListener.leaveBehind("\(directory.path)/s")
    var configuration = TCPServer.Configuration()
    configuration.options.unix.removesStaleSocket = false
    await #expect(throws: SocketError(.system(.addressInUse), .bind, peer: address)) {
      try await Self.tryToListen(address, configuration)
    }
    #expect(directory.entries == ["s"])
  }

  /// One that does not listen yet counts, too, and none of them sees a connection for it.
  @Test(arguments: [1, nil] as [Int32?])
  func aSocketInUseStays(backlog: Int32?) async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let address = try SocketAddress.unix(path: name)
    let other = try PlainUnixListener(name, backlog: backlog)
    await #expect(throws: SocketError(.system(.addressInUse), .bind, peer: address)) {
      try await Self.tryToListen(address)
    }
    #expect(directory.entries == ["s"])
    var entry = pollfd(fd: other.descriptor, events: Int16(POLLIN), revents: 0)
    if backlog != nil {
      #expect(unsafe poll(&entry, 1, 0) == 0)
      let client = try BlockingClient(unix: name)
      try client.send([1])
      #expect(try other.accept().receive(exactly: 1) == [1])
    }
  }

  @Test func aServerOfOursStays() async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let address = try SocketAddress.unix(path: name)
    let running = try await RunningServer.echo(.handlers, at: address)
    let error = await #expect(throws: SocketError.self) { try await Self.tryToListen(address) }
    #expect(error == SocketError(.system(.addressInUse), .bind, peer: address))
    #expect(error?.description.contains("a program listens there") == true)
    #expect(try await blocking { try BlockingClient(unix: name).echo([1]) } == [1])
    let summary = try await running.stop()
    #expect(summary.totals.connectionsOpened == 1)
  }

  @Test func whatIsNoSocketStays() async throws {
    let directory = try TemporaryDirectory()
    try directory.makeFile("s")
    // Nor is a link followed, wherever it leads.
    try PlainUnixListener.leaveBehind("\(directory.path)/stale")
    unsafe #expect(symlink("\(directory.path)/stale", "\(directory.path)/link") == 0)
    for name in ["s", "link"] {
      let address = try SocketAddress.unix(path: "\(directory.path)/\(name)")
      await #expect(throws: SocketError(.system(.addressInUse), .bind, peer: address)) {
        try await Self.tryToListen(address)
      }
    }
    #expect(directory.entries == ["link", "s", "stale"])
  }

  /// Whoever moves the file away, or puts another one there, has a reason.
  @Test(arguments: ServerMode.allCases)
  func aFileThatIsNotTheServersAnyMoreStays(mode: ServerMode) async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let running = try await RunningServer.echo(mode, at: try .unix(path: name))
    unsafe #expect(unlink(name) == 0)
    let other = try PlainUnixListener(name, backlog: 4)
    try await running.stop()
    #expect(directory.entries == ["s"])
    let client = try BlockingClient(unix: name)
    try client.send([5])
    #expect(try other.accept().receive(exactly: 1) == [5])

    // Gone altogether is no error.
    let again = try await RunningServer.echo(mode, at: try .unix(path: "\(directory.path)/t"))
    unsafe #expect(unlink("\(directory.path)/t") == 0)
    try await again.stop()
  }

  /// A newer server takes the path over: the older one must not remove the newer one's file.
  @Test func aServerThatTookThePathOverKeepsIt() async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let old = try await RunningServer.echo(.tasks, at: try .unix(path: name))
    unsafe #expect(rename(name, "\(directory.path)/old") == 0)
    let new = try await RunningServer.echo(.tasks, at: try .unix(path: name))
    try await old.stop()
    // Renamed, it is not where the server left it.
    #expect(directory.entries == ["old", "s"])
    #expect(try await blocking { try BlockingClient(unix: name).echo([1]) } == [1])
    try await new.stop()
    #expect(directory.entries == ["old"])
  }

  @Test func ofManyThatFindALeftoverOneListens() async throws {
    let directory = try TemporaryDirectory()
    let name = "\(directory.path)/s"
    let address = try SocketAddress.unix(path: name)
    for _ in 0..<TestRun.amount(20, short: 5, long: 200) {
      try PlainUnixListener.leaveBehind(name)
      let winners = Locked<[Int32]>([])
      try await blockingThreads(4) { _ in
        do {
          let socket = try Socket.listen(on: address, backlog: 4, options: SocketOptions(), sharesPort: false)
          winners.change { $0.append(socket) }
        } catch let error as SocketError {
          #expect(error.errno == .addressInUse)
        }
      }
      #expect(winners.value.count == 1)
      // And it is the one whose file is there.
      let client = try BlockingClient(unix: name)
      for socket in winners.value {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        #expect(unsafe poll(&entry, 1, 0) == 1)
        Socket.close(socket)
      }
      client.close()
      unsafe #expect(unlink(name) == 0)
    }
  }

  @Test func aDirectoryThatIsMissingIsAClearError() async throws {
    let directory = try TemporaryDirectory()
    let address = try SocketAddress.unix(path: "\(directory.path)/none/s")
    let error = await #expect(throws: SocketError.self) { try await Self.tryToListen(address) }
    #expect(error == SocketError(.system(.noSuchFileOrDirectory), .bind, peer: address))
    #expect(error?.description == "bind \(address): no such directory; make it first")
  }

  @Test(.enabled(if: geteuid() != 0, "who may do everything is not refused"))
  func aDirectoryThatMayNotBeWrittenIsAClearError() async throws {
    let directory = try TemporaryDirectory()
    unsafe #expect(chmod(directory.path, 0o500) == 0)
    let address = try SocketAddress.unix(path: "\(directory.path)/s")
    await #expect(throws: SocketError(.system(.permissionDenied), .bind, peer: address)) {
      try await Self.tryToListen(address)
    }
  }

  @Test func anAbstractNameInUseIsAClearError() async throws {
    let name = UnixServerTests.abstractName()
    let address = try SocketAddress.unix(abstract: name)
    let listener = try PlainUnixListener("@\(name)", backlog: 1)
    let error = await #expect(throws: SocketError.self) { try await Self.tryToListen(address) }
    #expect(error == SocketError(.system(.addressInUse), .bind, peer: address))
    #expect(error?.description.contains("the name is in use") == true)
    withExtendedLifetime(listener) {}
    // One name is like another, with or without what comes behind it.
    let longer = try await RunningServer.echo(.handlers, at: try .unix(abstract: name + "\0"))
    try await longer.stop()
  }

  /// In a process of its own, because the umask is the process's.
  @Test func theFileHasThePermissionsThatWereAskedFor() async {
    await #expect(processExitsWith: .success) { try UnixFileTests.tryPermissions() }
  }

  private static func tryPermissions() throws {
    let directory = try TemporaryDirectory()
    let address = try SocketAddress.unix(path: "\(directory.path)/s")
    for mask in [0o022, 0o077, 0o777, 0] as [mode_t] {
      umask(mask)
      for mode in [0o600, 0o660, 0o666, 0o777, 0] as [mode_t] {
        var options = SocketOptions()
        options.unix.permissions = FilePermissions(rawValue: mode)
        let socket = try Socket.listen(on: address, backlog: 1, options: options, sharesPort: false)
        try #require(try directory.mode(of: "s") == mode)
        Socket.close(socket)
        // Else the next one replaces it, for which it must be allowed to connect.
        if mode & 0o200 == 0 { directory.remove("s") }
      }
      directory.remove("s")
      let socket = try Socket.listen(on: address, backlog: 1, options: SocketOptions(), sharesPort: false)
      try #require(try directory.mode(of: "s") == 0o777 & ~mask)
      Socket.close(socket)
      directory.remove("s")
    }
  }

  /// What the kernel does is looked at before anybody could connect: the socket is bound and does not listen.
  @Test func theFileNeverHasMoreThanThat() async throws {
    let directory = try TemporaryDirectory()
    let address = try SocketAddress.unix(path: "\(directory.path)/s")
    let descriptor = try Socket.open(for: address)
    defer { Socket.close(descriptor) }
    #expect(fchmod(descriptor, 0o600) == 0)
    try Socket.bind(descriptor, to: address)
    #expect(try directory.mode(of: "s") == 0o600)
  }
}
