internal import IOBuffers
internal import Logging
internal import SystemPackage

/// All sockets of one loop: the state machines' events come from completions, their decisions become submissions.
///
/// Loop thread only. Nothing here submits as a side effect of an event: events mark a connection as dirty, and
/// `prepare` settles all dirty ones right before the loop enters the kernel, so that everything that moved in a turn
/// goes out with one system call.
final class TCPEngine: LoopClient, @unchecked Sendable {
  let loop: EventLoop
  let ring: Ring
  let arena: BufferArena
  let buffers: ProvidedBufferRing
  let records = Slab<ConnectionRecord> { ConnectionRecord(index: UInt32($0)) }
  let sendNodes = ViewNodes()
  let vectors: SendVectors
  let counters: LoopCounters

  let zeroCopy: ZeroCopySends
  /// Connections with fewer unsent bytes have no zero-copy sends. A copy of the policy's, for the path of every send.
  let zeroCopyThreshold: Int
  /// The loop ends, and has waited long enough for notifications.
  var ignoresNotifications = false

  /// Views beyond this many in one queue are gathered when they are small: see `GatherSlot`.
  let gatherBacklog: UInt32
  let gatherSlotBytes: Int
  private let connectionsPerSlot: Int

  private var freeRecords: [UInt32] = []
  private var firstDirty: UInt32 = .max
  private var lastDirty: UInt32 = .max
  private(set) var openConnections = 0

  /// Connections that wait for slots, in the order in which they ran dry.
  var starved = StarvedQueue()
  var waitsForSlots = false
  var slotsReturned = false

  var listeners: [UInt32: Listener] = [:]
  var connecting: [UInt32: ConnectAttempt] = [:]
  var nextAttempt: UInt32 = 0
  var isStopping = false
  /// Serves the connections that this side opened.
  private(set) lazy var clientSink = AsyncSink(engine: self, budget: nil, body: nil)

  init(loop: EventLoop, configuration: EventLoop.Configuration) throws(RingError) {
    self.loop = loop
    ring = loop.ring
    arena = loop.arena
    counters = loop.counters
    let plan = ReceivePlan(
      poolBytes: configuration.poolBytes,
      slotBytes: configuration.slotBytes,
      incremental: loop.features.has(.incrementalBuffers)
    )
    buffers = try ProvidedBufferRing(
      ring: loop.ring,
      arena: loop.arena,
      group: 0,
      slotBytes: plan.slotBytes,
      entries: plan.entries,
      initialSlots: plan.initialSlots
    )
    gatherBacklog = plan.gatherBacklog
    gatherSlotBytes = plan.gatherSlotBytes
    connectionsPerSlot = plan.connectionsPerSlot
    vectors = SendVectors()
    zeroCopy = ZeroCopySends(
      ZeroCopyPolicy(
        threshold: loop.features.has(.zeroCopySend) ? configuration.zeroCopySendThreshold : nil,
        poolBytes: configuration.poolBytes,
        slotBytes: plan.slotBytes
      )
    )
    zeroCopyThreshold = zeroCopy.policy.threshold
    super.init()
    _ = buffers.replenish()
  }

  // MARK: Records

  typealias Place = Slab<ConnectionRecord>.Place

  /// The place of the record that `id` names, or nil when its life is over.
  @inline(__always)
  func place(_ id: ConnectionID) -> Place? {
    let index = Int(id.index)
    guard index < records.count else { return nil }
    let place = records.place(index)
    guard place.record.isOpen, place.record.generation == id.generation else { return nil }
    return place
  }

  @inline(__always)
  func place(_ operation: OperationID) -> Place? {
    place(ConnectionID(index: operation.index, generation: operation.generation))
  }

  /// The same, as the record's index.
  @inline(__always)
  func find(_ id: ConnectionID) -> Int? {
    place(id) == nil ? nil : Int(id.index)
  }

  @inline(__always)
  func find(_ operation: OperationID) -> Int? {
    place(operation) == nil ? nil : Int(operation.index)
  }

  /// Takes over a connected descriptor. Nil, and the descriptor is closed, when the loop has no record left.
  func open(_ descriptor: Int32, sink: ConnectionSink, settings: ConnectionSettings) -> Int? {
    guard let index = takeRecord() else {
      Socket.close(descriptor)
      return nil
    }
    records[index].isOpen = true
    records[index].descriptor = descriptor
    records[index].machine = ConnectionMachine(limits: settings.limits)
    records[index].timeouts = settings.timeouts
    unsafe records[index].sink = Unmanaged.passRetained(sink)
    records[index].peer = Socket.peerAddress(of: descriptor)
    records[index].lastActivity = loop.now
    openConnections += 1
    counters.connectionsOpened.bump()
    armIdleTimer(index)
    markDirty(index)
    sink.begin()
    sink.opened(index)
    return index
  }

  private func takeRecord() -> Int? {
    if let index = freeRecords.popLast() { return Int(index) }
    let start = records.count
    guard records.grow() else { return nil }
    for index in (start + 1..<records.count).reversed() { freeRecords.append(UInt32(index)) }
    return start
  }

  /// The descriptor is closed: the record's life ends.
  func retire(_ index: Int) {
    cancelTimer(index)
    records[index].machine.closeCompleted()
    withSink(index) { $0.closed(index) }
    let sink = unsafe records[index].sink
    unsafe records[index].sink = nil
    records[index].gather.close()
    records[index].zeroCopy = ZeroCopyUse()
    records[index].isOpen = false
    records[index].descriptor = -1
    records[index].failure = nil
    records[index].peer = nil
    records[index].generation = (records[index].generation &+ 1) & OperationID.generationMask
    freeRecords.append(UInt32(index))
    openConnections -= 1
    counters.connectionsClosed.bump()
    // Last, because whoever waits for it reads the counters at once, on another thread.
    if let sink = unsafe sink?.takeRetainedValue() {
      sink.budget?.giveBack()
      sink.end()
    }
    resumeAcceptingAfterClose()
  }

  /// Calls `body` with the sink of a connection, without counting a reference.
  @inline(__always)
  func withSink(_ index: Int, _ body: (ConnectionSink) -> Void) {
    withSink(records.place(index), body)
  }

  @inline(__always)
  func withSink(_ place: Place, _ body: (ConnectionSink) -> Void) {
    guard let sink = unsafe place.record.sink else { return }
    unsafe sink._withUnsafeGuaranteedRef { body($0) }
  }

  // MARK: Events of the loop

  override func complete(_ completion: Completion, _ operation: OperationID) {
    dispatch(completion, operation)
  }

  override func timerFired(_ token: UInt64) {
    if token & TCPEngine.connectToken == TCPEngine.connectToken {
      connectTimerFired(token)
    } else if token & Listener.tokenFlag != 0 {
      retryAccepting(token)
    } else {
      connectionTimerFired(ConnectionID(token: token))
    }
  }

  // MARK: Settling

  @inline(__always)
  func markDirty(_ index: Int) {
    markDirty(records.place(index))
  }

  @inline(__always)
  func markDirty(_ place: Place) {
    guard !place.record.isDirty else { return }
    place.record.isDirty = true
    place.record.nextDirty = .max
    let index = place.record.index
    if firstDirty == .max {
      firstDirty = index
    } else {
      records[Int(lastDirty)].nextDirty = index
    }
    lastDirty = index
  }

  override func prepare() -> Bool {
    if ring.pendingSubmissions == 0 { vectors.reset() }
    settleDirty()
    feedStarved()
    // A connection that was fed may leave its slot to the next in line: with slots posted, nobody in line may be slept on.
    return firstDirty != .max || slotsReturned || (!starved.isEmpty && !buffers.isEmpty)
  }

  /// Carries out what each dirty connection decides, in the order in which they became dirty.
  private func settleDirty() {
    while firstDirty != .max {
      // A decision must be carried out whole, so room for all it can ask is made first.
      guard ring.reserve(8) else { return }
      let place = records.place(Int(firstDirty))
      firstDirty = place.record.nextDirty
      place.record.isDirty = false
      guard place.record.isOpen else { continue }
      if place.record.hasAbortNotice { deliverAbortNotice(Int(place.record.index)) }
      settle(place)
    }
  }

  /// Posts slots that came back, and lets as many starved connections read again, oldest first.
  private func feedStarved() {
    slotsReturned = false
    _ = buffers.replenish()
    counters.postedSlots.set(UInt64(buffers.postedSlots))
    guard !starved.isEmpty else { return }
    var portions = buffers.postedSlots * connectionsPerSlot
    while portions > 0, let id = starved.popFirst() {
      guard let index = find(id) else { continue }
      if records[index].machine.feed() { portions -= 1 }
      markDirty(index)
    }
    // The slots are published by now: the receives may follow.
    settleDirty()
    if !starved.isEmpty, buffers.postedSlots == 0, !waitsForSlots { waitForSlots() }
  }

  private func waitForSlots() {
    waitsForSlots = true
    counters.starvedWaits.bump()
    let loop = loop
    arena.whenAvailable(slotBytes: buffers.slotBytes) {
      loop.execute {
        self.waitsForSlots = false
        self.slotsReturned = true
        self.buffers.noteReturned()
      }
    }
  }

  /// Tells the sink that its connection was aborted. Not at the abort itself, which may come out of the sink's own call.
  private func deliverAbortNotice(_ index: Int) {
    records[index].hasAbortNotice = false
    withSink(index) {
      $0.inputEnded(index)
      $0.outputFailed(index)
    }
  }

  /// Aborts every connection of one sink and every attempt to open one, and cancels what runs for it.
  func abortAll(of sink: ConnectionSink, _ kind: SocketError.Kind) {
    for attempt in connecting.values where attempt.sink === sink { cancel(attempt, kind) }
    for index in 0..<records.count where records[index].isOpen {
      guard unsafe records[index].sink?.toOpaque() == Unmanaged.passUnretained(sink).toOpaque() else { continue }
      abort(index, kind)
      sink.cancel(index)
    }
  }

  // MARK: Stopping

  override func stop() {
    isStopping = true
    for listener in listeners.values { stopListening(listener) }
    for attempt in connecting.values { cancel(attempt, .shuttingDown) }
    for index in 0..<records.count where records[index].isOpen { abort(index, .shuttingDown) }
    limitWaitForNotifications()
  }

  override var isIdle: Bool {
    openConnections == 0 && listeners.isEmpty && connecting.isEmpty && (zeroCopy.inUse == 0 || ignoresNotifications)
  }

  override func finish() {
    buffers.close()
    arena.close()
  }
}
