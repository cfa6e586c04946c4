import DequeModule
import IOBuffers
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Whoever keeps datagrams keeps them from himself, and from nobody else.
@Suite(.timeLimit(.minutes(3)))
struct DatagramMemoryTests {
  /// A megabyte: 512 slots.
  private static let pool = 1 << 20

  @Test(arguments: DatagramLoop.allCases)
  func aFloodWhosePayloadsAreKeptDoesNotStopOthers(kind: DatagramLoop) async throws {
    try await kind.run(datagramBytes: Self.pool) { loop in
      let hog = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let other = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop)
      let (target, address) = (hog.localAddress, other.localAddress)
      let kept = Locked(Deque<DetachedView>())
      let keeping = Task(executorPreference: loop) {
        while let datagram = try await hog.receive() {
          let view = datagram.takePayload().detach()
          kept.withLock { $0.append(view) }
        }
      }
      let echoing = Task(executorPreference: loop) {
        while let datagram = try await other.receive() {
          if let path = datagram.path { await other.send(datagram.takePayload(), over: path) }
        }
      }
      let total = TestRun.amount(100_000, short: 20_000, long: 1_000_000)
      async let flood: Void = blocking {
        let client = try BlockingDatagramClient(connectedTo: target)
        let bytes = [UInt8](repeating: 1, count: 100)
        for _ in 0..<total { try client.send(bytes) }
      }
      try await blocking {
        let client = try BlockingDatagramClient(connectedTo: address)
        for number in 0..<200 as Range<UInt8> {
          try client.send([number])
          #expect(try client.receive() == [number])
        }
      }
      try await flood
      // On a slow machine the kernel has dropped nearly all of them, so some more.
      try await eventually {
        try await blocking {
          let client = try BlockingDatagramClient(connectedTo: target)
          for _ in 0..<100 { try client.send([1]) }
        }
        return kept.withLock { $0.count } > 256
      }
      #expect(kept.withLock { $0.count } < 512)
      // What is given back is received into again.
      while let view = kept.withLock({ $0.popFirst() }) { view.releaseReader() }
      let before = loop.statistics.datagramsReceived
      try await eventually {
        try await blocking { try BlockingDatagramClient(connectedTo: target).send([2]) }
        return loop.statistics.datagramsReceived > before
      }
      try await hog.closeAndRelease(kept, keeping)
      await other.close()
      try await echoing.value
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aLoopWhoseSlotsAreAllHeldSleepsUntilTheyComeHome(kind: DatagramLoop) async throws {
    try await kind.run(datagramBytes: Self.pool) { loop in
      // Sixteen slots in all, with the largest ones.
      var options = DatagramOptions()
      options.largestDatagram = 65_000
      let sockets = try await Self.sockets(8, on: loop, options)
      let kept = Locked(Deque<DetachedView>())
      let tasks = sockets.map { socket in
        Task(executorPreference: loop) {
          while let datagram = try await socket.receive() {
            let view = datagram.takePayload().detach()
            kept.withLock { $0.append(view) }
          }
        }
      }
      let addresses = sockets.map(\.localAddress)
      try await blocking {
        let client = try BlockingDatagramClient()
        for _ in 0..<20 { for address in addresses { try client.send([1], to: address) } }
      }
      try await eventually { kept.withLock { $0.count } >= 8 && loop.memory.datagrams.slotsOut >= 8 }
      let turns = loop.statistics.turns
      try await Task.sleep(for: .milliseconds(100))
      // A look at who holds too much every ten milliseconds, and no more.
      #expect(loop.statistics.turns - turns < 200)
      while let view = kept.withLock({ $0.popFirst() }) { view.releaseReader() }
      try await eventually { kept.withLock { !$0.isEmpty } }
      for (socket, task) in zip(sockets, tasks) { try await socket.closeAndRelease(kept, task) }
    }
  }

  @Test(arguments: DatagramLoop.allCases)
  func aLoopThatEndsInTheMiddleGivesEverythingBack(kind: DatagramLoop) async throws {
    let loop = try EventLoop.start(kind.configuration)
    let sockets = try await Self.sockets(3, on: loop, .init())
    let tasks = sockets.map { socket in
      Task(executorPreference: loop) { () -> SocketError? in
        do {
          while let datagram = try await socket.receive() {
            if let path = datagram.path { await socket.send(datagram.takePayload(), over: path) }
          }
          return nil
        } catch {
          return error as? SocketError
        }
      }
    }
    let addresses = sockets.map(\.localAddress)
    let isOver = Locked(false)
    async let flood: Void = blocking {
      let client = try BlockingDatagramClient()
      while !isOver.withLock({ $0 }) { for address in addresses { try client.send([1, 2, 3], to: address) } }
    }
    try await eventually { loop.statistics.datagramsSent > 500 }
    await loop.shutdown()
    isOver.withLock { $0 = true }
    try await flood
    for task in tasks { #expect(await task.value?.kind == .shuttingDown) }
    await loop.expectNothingHeld()
    await #expect(throws: SocketError.self) { _ = try await DatagramSocket.bind(to: .loopback(port: 0), on: loop) }
  }

  private static func sockets(
    _ count: Int,
    on loop: EventLoop,
    _ options: DatagramOptions
  ) async throws -> [DatagramSocket] {
    var sockets: [DatagramSocket] = []
    for _ in 0..<count {
      sockets.append(try await DatagramSocket.bind(to: .loopback(port: 0), on: loop, options: options))
    }
    return sockets
  }
}

extension DatagramSocket {
  /// Closes the socket, waits for the task that receives, and gives back what it has kept.
  fileprivate func closeAndRelease(_ kept: Locked<Deque<DetachedView>>, _ task: Task<Void, any Error>) async throws {
    await close()
    try await task.value
    while let view = kept.withLock({ $0.popFirst() }) { view.releaseReader() }
  }
}
