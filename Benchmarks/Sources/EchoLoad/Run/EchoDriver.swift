import IOBuffers
import URingBackend

/// Messages that come back on the connection that sent them: in a closed loop, by the clock, or one at a time.
final class EchoDriver: LoadDriver, @unchecked Sendable {
  /// A message of an open loop that went out this many nanoseconds after its time is late.
  static let lateness: UInt64 = 100_000

  private var schedule = Schedule(start: 0, rate: 1, count: 0)
  private var probing: Int?
  private var nextProbe = 0
  private var probeStride = 1

  override var toleratedErrors: Int { plan.pace == .probe ? .max : 0 }

  override func begin(at now: UInt64) {
    switch plan.pace {
    case .closedLoop: beginClosedLoop(at: now)
    case .openLoop(let rate): beginOpenLoop(rate, at: now)
    case .probe:
      nextProbe = 0
      probeStride = max(1, lanes.count / Int(clamping: max(1, quota.left)))
      probe(at: now)
    }
  }

  override func completed(
    _ count: Int,
    _ lane: Int,
    at now: UInt64,
    _ connection: borrowing ConnectionContext
  ) throws {
    tally.finish(count, of: &lanes[lane].stream, at: now)
    switch plan.pace {
    case .closedLoop:
      let granted = quota.take(lanes[lane].stream.room, now: now)
      if granted > 0 { try send(granted, lane, startedAt: now, connection) }
      endIfComplete(at: now)
    case .openLoop:
      if lanes[lane].held > 0 { try sendHeld(lane, at: now, connection) }
      endIfComplete(at: now)
    case .probe: probe(at: now)
    }
  }

  override func gone(_ lane: Int) {
    // A probe that was lost with its connection must not stop the others.
    if isRunning, probing == lane { probe(at: MonotonicClock.now()) }
  }

  private func begin(_ lane: Int, at time: UInt64) {
    guard let id = lanes[lane].connection else { return }
    do {
      _ = try loop.withConnection(id) { try send(1, lane, startedAt: time, $0) }
    } catch {
      fail(LoadError(.other, "\(error)"))
    }
  }

  // MARK: Closed loop

  /// Round by round, so that a small number of messages is spread over the connections.
  private func beginClosedLoop(at now: UInt64) {
    for _ in 0..<plan.depth {
      for lane in lanes.indices {
        guard quota.take(1, now: now) == 1 else { return endIfComplete(at: now) }
        begin(lane, at: now)
      }
    }
  }

  // MARK: Open loop

  private func beginOpenLoop(_ rate: Double, at now: UInt64) {
    schedule = Schedule(start: now, rate: rate, count: quota.left)
    for lane in lanes.indices {
      lanes[lane].next = UInt64(lane)
      lanes[lane].held = 0
    }
    endIfComplete(at: now)
    Task(executorPreference: loop) { await self.keepSchedule() }
  }

  /// Sends what is due, sleeps until the next message is, and so on.
  private func keepSchedule() async {
    while isRunning, let time = schedule.nextTime {
      let now = MonotonicClock.now()
      if time <= now {
        sendDue(at: now)
        continue
      }
      // Not longer than a moment: the run may be given up meanwhile.
      guard (try? await loop.sleep(for: .nanoseconds(Int64(min(time - now, 100_000_000))))) != nil else { return }
    }
  }

  private func sendDue(at now: UInt64) {
    while isRunning, let (index, time) = schedule.next(now: now) {
      let lane = Int(index % UInt64(lanes.count))
      guard lanes[lane].held == 0, lanes[lane].stream.room > 0 else {
        lanes[lane].held += 1
        continue
      }
      _ = quota.take(1, now: now)
      lanes[lane].next += UInt64(lanes.count)
      if now - time > EchoDriver.lateness { tally.late += 1 }
      tally.latest = max(tally.latest, now - time)
      begin(lane, at: time)
    }
  }

  /// Messages whose time came while the connection was full. Their latency counts from that time all the same.
  private func sendHeld(_ lane: Int, at now: UInt64, _ connection: borrowing ConnectionContext) throws {
    while lanes[lane].held > 0, lanes[lane].stream.room > 0 {
      _ = quota.take(1, now: now)
      let time = schedule.time(of: lanes[lane].next)
      lanes[lane].next += UInt64(lanes.count)
      lanes[lane].held -= 1
      tally.held += 1
      tally.latest = max(tally.latest, now - time)
      try send(1, lane, startedAt: time, connection)
    }
  }

  override func overdue(at now: UInt64) -> LoadError? {
    guard case .openLoop(let rate) = plan.pace, isRunning else { return nil }
    guard now > schedule.time(of: schedule.count) + UInt64(plan.patience * 1e9) else { return nil }
    return LoadError(
      .noProgress,
      "the server does not keep up with \(rate.text(0)) messages/s: \(quota.left) have not even begun"
    )
  }

  // MARK: Probes

  /// Sends one message on the next connection that is still open; ends the phase when there is none.
  private func probe(at now: UInt64) {
    probing = nil
    while nextProbe < lanes.count, quota.take(1, now: now) == 1 {
      let lane = nextProbe
      nextProbe += probeStride
      guard lanes[lane].connection != nil else { continue }
      probing = lane
      return begin(lane, at: now)
    }
    end(at: now)
  }
}
