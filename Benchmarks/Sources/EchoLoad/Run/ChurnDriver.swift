import IOBuffers
import URingBackend

/// Each lane connects, echoes one message, closes, waits until the server has closed too, and starts over.
///
/// What is counted is connections, and the latency is that of the whole cycle.
final class ChurnDriver: LoadDriver, @unchecked Sendable {
  /// How long a lane waits after an error, so that a server that is gone does not make it spin.
  static let pause = Duration.milliseconds(10)

  private var clients: [TCPClient<LaneHandler>] = []
  private var ends: [LoopSignal] = []
  private var hasEchoed: [Bool]
  private var cycling = 0

  override init(loop: EventLoop, plan: LoadPlan) throws(BufferError) {
    hasEchoed = Array(repeating: false, count: plan.connections)
    try super.init(loop: loop, plan: plan)
  }

  override var toleratedErrors: Int { 1000 }

  /// A client for each lane, so that its handlers know where they belong. Nothing is opened yet.
  override func openAll() async throws(LoadError) {
    for lane in lanes.indices {
      clients.append(makeClient { lane })
      ends.append(LoopSignal())
    }
  }

  override func begin(at now: UInt64) {
    cycling = lanes.count
    for lane in lanes.indices {
      Task(executorPreference: loop) { await self.cycle(lane) }
    }
  }

  private func cycle(_ lane: Int) async {
    while isRunning {
      let start = MonotonicClock.now()
      guard quota.take(1, now: start) == 1 else { break }
      hasEchoed[lane] = false
      lanes[lane].expectsEnd = false
      lanes[lane].isBroken = false
      do throws(SocketError) {
        try await clients[lane].connect(to: plan.address(lane))
      } catch {
        fail(LoadError(error))
        _ = try? await loop.sleep(for: ChurnDriver.pause)
        continue
      }
      await ends[lane].wait()
      if hasEchoed[lane], !lanes[lane].isBroken {
        tally.record(MonotonicClock.now() &- start)
        tally.messages += 1
      } else {
        // What is left of its message will never come.
        lanes[lane].stream = MessageStream(size: plan.size, depth: 1)
        _ = try? await loop.sleep(for: ChurnDriver.pause)
      }
    }
    cycling -= 1
    if cycling == 0 { end(at: MonotonicClock.now()) }
  }

  override func opened(_ lane: Int, _ connection: borrowing ConnectionContext) throws {
    try super.opened(lane, connection)
    try send(1, lane, startedAt: 0, connection)
  }

  override func completed(
    _ count: Int,
    _ lane: Int,
    at now: UInt64,
    _ connection: borrowing ConnectionContext
  ) throws {
    lanes[lane].stream.finish(count) { _, _ in }
    hasEchoed[lane] = true
    lanes[lane].expectsEnd = true
    connection.close()
  }

  override func gone(_ lane: Int) {
    ends[lane].fire()
  }

  override func tearDown() async {
    await super.tearDown()
    for client in clients { await client.shutdown() }
    clients = []
  }
}
