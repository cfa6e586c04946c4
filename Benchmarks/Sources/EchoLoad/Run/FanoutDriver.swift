import IOBuffers
import URingBackend

/// One connection publishes, and the server is to send each message to all connections, the publisher among them.
///
/// What is counted is deliveries, and the latency is that of each delivery. A round is over when every connection has it.
final class FanoutDriver: LoadDriver, @unchecked Sendable {
  private var rounds: FanoutRounds
  /// The round that each lane receives next.
  private var nextRound: [UInt64]
  private var receivers = 0

  override init(loop: EventLoop, plan: LoadPlan) throws(BufferError) {
    rounds = FanoutRounds(depth: plan.depth)
    nextRound = Array(repeating: 0, count: plan.connections)
    try super.init(loop: loop, plan: plan)
  }

  /// Opens the connections one after the other. Each publishes a message as soon as it stands: a connection counts for the
  /// kernel before the server has accepted it, and only a delivery proves that the server knows it.
  override func openAll() async throws(LoadError) {
    for lane in lanes.indices {
      // All streams carry the same messages, but each begins where its connection joined.
      lanes[lane].shift = rounds.published * UInt64(plan.size) % UInt64(Pattern.period)
      nextRound[lane] = rounds.published
      try await open(lane)
      receivers = lane + 1
      publish(from: lane, at: MonotonicClock.now())
      await wait { _ in self.rounds.completed == self.rounds.published }
      if let firstError { throw firstError }
    }
    tally = Tally()
  }

  override var whatIsAwaited: String {
    guard !isRunning, rounds.completed < rounds.published else { return super.whatIsAwaited }
    return "the server does not send a message to each of its connections, of which \(openCount) are open"
  }

  override func begin(at now: UInt64) {
    publishMore(at: now)
  }

  override func completed(
    _ count: Int,
    _ lane: Int,
    at now: UInt64,
    _ connection: borrowing ConnectionContext
  ) throws {
    tally.finish(count, of: &lanes[lane].stream, at: now)
    var hasRoom = false
    for _ in 0..<count {
      if rounds.receive(nextRound[lane]) { hasRoom = true }
      nextRound[lane] += 1
    }
    guard hasRoom else { return }
    guard isRunning else { return noteEvent() }
    publishMore(at: now)
  }

  /// Publishes as many rounds as the depth and the quota allow. A round that has begun is finished.
  private func publishMore(at now: UInt64) {
    while rounds.room > 0 {
      guard quota.take(receivers, now: now) > 0 else { break }
      tally.rounds += 1
      publish(from: 0, at: now)
    }
    if rounds.completed == rounds.published, quota.isUsedUp { end(at: now) }
  }

  private func publish(from lane: Int, at now: UInt64) {
    guard let id = lanes[lane].connection else { return }
    rounds.publish(receivers: receivers)
    let position = lanes[lane].stream.queued
    for receiver in 0..<receivers { lanes[receiver].stream.begin(1, at: now) }
    do {
      _ = try loop.withConnection(id) { try sendBytes(plan.size, from: position, lane, $0) }
    } catch {
      fail(LoadError(.other, "\(error)"))
    }
  }
}
