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

/// Connecting to Unix sockets whose servers are of plain calls.
@Suite(.timeLimit(.minutes(3)))
struct UnixConnectTests {
  @Test func whatIsNotThereIsAClearError() async throws {
    let directory = try TemporaryDirectory()
    let loop = try EventLoop.start()
    let missing = try SocketAddress.unix(path: "\(directory.path)/none")
    await #expect(throws: SocketError(.system(.noSuchFileOrDirectory), .connect, peer: missing)) {
      _ = try await TCPConnection.connect(to: missing, on: loop)
    }
    try PlainUnixListener.leaveBehind("\(directory.path)/stale")
    try directory.makeFile("file")
    for name in ["stale", "file"] {
      let address = try SocketAddress.unix(path: "\(directory.path)/\(name)")
      let error = await #expect(throws: SocketError.self) { _ = try await TCPConnection.connect(to: address, on: loop) }
      #expect(error == SocketError(.system(.connectionRefused), .connect, peer: address))
      #expect(error?.description == "connect \(address): connection refused; nobody listens there")
    }
    let abstract = try SocketAddress.unix(abstract: UnixServerTests.abstractName())
    await #expect(throws: SocketError(.system(.connectionRefused), .connect, peer: abstract)) {
      _ = try await TCPConnection.connect(to: abstract, on: loop)
    }
    await loop.shutdown()
  }

  @Test(arguments: [true, false])
  func aClientTalksToAServerOfPlainCalls(isAbstract: Bool) async throws {
    let directory = try TemporaryDirectory()
    let name = isAbstract ? "@" + UnixServerTests.abstractName() : "\(directory.path)/s"
    let address: SocketAddress =
      isAbstract ? try .unix(abstract: String(name.dropFirst())) : try .unix(path: name)
    let listener = try PlainUnixListener(name, backlog: 4)
    let loop = try EventLoop.start()
    let connection = try await TCPConnection.connect(to: address, on: loop)
    let peer = try listener.accept()
    try peer.send([1, 2, 3])
    #expect(try await connection.receive(exactly: 3) == [1, 2, 3])
    try await connection.send(try connection.arena.message([4]))
    // The close waits until the peer has received everything and ended its side.
    async let got = blocking {
      defer { peer.close() }
      return try peer.receiveToEnd()
    }
    await connection.close()
    #expect(try await got == [4])
    await loop.shutdown()
  }

  /// What the kernel's backlog holds, and then some: connect(2) would wait.
  static func fill(_ name: String) throws -> [BlockingClient] {
    var clients: [BlockingClient] = []
    while true {
      let client = BlockingClient(
        adopting: socket(
          AF_UNIX,
          Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
          0
        )
      )
      let code = unsafe UnixForm.withAddress(name) { unsafe connect(client.descriptor, $0, $1) }
      if code != 0 {
        guard errno == EAGAIN else { throw Errno(rawValue: errno) }
        return clients
      }
      clients.append(client)
    }
  }

  /// A socket that takes nobody any more, as long as this is held.
  private struct FullBacklog {
    let directory: TemporaryDirectory
    let address: SocketAddress
    let listener: PlainUnixListener
    let clients: [BlockingClient]

    init() throws {
      directory = try TemporaryDirectory()
      let name = "\(directory.path)/s"
      address = try SocketAddress.unix(path: name)
      listener = try PlainUnixListener(name, backlog: 0)
      clients = try UnixConnectTests.fill(name)
    }
  }

  @Test func whereTheBacklogIsFullTheTimeoutEndsTheAttempt() async throws {
    let full = try FullBacklog()
    let address = full.address
    let loop = try EventLoop.start()
    for timeout in [Duration.zero, .milliseconds(60)] {
      await #expect(throws: SocketError(.timedOut, .connect, peer: address)) {
        _ = try await TCPConnection.connect(to: address, on: loop, timeout: timeout)
      }
    }
    #expect(await !loop.isConnecting())
    await loop.shutdown()
    withExtendedLifetime(full) {}
  }

  @Test func whereTheBacklogIsFullACancelledTaskEndsTheAttempt() async throws {
    let full = try FullBacklog()
    let address = full.address
    let loop = try EventLoop.start()
    let task = Task { try await TCPConnection.connect(to: address, on: loop, timeout: .seconds(600)) }
    while await !loop.isConnecting() { await Task.yield() }
    task.cancel()
    await #expect(throws: SocketError(.cancelled, .connect, peer: address)) { _ = try await task.value }
    await loop.shutdown()
    withExtendedLifetime(full) {}
  }

  @Test func whenTheBacklogHasRoomAgainTheAttemptSucceeds() async throws {
    let full = try FullBacklog()
    let address = full.address
    let loop = try EventLoop.start()
    let task = Task { try await TCPConnection.connect(to: address, on: loop, timeout: .seconds(600)) }
    while await !loop.isConnecting() { await Task.yield() }
    try await Task.sleep(for: .milliseconds(20))
    let listener = full.listener
    for _ in full.clients { _ = try listener.accept() }
    let connection = try await task.value
    let peer = try await blocking { try listener.accept() }
    try peer.send([7])
    #expect(try await connection.receive(exactly: 1) == [7])
    await loop.shutdown()
  }

  @Test(arguments: ServerMode.allCases)
  func theLoopsEndGivesTheAttemptUp(mode: ServerMode) async throws {
    let full = try FullBacklog()
    let address = full.address
    let loop = try EventLoop.start()
    let task = Task<Void, any Error> {
      switch mode {
      case .tasks: _ = try await TCPConnection.connect(to: address, on: loop, timeout: .seconds(600))
      case .handlers: try await TCPClient(on: loop, timeout: .seconds(600)) { EchoHandler() }.connect(to: address)
      }
    }
    while await !loop.isConnecting() { await Task.yield() }
    await loop.shutdown()
    await #expect(throws: SocketError(.shuttingDown, .connect, peer: address)) { try await task.value }
    withExtendedLifetime(full) {}
  }
}
