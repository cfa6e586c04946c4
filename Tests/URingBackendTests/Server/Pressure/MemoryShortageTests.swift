import IOBuffers
import Logging
import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Memory that cannot be had: an error at the start, said once and tried again later. FAULTS A5, A6.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct MemoryShortageTests {
  @Test(arguments: [Int.min, -1, 0, 1023, (1 << 27) + 1, 1 << 30, 1 << 32, 5 << 30, Int.max])
  func aSlotOfASizeThatCannotBeIsAnErrorAtTheStart(bytes: Int) async throws {
    var configuration = EventLoop.Configuration()
    configuration.slotBytes = bytes
    let error = #expect(throws: RingError.self) { try EventLoop.start(configuration) }
    #expect(error?.description.contains("\(bytes)") == true)
    var server = TCPServer.Configuration()
    server.loop = configuration
    await #expect(throws: RingError.self) { try await RunningServer.echo(.tasks, server) }
  }

  @Test(arguments: [1024, 4 << 20, 1 << 26])
  func theSizesAtTheBordersWork(bytes: Int) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.slotBytes = bytes
    // Address space alone: nobody writes there.
    configuration.loop.poolBytes = max(64 << 20, 64 * bytes)
    let running = try await RunningServer.echo(.tasks, configuration)
    try await blocking { try EchoSwarm.run(port: running.port, clients: 2, total: 200_000) }
    try await running.stop()
  }

  /// Pools of every size are served, the smallest and senseless ones included.
  @Test(arguments: [Int.min, -1, 0, 1, 4096, 65_536, 65_537, 100_000])
  func aPoolOfAnySizeServes(bytes: Int) async throws {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = bytes
    let running = try await RunningServer.echo(.handlers, configuration)
    try await blocking { try EchoSwarm.run(port: running.port, clients: 3, total: 30_000) }
    #expect(running.server.statistics.poolBytes <= UInt64(max(bytes, 65_536)))
    try await running.stop()
  }

  @Test func withoutMemoryForTheFirstSlotsTheStartFails() async {
    await #expect(processExitsWith: .success) {
      // What the first start of a loop brings with it is there by now.
      try await RunningServer.echo(.tasks).stop()
      let before = try await OpenDescriptors.settledCount()
      var configuration = TCPServer.Configuration()
      configuration.loop.poolBytes = 4 << 30
      configuration.loop.slotBytes = 64 << 20
      try AddressSpace.limit(leaving: 40 << 20)
      let error = await #expect(throws: RingError.self) { try await RunningServer.echo(.tasks, configuration) }
      #expect(error?.reason == .outOfMemory && error?.description.contains("receive slots") == true, "\(error)")
      try AddressSpace.limit(leaving: nil)
      try await eventually { OpenDescriptors.count() == before }
      // With memory it starts.
      let running = try await RunningServer.echo(.tasks, configuration)
      try await blocking { try EchoSwarm.run(port: running.port, total: 100_000) }
      try await running.stop()
    }
  }

  /// Keeps what it is sent if that begins with 1, and sends it back otherwise.
  private final class Keeper: ConnectionHandler {
    let gone: Locked<[SocketError?]>
    private var kept: ReadView?

    init(_ gone: Locked<[SocketError?]>) { self.gone = gone }

    func received(_ view: consuming ReadView, on connection: borrowing ConnectionContext) {
      if view.copied().first == 1 {
        kept = consume view
      } else {
        connection.send(view)
      }
    }

    func closed(_ error: SocketError?) { gone.change { $0.append(error) } }
  }

  @Test func laterFailuresAreSaidOnceAndWhoWaitsIsServedWhenMemoryIsBack() async {
    await #expect(processExitsWith: .success) { try await MemoryShortageTests().laterFailures() }
  }

  /// Each receive takes one slot of 64 MiB; a few of 24 are mapped at the start.
  private func start(_ log: RecordedLog, _ gone: Locked<[SocketError?]>) async throws -> RunningServer {
    var configuration = TCPServer.Configuration()
    configuration.loop.poolBytes = 4 << 30
    configuration.loop.slotBytes = 64 << 20
    configuration.loop.disabledFeatures = [.incrementalBuffers]
    return try await RunningServer.start(configuration, log: log) { server, whenListening in
      try await server.run(whenListening: whenListening) { Keeper(gone) }
    }
  }

  private func laterFailures() async throws {
    let log = RecordedLog()
    let gone = Locked<[SocketError?]>([])
    let running = try await start(log, gone)
    try await blocking {
      let clients = try (0..<4).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      // More than there can be slots, in case that memory comes free meanwhile.
      let keepers = try (0..<24).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      #expect(try clients[0].echo([2]) == [2])
      try AddressSpace.limit(leaving: 40 << 20)
      for keeper in keepers { try keeper.send([1]) }
      while log.count(containing: "refuses memory") == 0 { usleep(1000) }
      for client in clients { try client.send([3, 4]) }
      // Nobody burns the core meanwhile.
      usleep(50_000)
      let (before, start) = (running.server.statistics, ContinuousClock.now)
      let said = log.lines.count
      usleep(300_000)
      let (after, elapsed) = (running.server.statistics, ContinuousClock.now - start)
      #expect(after.turns - before.turns <= 20 + 3 * UInt64(elapsed / .milliseconds(10)))
      #expect(after.bytesReceived == before.bytesReceived && log.lines.count == said)
      // A reset is noticed without a slot.
      try clients[3].reset()
      while gone.value.isEmpty { usleep(1000) }
      #expect(gone.value.map { $0?.errno } == [.connectionReset])
      for keeper in keepers { keeper.close() }
      try AddressSpace.limit(leaving: nil)
      for client in clients[..<3] { #expect(try client.receive(exactly: 2) == [3, 4]) }
      for client in clients { client.close() }
    }
    try await running.settles()
    try await running.stop()
  }

  @Test func whileASlotIsLeftAShortageIsSaidOnce() async {
    await #expect(processExitsWith: .success) { try await MemoryShortageTests().aSlotIsLeft() }
  }

  /// Messages that pass through the last slot, one after the other, are no new shortage each.
  private func aSlotIsLeft() async throws {
    let log = RecordedLog()
    let running = try await start(log, Locked([]))
    try await blocking {
      let keepers = try (0..<24).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      let client = try BlockingClient(port: running.port, guardSeconds: 20)
      #expect(try client.echo([2]) == [2])
      try AddressSpace.limit(leaving: 40 << 20)
      for keeper in keepers { try keeper.send([1]) }
      while log.count(containing: "refuses memory") == 0 { usleep(1000) }
      for keeper in keepers { keeper.close() }
      for round in 0..<40 { #expect(try client.echo([2, UInt8(round)]) == [2, UInt8(round)]) }
      let more = try (0..<5).map { _ in try BlockingClient(port: running.port, guardSeconds: 20) }
      for round in 0..<10 {
        for other in more { try other.send([3, UInt8(round)]) }
        for other in more { #expect(try other.receive(exactly: 2) == [3, UInt8(round)]) }
      }
      try AddressSpace.limit(leaving: nil)
      #expect(log.count(containing: "refuses memory") == 1, "\(log.lines.count) lines")
      for client in more { client.close() }
      client.close()
    }
    try await running.settles()
    try await running.stop()
  }
}

/// How much memory this process may map.
private enum AddressSpace {
  /// So many bytes more than now; nil: as much as it wants.
  static func limit(leaving bytes: Int?) throws {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { throw Errno(rawValue: errno) }
    limit.rlim_cur = bytes.map { rlim_t(used() + $0) } ?? limit.rlim_max
    guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { throw Errno(rawValue: errno) }
  }

  /// The first field of /proc/self/statm, in bytes.
  private static func used() -> Int {
    let file = unsafe open("/proc/self/statm", O_RDONLY)
    defer { close(file) }
    return unsafe withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
      let count = unsafe read(file, buffer.baseAddress, buffer.count)
      let text = unsafe String(decoding: buffer[..<max(0, count)], as: UTF8.self)
      return (text.split(separator: " ").first.flatMap { Int($0) } ?? 0) * 4096
    }
  }
}
