import CLiburing
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

/// Beside connections that push bulk a small message waits for portions, not for rings. FAULTS A3.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct FairnessTests {
  enum Case: CaseIterable {
    case defaults
    case withoutReceiveLimit
    case largeMarks
    case smallPool
    case smallPoolWithoutIncrementalBuffers
    case smallPoolWithoutMultishot

    /// Several times what four connections have on their way at once.
    var mostBytes: UInt64 {
      switch self {
      case .defaults, .withoutReceiveLimit, .largeMarks: 8 << 20
      case .smallPool, .smallPoolWithoutIncrementalBuffers, .smallPoolWithoutMultishot: 1 << 20
      }
    }

    var configuration: TCPServer.Configuration {
      var configuration = TCPServer.Configuration()
      switch self {
      case .defaults: break
      case .withoutReceiveLimit: configuration.loop.disabledFeatures = [.receiveLimit]
      case .largeMarks: configuration.limits.unreadBytes = 1 << 20
      case .smallPool: configuration.loop.poolBytes = 256 << 10
      case .smallPoolWithoutIncrementalBuffers:
        configuration.loop.poolBytes = 256 << 10
        configuration.loop.disabledFeatures = [.incrementalBuffers]
      case .smallPoolWithoutMultishot:
        configuration.loop.poolBytes = 256 << 10
        configuration.loop.disabledFeatures = [.multishotReceive]
      }
      return configuration
    }
  }

  private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
  }

  /// Counted in bytes that the others moved meanwhile, so that a slow machine, which is slow for them too, changes little.
  @Test(arguments: ServerMode.allCases, Case.allCases)
  func aSmallMessageWaitsForFewBytesOfOthers(mode: ServerMode, it: Case) async throws {
    let running = try await RunningServer.echo(mode, it.configuration)
    let port = running.port
    let isOver = Flag()
    let waits = Locked<[UInt64]>([])
    let messages = TestRun.amount(15, short: 8, long: 200)
    try await blockingThreads(2) { thread in
      if thread == 0 { return try FairnessTests.push(port, until: isOver) }
      defer { isOver.set() }
      let small = try BlockingClient(port: port, guardSeconds: 20)
      while running.server.statistics.bytesReceived < 4 << 20 { usleep(1000) }
      for round in 0..<messages {
        usleep(10_000)
        let before = running.server.statistics.bytesReceived
        let message = Pattern().bytes(at: round, count: 8)
        #expect(try small.echo(message) == message)
        let moved = running.server.statistics.bytesReceived - before
        waits.change { $0.append(moved) }
      }
    }
    let median = waits.value.sorted()[messages / 2]
    #expect(median <= it.mostBytes, "\(waits.value.sorted())")
    try await running.stop()
  }

  /// Keeps four connections busy in both directions.
  private static func push(_ port: UInt16, until isOver: Flag) throws {
    let clients = try (0..<4).map { _ in try BlockingClient(port: port, guardSeconds: 20) }
    try unsafe withUnsafeTemporaryAllocation(byteCount: Pattern.longest, alignment: 64) { buffer in
      while !isOver.isSet {
        var polls = clients.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN | POLLOUT), revents: 0) }
        _ = unsafe poll(&polls, nfds_t(polls.count), 100)
        for (client, one) in zip(clients, polls) {
          if one.revents & Int16(POLLIN) != 0 { _ = try unsafe client.receiveSome(buffer, flags: Int32(MSG_DONTWAIT)) }
          if one.revents & Int16(POLLOUT) != 0 {
            _ = try unsafe client.sendSome(UnsafeRawBufferPointer(buffer), flags: Int32(MSG_DONTWAIT))
          }
        }
      }
    }
    for client in clients { try client.reset() }
  }
}
