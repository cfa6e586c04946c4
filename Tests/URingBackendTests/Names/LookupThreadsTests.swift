import Synchronization
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The threads that block in lookups are few, and nobody waits for one that does not come back.
@Suite(.timeLimit(.minutes(3)))
struct LookupThreadsTests {
  /// Looks nothing up before it is told to.
  private final class Gate: Sendable {
    private let isOpen = Atomic<Bool>(false)
    let running = Locked<[String]>([])
    let most = Locked(0)

    func look(_ host: String) -> Result<[SocketAddress], ResolveError> {
      running.change { $0.append(host) }
      let now = running.value.count
      most.change { $0 = max($0, now) }
      while !isOpen.load(ordering: .acquiring) { usleep(500) }
      return .success([.loopback(port: UInt16(host) ?? 0)])
    }

    func open() { isOpen.store(true, ordering: .releasing) }
  }

  @Test func soManyAtATimeAndTheOthersWait() async throws {
    let gate = Gate()
    let threads = LookupThreads(3, look: { gate.look($0) })
    try await withThrowingTaskGroup(of: (Int, [SocketAddress]).self) { group in
      for number in 0..<20 { group.addTask { (number, try await threads.addresses(of: "\(number)")) } }
      #expect(try await comesTrue { threads.load == (3, 17) && gate.running.value.count == 3 })
      gate.open()
      for try await (number, addresses) in group { #expect(addresses == [.loopback(port: UInt16(number))]) }
    }
    #expect(gate.running.value.count == 20)
    #expect(try await comesTrue { threads.load == (0, 0) })
  }

  @Test func whoIsCancelledDoesNotWaitAndIsNotLookedUp() async throws {
    let gate = Gate()
    let threads = LookupThreads(1, look: { gate.look($0) })
    let first = Task { try await threads.addresses(of: "1") }
    #expect(try await comesTrue { gate.running.value == ["1"] })
    let second = Task { try await threads.addresses(of: "2") }
    let third = Task { try await threads.addresses(of: "3") }
    #expect(try await comesTrue { threads.load.waiting == 2 })
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    // Also the one that is being looked up, which cannot be taken back.
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    gate.open()
    #expect(try await third.value == [.loopback(port: 3)])
    #expect(gate.running.value == ["1", "3"])
    // One that was cancelled before it began.
    let late = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await threads.addresses(of: "4")
    }
    late.cancel()
    await #expect(throws: CancellationError.self) { try await late.value }
    #expect(try await comesTrue { threads.load == (0, 0) })
    #expect(gate.running.value == ["1", "3"])
  }

  @Test func withoutAThreadThereIsAnError() async throws {
    let threads = LookupThreads(3, start: { _ in false })
    let error = await #expect(throws: ResolveError.self) { try await threads.addresses(of: "host") }
    #expect(error?.host == "host" && error?.description.contains("no thread could be started") == true)
    #expect(threads.load == (0, 0))
  }

  @Test func theSystemIsAsked() async throws {
    // Numbers need no server.
    #expect(try await SystemResolver().addresses(of: "127.1", port: 7) == [.loopback(port: 7)])
    #expect(try await SystemResolver().addresses(of: "::1", port: 7) == [try SocketAddress(host: "::1", port: 7)])
    for host in ["", "a\0b"] {
      let error = await #expect(throws: ResolveError.self) { try await SystemResolver().addresses(of: host, port: 7) }
      #expect(error?.host == host)
    }
  }
}
