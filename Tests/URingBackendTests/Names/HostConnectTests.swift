import IOBuffers
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Connecting to hosts by name, with resolvers that are not the system's.
@Suite(.timeLimit(.minutes(3)))
struct HostConnectTests {
  /// Answers as it is told to.
  private struct Resolver: HostResolver {
    let asked = Locked<[String]>([])
    let answer: @Sendable () async throws -> [SocketAddress]

    func addresses(of host: String, port: UInt16) async throws -> [SocketAddress] {
      asked.change { $0.append("\(host):\(port)") }
      return try await answer()
    }
  }

  /// Answers only when it is told to, whoever is cancelled meanwhile.
  private final class Hanging: HostResolver {
    let asked = Locked(0)
    private let waiting = Locked<[CheckedContinuation<Void, Never>]>([])

    func addresses(of host: String, port: UInt16) async throws -> [SocketAddress] {
      await withCheckedContinuation { continuation in
        waiting.change { $0.append(continuation) }
        asked.change { $0 += 1 }
      }
      return [.loopback(port: port)]
    }

    func letGo() {
      var all: [CheckedContinuation<Void, Never>] = []
      waiting.change {
        all = $0
        $0 = []
      }
      for continuation in all { continuation.resume() }
    }
  }

  private struct Unknown: Error, CustomStringConvertible {
    var description: String { "nobody knows" }
  }

  /// Where nobody listens: tests listen elsewhere.
  private static func closed(_ last: UInt32, _ port: UInt16) -> SocketAddress {
    SocketAddress(ipv4: 0x7F00_4D00 | last, port: port)
  }

  private static func connect(
    _ mode: ServerMode,
    _ host: String,
    _ port: UInt16,
    on loop: EventLoop,
    timeout: Duration = .seconds(600),
    _ resolver: any HostResolver
  ) async throws(HostConnectError) {
    switch mode {
    case .tasks:
      let connection = try await TCPConnection.connect(
        host: host,
        port: port,
        on: loop,
        timeout: timeout,
        resolver: resolver
      )
      await connection.close()
    case .handlers:
      let client = TCPClient(on: loop, timeout: timeout) { EchoHandler() }
      try await client.connect(host: host, port: port, resolver: resolver)
      await client.shutdown()
    }
  }

  @Test(arguments: ServerMode.allCases)
  func theFirstAddressThatAnswersIsTaken(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let port = running.port
    let loop = try EventLoop.start()
    let resolver = Resolver { [Self.closed(1, port), Self.closed(2, port), running.address, Self.closed(3, port)] }
    try await Self.connect(mode, "name", port, on: loop, resolver)
    #expect(resolver.asked.value == ["name:\(port)"])
    #expect(await !loop.isConnecting())
    await loop.shutdown()
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func anAddressIsNotLookedUp(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let loop = try EventLoop.start()
    let resolver = Resolver { throw Unknown() }
    for host in ["127.0.0.1", "localhost"] { try await Self.connect(mode, host, running.port, on: loop, resolver) }
    #expect(resolver.asked.value.isEmpty)
    // An interface that there is not is no name either.
    let error = await #expect(throws: HostConnectError.self) {
      try await Self.connect(mode, "fe80::1%nonsense", 1, on: loop, resolver)
    }
    #expect(error?.kind == .notFound && error?.lookupFailure as? SocketError == SocketError(.invalidScope, .address))
    #expect(resolver.asked.value.isEmpty)
    await loop.shutdown()
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func aConnectionIsUsedAsAnyOther(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let loop = try EventLoop.start()
    let resolver = Resolver { [running.address] }
    let connection = try await TCPConnection.connect(host: "name", port: 1, on: loop, resolver: resolver)
    #expect(connection.peer == running.address)
    try await connection.send(try connection.arena.message([1, 2, 3]))
    #expect(try await connection.receive(exactly: 3) == [1, 2, 3])
    await connection.close()
    await loop.shutdown()
    try await running.stop()
  }

  @Test(arguments: ServerMode.allCases)
  func everyAddressIsNamedWithItsReason(mode: ServerMode) async throws {
    let loop = try EventLoop.start()
    let addresses = (1...40).map { Self.closed($0, 9) } + [try SocketAddress.unix(path: "/none/at/all")]
    let resolver = Resolver { addresses }
    let error = await #expect(throws: HostConnectError.self) {
      try await Self.connect(mode, "name", 9, on: loop, resolver)
    }
    #expect(error?.kind == .unreachable && error?.host == "name" && error?.port == 9)
    // Families take turns.
    #expect(error?.failures.map(\.peer) == ConnectionRace.interleaved(addresses))
    #expect(error?.failures.filter { $0.errno == .connectionRefused }.count == 40)
    let text = error.map(\.description) ?? ""
    #expect(text.hasPrefix("connect to 'name' port 9: no address answers: connect 127.0.77.1:9: "), "\(text)")
    for address in addresses { #expect(text.contains("connect \(address): ")) }
    await loop.shutdown()
  }

  @Test(arguments: ServerMode.allCases)
  func aLookupThatFailsIsTheReason(mode: ServerMode) async throws {
    let loop = try EventLoop.start()
    let error = await #expect(throws: HostConnectError.self) {
      try await Self.connect(mode, "name", 9, on: loop, Resolver { throw Unknown() })
    }
    #expect(error?.kind == .notFound && error?.lookupFailure is Unknown)
    #expect(error?.description == "connect to 'name' port 9: nobody knows")
    let empty = await #expect(throws: HostConnectError.self) {
      try await Self.connect(mode, "name", 9, on: loop, Resolver { [] })
    }
    #expect(empty?.kind == .notFound && empty?.lookupFailure == nil && empty?.failures.isEmpty == true)
    #expect(empty?.description == "connect to 'name' port 9: the host has no addresses")
    await loop.shutdown()
  }

  // MARK: What hangs

  private enum End: CaseIterable {
    case timeout
    case cancellation
    case loop
  }

  @Test(arguments: ServerMode.allCases)
  func aLookupThatHangsIsNotWaitedFor(mode: ServerMode) async throws {
    for end in End.allCases {
      let loop = try EventLoop.start()
      let resolver = Hanging()
      let task = Task {
        try await Self.connect(
          mode,
          "name",
          9,
          on: loop,
          timeout: end == .timeout ? .milliseconds(30) : .seconds(600),
          resolver
        )
      }
      #expect(try await comesTrue { resolver.asked.value == 1 })
      if end == .cancellation { task.cancel() }
      if end == .loop { await loop.shutdown() }
      let error = await #expect(throws: HostConnectError.self) { try await task.value }
      #expect(error?.kind == [.timeout: .timedOut, .cancellation: .cancelled, .loop: .shuttingDown][end])
      // An answer that comes too late is dropped.
      resolver.letGo()
      await loop.shutdown()
    }
  }

  @Test func aClientThatIsShutDownDoesNotWaitForALookup() async throws {
    let loop = try EventLoop.start()
    let resolver = Hanging()
    let client = TCPClient(on: loop, timeout: .seconds(600)) { EchoHandler() }
    let task = Task { try await client.connect(host: "name", port: 9, resolver: resolver) }
    #expect(try await comesTrue { resolver.asked.value == 1 })
    await client.shutdown()
    let error = await #expect(throws: HostConnectError.self) { try await task.value }
    #expect(error?.kind == .shuttingDown)
    let late = await #expect(throws: HostConnectError.self) { try await client.connect(host: "127.0.0.1", port: 9) }
    #expect(late?.kind == .shuttingDown)
    resolver.letGo()
    await loop.shutdown()
  }

  /// Addresses that do not answer: Unix sockets with a full backlog, where connecting waits.
  private struct Silent {
    let directory: TemporaryDirectory
    let addresses: [SocketAddress]
    let listeners: [PlainUnixListener]
    let clients: [[BlockingClient]]

    init(_ count: Int) throws {
      directory = try TemporaryDirectory()
      let names = (0..<count).map { [directory] in "\(directory.path)/\($0)" }
      addresses = try names.map { try SocketAddress.unix(path: $0) }
      listeners = try names.map { try PlainUnixListener($0, backlog: 0) }
      clients = try names.map { try UnixConnectTests.fill($0) }
    }
  }

  @Test(arguments: ServerMode.allCases)
  func behindAddressesThatDoNotAnswerOneThatDoesIsFound(mode: ServerMode) async throws {
    let silent = try Silent(2)
    let running = try await RunningServer.echo(mode)
    let loop = try EventLoop.start()
    let resolver = Resolver { [silent.addresses[0], silent.addresses[1], running.address] }
    // By family: silent, the server, silent.
    try await Self.connect(mode, "name", 1, on: loop, resolver)
    // The losers are given up.
    while await loop.isConnecting() { await Task.yield() }
    await loop.shutdown()
    try await running.stop()
    withExtendedLifetime(silent) {}
  }

  @Test(arguments: ServerMode.allCases)
  func whereNoAddressAnswersTimeEndsAllAttempts(mode: ServerMode) async throws {
    let silent = try Silent(3)
    let loop = try EventLoop.start()
    let error = await #expect(throws: HostConnectError.self) {
      try await Self.connect(mode, "name", 1, on: loop, timeout: .milliseconds(600), Resolver { silent.addresses })
    }
    #expect(error?.kind == .timedOut)
    // Those that were begun by then.
    #expect(error?.failures.allSatisfy { $0.kind == .timedOut } == true)
    #expect(await !loop.isConnecting())
    await loop.shutdown()
    withExtendedLifetime(silent) {}
  }

  @Test(arguments: ServerMode.allCases, [true, false])
  func whereNoAddressAnswersWhoeverGivesUpEndsAllAttempts(mode: ServerMode, loopEnds: Bool) async throws {
    let silent = try Silent(3)
    let loop = try EventLoop.start()
    let task = Task { try await Self.connect(mode, "name", 1, on: loop, Resolver { silent.addresses }) }
    while await !loop.isConnecting() { await Task.yield() }
    if loopEnds { await loop.shutdown() } else { task.cancel() }
    let error = await #expect(throws: HostConnectError.self) { try await task.value }
    #expect(error?.kind == (loopEnds ? .shuttingDown : .cancelled))
    await loop.shutdown()
    withExtendedLifetime(silent) {}
  }

  /// In a process of its own, where all descriptors are the test's.
  @Test func noDescriptorIsLeftBehind() async {
    await #expect(processExitsWith: .success) { try await HostConnectTests.race() }
  }

  private static func race() async throws {
    let running = try await RunningServer.echo(.handlers)
    let silent = try Silent(2)
    let loop = try EventLoop.start()
    let before = try await OpenDescriptors.settledCount()
    for round in 0..<20 {
      let resolver = Resolver {
        round % 2 == 0
          ? [closed(1, running.port), running.address, silent.addresses[0]]
          : [silent.addresses[0], silent.addresses[1]]
      }
      let mode: ServerMode = round % 4 < 2 ? .tasks : .handlers
      do {
        try await connect(
          mode,
          "name",
          running.port,
          on: loop,
          timeout: .milliseconds(round % 2 == 0 ? 600_000 : 20),
          resolver
        )
        try #require(round % 2 == 0)
      } catch {
        try #require(round % 2 == 1, "\(error)")
      }
    }
    try #require(try await comesTrue { OpenDescriptors.count() <= before })
    await loop.shutdown()
    try await running.stop()
    withExtendedLifetime(silent) {}
  }

  @Test func manyAtOnceAllCome() async throws {
    let running = try await RunningServer.echo(.handlers)
    let loop = try EventLoop.start()
    let client = TCPClient(on: loop, timeout: .seconds(600)) { EchoHandler() }
    let names = try await withThrowingTaskGroup(of: ConnectionID.self) { group in
      for number in 0..<100 {
        let resolver = Resolver { [Self.closed(UInt32(number + 1), running.port), running.address] }
        group.addTask { try await client.connect(host: "name", port: running.port, resolver: resolver) }
      }
      return try await group.reduce(into: Set<ConnectionID>()) { $0.insert($1) }
    }
    #expect(names.count == 100)
    await client.shutdown()
    await loop.shutdown()
    try await running.stop()
  }

}
