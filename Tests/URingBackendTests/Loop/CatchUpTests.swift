import SystemPackage
import Testing

@testable import URingBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A loop that stood still looks at what came meanwhile before it lets timers say that nothing did.
@Suite(.timeLimit(.minutes(5)))
struct CatchUpTests {
  private struct Outcome: Sendable {
    var events: [RecordingClient.Event]
    var enters: Int
    var catchUps: Int
    var turns: UInt64
  }

  /// Runs a whole loop over a kernel that the test plays; `script` runs in each enter, with its number, and returns nil
  /// for success. The loop ends after `turns` enters that it makes by itself.
  private func run(
    turns: Int,
    _ script: @escaping @Sendable (StalledKernel, EventLoop, Int) -> Errno?
  ) async throws -> Outcome {
    try await blocking {
      let kernel = StalledKernel()
      let client = RecordingClient()
      let loop = try EventLoop.make(EventLoop.Configuration(), index: 0, driver: kernel, logger: nil) {
        _,
        _ throws(RingError) in client
      }
      kernel.onEnter = { kernel in
        if kernel.enters - kernel.catchUps >= turns {
          loop.stopping = true
          kernel.wake()
        }
        return script(kernel, loop, kernel.enters)
      }
      loop.run()
      kernel.onEnter = nil
      return Outcome(
        events: client.events,
        enters: kernel.enters,
        catchUps: kernel.catchUps,
        turns: loop.counters.turns.current
      )
    }
  }

  private let hundred = (0..<100).map { OperationID(.receive, index: $0).rawValue }
  private let inOrder = (0..<100).map { RecordingClient.Event.completed($0) } + [.timer(7)]

  /// SIGSTOP and SIGCONT, as io_uring_enter(2) shows them: the wait ends with EINTR, and posts nothing.
  @Test func whatWaitedComesBeforeATimerAfterAnInterruptedWait() async throws {
    let hundred = hundred
    let outcome = try await run(turns: 3) { kernel, loop, number in
      guard number == 1 else { return nil }
      kernel.held = hundred
      _ = loop.timers.arm(LoopClock.now(), .client(7))
      return .interrupted
    }
    #expect(outcome.events == inOrder)
    #expect(outcome.catchUps == 1)
  }

  /// The thread was not in the kernel when it was stopped, or the clock jumped: nothing but the time says so.
  @Test func whatWaitedComesBeforeATimerThatIsLate() async throws {
    let hundred = hundred
    let outcome = try await run(turns: 3) { kernel, loop, number in
      guard number == 1 else { return nil }
      kernel.held = hundred
      _ = loop.timers.arm(LoopClock.now() - 50_000_000, .client(7))
      return nil
    }
    #expect(outcome.events == inOrder)
    #expect(outcome.catchUps == 1)
  }

  /// As io_uring_enter(2) has it: what was not taken would be waited on, so such a call returns at once.
  @Test func aCallThatTakesFewerEntriesIsNoLook() async throws {
    let hundred = hundred
    let outcome = try await run(turns: 3) { kernel, loop, number in
      if number == 2 {
        // This call takes none, the next one does.
        defer { kernel.consumeLimit = .max }
        return nil
      }
      guard number == 1 else { return nil }
      kernel.held = hundred
      _ = loop.ring.prepareCancel(target: 1, userData: OperationID(.cancelReceive, index: 1).rawValue)
      kernel.consumeLimit = 0
      _ = loop.timers.arm(LoopClock.now(), .client(7))
      return .interrupted
    }
    #expect(outcome.events == inOrder)
    #expect(outcome.catchUps == 2)
  }

  @Test func anInterruptedWaitCostsNothingWhileNoTimerIsDue() async throws {
    let outcome = try await run(turns: 100) { kernel, loop, number in
      if number == 1 { _ = loop.timers.arm(.max, .client(7)) }
      return .interrupted
    }
    #expect(outcome.events == [] && outcome.catchUps == 0)
  }

  @Test func aTimerThatIsInTimeCostsNoFurtherEnter() async throws {
    let outcome = try await run(turns: 200) { kernel, loop, number in
      _ = loop.timers.arm(LoopClock.now(), .client(UInt64(number)))
      return nil
    }
    #expect(outcome.events.count >= 199)
    // A busy machine may make some of them late.
    #expect(outcome.catchUps < 100)
    // The one beyond the turns takes the wake-up back.
    #expect(outcome.enters <= Int(outcome.turns) + outcome.catchUps + 1)
  }

  @Test func aTurnWithManyLateTimersLooksOnce() async throws {
    let outcome = try await run(turns: 3) { kernel, loop, number in
      guard number == 1 else { return nil }
      for timer in 0..<50 { _ = loop.timers.arm(LoopClock.now() - 50_000_000, .client(UInt64(timer))) }
      return .interrupted
    }
    #expect(outcome.events.count == 50 && outcome.catchUps == 1)
  }

  /// The kernel posts no more than twenty completions of those that wait to an enter that does not ask for more.
  @Test(.needsIOUring) func anEnterForAllGetsAllThatWaits() throws {
    let ring = try Ring.kernel(entries: 256, completionEntries: 512)
    defer { ring.close() }
    let pairs = try (0..<200).map { _ in try SocketPair() }
    for (index, pair) in pairs.enumerated() {
      #expect(ring.preparePollAdd(pair.ours.rawValue, events: UInt32(POLLIN), userData: UInt64(index)))
    }
    try ring.enter(waitFor: 0, timeoutNanoseconds: nil)
    for pair in pairs { try pair.send([1]) }
    try ring.enterForAllThatIsReady()
    var seen: Set<UInt64> = []
    while let completion = ring.nextCompletion() { seen.insert(completion.userData) }
    #expect(seen.count == 200)
    // Nothing is left, and it does not wait for anything.
    try ring.enterForAllThatIsReady()
    #expect(!ring.hasCompletions)
  }

  /// Something on the loop takes longer than the idle time, and meanwhile every peer sends a request.
  @Test(arguments: ServerMode.allCases)
  func requestsThatCameWhileTheLoopWasHeldUpAreAnswered(mode: ServerMode) async throws {
    let group = try LoopGroup(count: 1)
    var configuration = TCPServer.Configuration()
    configuration.limits.idleTimeout = .seconds(4)
    let running = try await RunningServer.echo(mode, configuration, group: group)
    let port = running.port
    let loop = group.loops[0]
    let answered = try await blocking {
      let clients = try (0..<25).map { _ in try BlockingClient(port: port) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      loop.execute { usleep(5_000_000) }
      for client in clients { try client.send([2]) }
      return clients.filter { (try? $0.receive()) == [2] }.count
    }
    #expect(answered == 25)
    running.server.abort()
    _ = try await running.task.value
    await group.shutdown()
  }

  /// The same with the whole process: a debugger, a shell's job control, a container that is paused.
  @Test(.enabled(if: ServerProcess.isBuilt), arguments: ["async", "handler"])
  func requestsThatCameWhileTheProcessWasStoppedAreAnswered(mode: String) async throws {
    let answered = try await blocking {
      let server = try ServerProcess(["--port", "0", "--mode", mode, "--idle-timeout", "4"])
      let clients = try (0..<25).map { _ in try BlockingClient(port: server.port) }
      for client in clients { #expect(try client.echo([1]) == [1]) }
      server.stop()
      for client in clients { try client.send([2]) }
      usleep(5_000_000)
      server.goOn()
      return clients.filter { (try? $0.receive()) == [2] }.count
    }
    #expect(answered == 25)
  }
}
