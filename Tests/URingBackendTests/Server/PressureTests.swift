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

/// Peers that are slow, and more data than there is memory for.
@Suite(.timeLimit(.minutes(5)))
struct PressureTests {
  @Test(arguments: ServerMode.allCases)
  func aPeerThatNeverReadsIsBoundedAndDoesNotDisturbOthers(mode: ServerMode) async throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.unreadBytes = 128 << 10
    configuration.limits.highWaterBytes = 128 << 10
    configuration.limits.lowWaterBytes = 32 << 10
    configuration.loop.slotBytes = 16 << 10
    configuration.drainTimeout = .seconds(5)
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    // Each bound may be overshot by what one receive brings, and by what is taken and not yet queued.
    let bound = UInt64(configuration.limits.unreadBytes + configuration.limits.highWaterBytes + 6 * 16 << 10)
    try await blocking {
      let stuck = try BlockingClient(port: port)
      // What is in the server and has not gone out. The kernel's own buffers may grow meanwhile and take it: fill again.
      func fillUp() {
        while true {
          fill(stuck)
          let held = running.server.statistics.heldBytes
          #expect(held <= bound, "\(held) bytes")
          if held > bound / 4 { break }
        }
      }
      fillUp()
      for seed in 0..<3 { try EchoSwarm.run(port: port, total: 1 << 20, seed: seed) }
      fillUp()
      try stuck.reset()
    }
    try await running.stop()
  }

  /// The peer of a connection that is stuck reads in the end, and gets every byte.
  @Test(arguments: ServerMode.allCases)
  func aPeerThatReadsLateGetsEveryByte(mode: ServerMode) async throws {
    let running = try await RunningServer.echo(mode)
    let port = running.port
    try await blocking {
      let client = try BlockingClient(port: port)
      let pattern = Pattern(seed: 5)
      var sent = 0
      // Sends until nothing more goes out, as `fill` does, but of a pattern that goes on.
      while true {
        var one = pollfd(fd: client.descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&one, 1, 200) == 1 else { break }
        sent += try unsafe pattern.withBytes(at: sent, count: 50_000) {
          try unsafe client.sendSome($0, flags: Int32(MSG_DONTWAIT))
        }
      }
      #expect(sent > 256 << 10)
      try client.closeOutput()
      var received = 0
      try unsafe withUnsafeTemporaryAllocation(byteCount: Pattern.longest, alignment: 64) { buffer in
        while case let count = try unsafe client.receiveSome(buffer), count > 0 {
          #expect(unsafe pattern.matches(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: received))
          received += count
        }
      }
      #expect(received == sent)
    }
    try await running.stop()
  }

  /// 64 KiB of pool for 200 connections that have far more data on the way.
  @Test(arguments: ServerMode.allCases, [[], [KernelFeature.incrementalBuffers], [.multishotReceive]])
  func withATinyPoolEveryoneCompletesAndNobodyStarves(mode: ServerMode, without: [KernelFeature]) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 64 << 10
    configuration.loop.disabledFeatures = without
    let running = try await RunningServer.echo(mode, configuration)
    let port = running.port
    let count = TestRun.amount(200, short: 60, long: 400)
    let total = TestRun.amount(30_000, short: 10_000, long: 300_000)
    try await blocking { try EchoSwarm.run(port: port, clients: count, total: total) }
    let statistics = running.server.statistics
    #expect(statistics.poolBytes <= 64 << 10)
    let summary = try await running.stop()
    #expect(summary.totals.bytesReceived == UInt64(count * total))
    #expect(summary.totals.bytesSent == UInt64(count * total))
  }

  /// Tasks that keep what they received hold the whole pool; when they let go, everybody else goes on.
  @Test func connectionsThatWaitForSlotsGoOnWhenViewsAreReleased() async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 64 << 10
    let hold = Locked(true)
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while let view = try await connection.receive() {
          while hold.withLock({ $0 }) { try await connection.loop.sleep(for: .milliseconds(1)) }
          try await connection.send(view)
        }
      }
    }
    let port = running.port
    let count = 120
    let message = Pattern(seed: 2).bytes(count: 4096)
    try await blocking {
      let clients = try (0..<count).map { _ in try BlockingClient(port: port) }
      for client in clients { try client.send(message) }
      while running.server.statistics.pressureEpisodes == 0 { usleep(1000) }
      hold.withLock { $0 = false }
      for client in clients { #expect(try client.receive(exactly: message.count) == message) }
      for client in clients { try client.closeOutput() }
      for client in clients { #expect(try client.receiveToEnd().isEmpty) }
    }
    let summary = try await running.stop()
    #expect(summary.totals.bytesSent == UInt64(count * message.count))
  }

  /// A reader that is slower than its peer: the credit stops the peer, not the memory.
  @Test(arguments: [[], [KernelFeature.receiveLimit], [.multishotReceive]])
  func bytesThatNobodyTakesAreBoundedByTheCredit(without: [KernelFeature]) async throws {
    var configuration = TCPServer.Configuration()
    configuration.limits.unreadBytes = 64 << 10
    configuration.loop.slotBytes = 16 << 10
    configuration.loop.disabledFeatures = without
    let mayRead = Locked(false)
    let taken = Locked(0)
    let running = try await RunningServer.start(configuration) { server, whenListening in
      try await server.run(whenListening: whenListening) { connection in
        while !mayRead.withLock({ $0 }) { try await connection.loop.sleep(for: .milliseconds(1)) }
        while let view = try await connection.receive() {
          let count = view.count
          taken.withLock { $0 += count }
        }
      }
    }
    let port = running.port
    let sent = try await blocking {
      let client = try BlockingClient(port: port)
      repeat { fill(client) } while running.server.statistics.bytesReceived < 64 << 10
      let unread = running.server.statistics.bytesReceived
      // Where the kernel does not keep the credit, the cancel comes while it delivers on: a pool's worth at the most.
      let slack: UInt64 = without.contains(.receiveLimit) ? 4 << 20 : 16 << 10
      #expect(unread <= 64 << 10 + slack, "\(unread) bytes")
      mayRead.withLock { $0 = true }
      while running.server.statistics.bytesReceived == unread { usleep(1000) }
      try client.closeOutput()
      #expect(try client.receiveToEnd().isEmpty)
      return running.server.statistics.bytesReceived
    }
    try await running.stop()
    #expect(taken.withLock { UInt64($0) } == sent)
  }
}

extension LoopStatistics {
  /// Bytes that came in and have not gone out.
  var heldBytes: UInt64 { bytesReceived - min(bytesSent, bytesReceived) }
}
