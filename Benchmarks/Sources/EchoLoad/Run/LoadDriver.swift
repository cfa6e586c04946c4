import IOBuffers
import URingBackend

/// The load of one loop: its connections, what is in flight on them, and what was counted.
///
/// Subclasses say when messages begin. Everything runs on the loop's thread: handlers are called there, and the async
/// members are for tasks that prefer the loop.
class LoadDriver: @unchecked Sendable {
  // Why unchecked: handlers and tasks hold references; all of them run on the loop's thread.

  let loop: EventLoop
  let plan: LoadPlan
  private let pattern: Pattern
  private var client: TCPClient<LaneHandler>?

  var lanes: [Lane]
  /// Connections that are open.
  private(set) var openCount = 0
  private var opening = 0

  var quota = Quota(.messages(0), now: 0)
  var tally = Tally()
  /// Bytes that came back and connections that ended, in all phases: when it stands still, nothing moves.
  private(set) var progress: UInt64 = 0

  private(set) var isRunning = false
  private var isWaiting = false
  private var isTearingDown = false
  private let phaseEnd = LoopSignal()
  private let event = LoopSignal()
  private var threadTimeBefore = ProcessorTime()
  private var turnsBefore: UInt64 = 0

  private(set) var errors = ErrorCounts()
  private(set) var firstError: LoadError?
  private(set) var hasGivenUp = false

  /// - Throws: `BufferError` when the loop's arena has no room for the pattern.
  init(loop: EventLoop, plan: LoadPlan) throws(BufferError) {
    self.loop = loop
    self.plan = plan
    pattern = try Pattern(in: loop.arena)
    lanes = (0..<plan.connections).map { index in
      let shift = (plan.firstConnection + index) * 7919 % Pattern.period
      return Lane(stream: MessageStream(size: plan.size, depth: plan.depth), shift: UInt64(shift))
    }
  }

  // MARK: For subclasses

  /// A phase begins: nothing is in flight, the quota is full.
  func begin(at now: UInt64) {}

  /// `count` messages of a lane are whole: takes their starts, records, begins what is next.
  func completed(_ count: Int, _ lane: Int, at now: UInt64, _ connection: borrowing ConnectionContext) throws {}

  /// A lane's connection stands.
  func opened(_ lane: Int, _ connection: borrowing ConnectionContext) throws {
    lanes[lane].connection = connection.id
    openCount += 1
  }

  /// A lane's connection is gone.
  func gone(_ lane: Int) {}

  /// What has come and what has not, for the error that nothing moves.
  var whatIsAwaited: String {
    guard isRunning else { return "\(openCount) connections are not closed" }
    return "\(tally.messages) of \(quota.begun) \(plan.mode.unit) came back, \(openCount) connections are open"
  }

  /// How many errors the run survives.
  var toleratedErrors: Int { 0 }

  /// A phase runs, or something else goes on that the patience bounds.
  final var isBusy: Bool { isRunning || isWaiting }

  /// Why the run should end although bytes move; nil when it should not.
  func overdue(at now: UInt64) -> LoadError? { nil }

  // MARK: Connections

  /// A client of this load.
  func makeClient(_ lane: @escaping @Sendable () -> Int) -> TCPClient<LaneHandler> {
    var limits = ConnectionLimits()
    // The depth bounds what is unsent. If unsent bytes paused reading, an echo server and this side could both wait.
    limits.highWaterBytes = .max
    limits.lingerTimeout = .seconds(plan.patience)
    var options = SocketOptions()
    // The plainest congestion control: the pacing of others would cost the load time, and only the load.
    options.congestionControl = "reno"
    return TCPClient(on: loop, timeout: .seconds(plan.patience), limits: limits, options: options) { [self] in
      LaneHandler(driver: self, lane: lane())
    }
  }

  /// Opens all connections, one after the other, so that no server's backlog overflows.
  func openAll() async throws(LoadError) {
    for lane in lanes.indices { try await open(lane) }
  }

  final func open(_ lane: Int) async throws(LoadError) {
    let client = client ?? makeClient { [self] in opening }
    self.client = client
    opening = lane
    do throws(SocketError) {
      try await client.connect(to: plan.address(lane))
    } catch {
      let error = LoadError(error)
      fail(error)
      throw error
    }
  }

  /// Closes all connections and returns when they are gone.
  func closeAll() async {
    for lane in lanes.indices {
      guard let id = lanes[lane].connection else { continue }
      lanes[lane].expectsEnd = true
      loop.withConnection(id) { $0.close() }
    }
    await wait { $0.openCount == 0 }
  }

  /// Returns when `condition` holds or the run is given up. `noteEvent` makes it look again.
  final func wait(until condition: (LoadDriver) -> Bool) async {
    isWaiting = true
    while !condition(self), !hasGivenUp { await event.wait() }
    isWaiting = false
  }

  /// Something happened that `wait` may be waiting for.
  final func noteEvent() {
    event.fire()
  }

  /// Breaks off whatever is open.
  func tearDown() async {
    isTearingDown = true
    await client?.shutdown()
    client = nil
  }

  // MARK: Phases

  /// Runs one phase: begins what the limit allows, and returns when all of it is back or the run is given up.
  final func run(_ limit: Quota.Limit) async {
    guard !hasGivenUp else { return }
    tally = Tally()
    turnsBefore = loop.statistics.turns
    threadTimeBefore = .ofThread()
    let now = MonotonicClock.now()
    tally.begin = now
    quota = Quota(limit, now: now)
    isRunning = true
    begin(at: now)
    await phaseEnd.wait()
  }

  /// The phase is over.
  final func end(at now: UInt64) {
    guard isRunning else { return }
    isRunning = false
    tally.end = now
    tally.threadTime = .ofThread() - threadTimeBefore
    tally.turns = loop.statistics.turns - turnsBefore
    phaseEnd.fire()
  }

  /// Ends the phase if all that may begin has come back.
  @inline(__always)
  final func endIfComplete(at now: UInt64) {
    if tally.messages == quota.begun, quota.isUsedUp { end(at: now) }
  }

  // MARK: Messages

  /// Sends `count` messages of a lane's stream, which began at `time`.
  @inline(__always)
  final func send(
    _ count: Int,
    _ lane: Int,
    startedAt time: UInt64,
    _ connection: borrowing ConnectionContext
  ) throws {
    let position = lanes[lane].stream.queued
    lanes[lane].stream.begin(count, at: time)
    try sendBytes(count * plan.size, from: position, lane, connection)
  }

  /// Sends bytes of a lane's stream: as many slices of the pattern as they need, usually one.
  @inline(__always)
  final func sendBytes(
    _ count: Int,
    from position: UInt64,
    _ lane: Int,
    _ connection: borrowing ConnectionContext
  ) throws {
    var position = position + lanes[lane].shift
    var left = count
    while left > 0 {
      let piece = min(left, Pattern.longestSlice)
      // A connection that refuses is closing, and says why when it is closed.
      connection.send(try pattern.slice(at: position, count: piece))
      position += UInt64(piece)
      left -= piece
    }
  }

  final func received(_ view: consuming ReadView, _ lane: Int, _ connection: borrowing ConnectionContext) throws {
    let count = view.count
    do {
      if plan.verify { try verify(view, lane) }
      // The slot goes home before anything else happens.
      view.release()
      progress += UInt64(count)
      tally.bytes += UInt64(count)
      let whole = try lanes[lane].stream.receive(count)
      if whole > 0 { try completed(whole, lane, at: MonotonicClock.now(), connection) }
    } catch {
      breakLane(lane, error)
      throw error
    }
  }

  private func verify(_ view: borrowing ReadView, _ lane: Int) throws(LoadError) {
    let position = lanes[lane].stream.received
    guard let place = pattern.firstDifference(in: view, at: position + lanes[lane].shift) else { return }
    throw LoadError(
      .wrongBytes,
      "a wrong byte came back: connection \(plan.firstConnection + lane), position \(position + UInt64(place))"
    )
  }

  // MARK: Errors

  final func closed(_ lane: Int, _ error: SocketError?) {
    let state = lanes[lane]
    lanes[lane].connection = nil
    openCount -= 1
    progress += 1
    if !isTearingDown, !state.isBroken {
      if let error {
        fail(LoadError(error))
      } else if !state.expectsEnd {
        fail(
          LoadError(
            .unexpectedEnd,
            """
            the server ended connection \(plan.firstConnection + lane) after \(state.stream.received) of \
            \(state.stream.queued) bytes
            """
          )
        )
      }
    }
    gone(lane)
    if openCount == 0 { noteEvent() }
  }

  private func breakLane(_ lane: Int, _ error: any Error) {
    lanes[lane].isBroken = true
    switch error {
    case let error as LoadError: fail(error)
    case let excess as MessageStream.Excess:
      fail(LoadError(.tooManyBytes, "\(excess.bytes) more bytes came back than were sent"))
    default: fail(LoadError(.other, "\(error)"))
    }
  }

  /// Counts an error, and gives the run up when it is one too many.
  final func fail(_ error: LoadError) {
    errors.count(error.kind)
    if firstError == nil { firstError = error }
    if errors.total > toleratedErrors { giveUp() }
  }

  /// Ends the phase as it stands. What is in flight is abandoned.
  final func giveUp() {
    hasGivenUp = true
    quota.stop()
    end(at: MonotonicClock.now())
    noteEvent()
  }
}
