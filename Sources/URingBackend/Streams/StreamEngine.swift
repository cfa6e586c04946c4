internal import IOBuffers
internal import Logging
internal import Synchronization
internal import SystemPackage

/// All sockets of one loop: the state machines' events come from completions, their decisions become submissions.
///
/// Loop thread only. Nothing here submits as a side effect of an event: events mark a connection as dirty, and
/// `prepare` settles all dirty ones right before the loop enters the kernel, so that everything that moved in a turn
/// goes out with one system call.
final class StreamEngine: LoopClient, @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.
  let loop: EventLoop
  let ring: Ring
  /// What is asked or told about sockets beside the ring.
  let sockets: any SocketCalls
  let memory: LoopMemory
  /// What standing receives fill.
  let buffers: ProvidedBufferRing
  /// What connections fill whose turn it is.
  let lineBuffers: ProvidedBufferRing
  let records: Slab<ConnectionRecord>
  let sendNodes = ViewNodes()
  let vectors: SendVectors
  let counters: LoopCounters
  /// The loop's number in the names of its connections, unique in this process.
  let number: UInt32

  let fileSends = FileSends()
  let zeroCopy: ZeroCopySends
  /// Connections with fewer unsent bytes have no zero-copy sends. A copy of the policy's, for the path of every send.
  let zeroCopyThreshold: Int
  /// The loop ends, and has waited long enough for notifications.
  var ignoresNotifications = false

  private var freeRecords: [UInt32] = []
  private var firstDirty: UInt32 = .max
  private var lastDirty: UInt32 = .max
  private(set) var openConnections = 0

  var pressure: PoolPressure
  var line = SlotLine()
  /// Those that hold their share. Who left the state since is found by its flag.
  var blocked: [ConnectionID] = []
  var episode = PressureEpisode()
  var waitsForSlots = false
  var slotsReturned = false
  var isTicking = false
  /// How long somebody has been waiting, in nanoseconds, as the ticks saw it: what the loop itself slept through, because the
  /// process stood still or had no processor, is nobody's fault and counts as one tick.
  var waitClock: UInt64 = 1
  var lastTick: UInt64 = 0

  /// Of the connections over which descriptors are passed.
  var descriptorTraffic: [Int: DescriptorTraffic] = [:]

  /// Of the connections whose bytes go to one another.
  var relays: [Int: Relay] = [:]

  var listeners: [UInt32: Listener] = [:]
  var connecting: [UInt32: ConnectAttempt] = [:]
  var nextAttempt: UInt32 = 0
  /// Connects to hosts by name, while they look up or race.
  var hostConnects: [UInt32: HostConnect] = [:]
  var nextHostConnect: UInt32 = 0
  var isStopping = false
  /// Serves the connections that this side opened.
  private(set) lazy var clientSink = AsyncSink(engine: self, budget: nil, body: nil)

  private static let numbers = Atomic<UInt32>(0)

  /// - Throws: ``RingError`` when a slot that large cannot be, or when there is no memory for the first ones.
  init(
    loop: EventLoop,
    configuration: EventLoop.Configuration,
    sockets: any SocketCalls = KernelSockets()
  ) throws(RingError) {
    self.loop = loop
    self.sockets = sockets
    ring = loop.ring
    memory = loop.memory
    counters = loop.counters
    let number = StreamEngine.numbers.wrappingAdd(1, ordering: .relaxed).newValue
    self.number = number
    records = Slab { ConnectionRecord(index: UInt32($0), loop: number) }
    let plan = loop.memory.plan
    pressure = PoolPressure(plan)
    lineBuffers = try ProvidedBufferRing(
      ring: loop.ring,
      arena: loop.memory.slots,
      group: 1,
      slotBytes: plan.slotBytes,
      entries: plan.lineEntries,
      initialSlots: plan.lineEntries
    )
    buffers = try ProvidedBufferRing(
      ring: loop.ring,
      arena: loop.memory.slots,
      group: 0,
      slotBytes: plan.slotBytes,
      entries: plan.openEntries,
      initialSlots: plan.openSlots
    )
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
    guard lineBuffers.replenish() > 0, buffers.replenish() > 0 else {
      lineBuffers.close()
      buffers.close()
      throw RingError(
        reason: .outOfMemory,
        operation: "map the first receive slots, \(plan.slotBytes) bytes each (mmap)",
        errno: .noMemory
      )
    }
    notePosted()
  }

  // MARK: Records

  typealias Place = Slab<ConnectionRecord>.Place

  /// The place of the record that `id` names, or nil when its life is over.
  @inline(__always)
  func place(_ id: ConnectionID) -> Place? {
    let index = Int(id.index)
    guard index < records.count else { return nil }
    let place = records.place(index)
    guard place.record.isOpen, place.record.generation == id.generation, id.loop == number else { return nil }
    return place
  }

  @inline(__always)
  func place(_ operation: OperationID) -> Place? {
    place(ConnectionID(index: operation.index, generation: operation.generation, loop: number))
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
      sockets.close(descriptor)
      return nil
    }
    let place = records.place(index)
    place.record.isOpen = true
    place.record.descriptor = descriptor
    place.record.machine = ConnectionMachine(limits: settings.limits.fitting(memory.plan))
    place.record.timeouts = settings.timeouts
    // Given up by `retire`.
    unsafe place.record.sink = Unmanaged.passRetained(sink)
    place.record.peer = sockets.peerAddress(of: descriptor)
    if place.record.peer?.family == .unix {
      place.record.becomeUnix()
      if settings.receivedDescriptors > 0 { receiveDescriptors(index, atMost: settings.receivedDescriptors) }
    }
    place.record.lastActivity = loop.now
    openConnections += 1
    counters.connectionsOpened.bump()
    armFirstTimer(index)
    markDirty(index)
    sink.begin()
    sink.opened(index)
    if sink.isStopping { sink.stopping(index) }
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
    let place = records.place(index)
    if !planted(.leavesConnectionTimer) { cancelTimer(index) }
    if planted(.leavesRetryTimer) { armRetryTimers() }
    place.record.machine.closeCompleted()
    // From here on nobody finds the record by its name: what the sink's last call runs is the user's code.
    place.record.isOpen = false
    withSink(place) { $0.closed(index) }
    if place.record.isRelayed { forgetRelay(index) }
    // Closes what nobody took, and what was not sent.
    if place.record.receivesDescriptors || place.record.passesDescriptors { descriptorTraffic[index] = nil }
    // The reference that `open` counted; `clear` forgets it, so it is given up once.
    let sink = unsafe place.record.sink
    if place.record.account != ConnectionRecord.noAccount { memory.copies.closeAccount(place.record.account) }
    place.record.clear()
    freeRecords.append(UInt32(index))
    openConnections -= 1
    counters.connectionsClosed.bump()
    // Last, because whoever waits for it reads the counters at once, on another thread.
    if let sink = unsafe sink?.takeRetainedValue() {
      sink.budget?.giveBack()
      sink.end()
    }
  }

  /// Calls `body` with the sink of a connection, without counting a reference.
  @inline(__always)
  func withSink(_ index: Int, _ body: (ConnectionSink) -> Void) {
    withSink(records.place(index), body)
  }

  @inline(__always)
  func withSink(_ place: Place, _ body: (ConnectionSink) -> Void) {
    // The record counts a reference for as long as it is open, and `retire` gives it up last.
    guard let sink = unsafe place.record.sink else { return }
    unsafe sink._withUnsafeGuaranteedRef { body($0) }
  }

  // MARK: Events of the loop

  override func complete(_ completion: Completion, _ operation: OperationID) {
    dispatch(completion, operation)
  }

  override func timerFired(_ token: UInt64) {
    if token & StreamEngine.connectToken == StreamEngine.connectToken {
      connectTimerFired(token)
    } else if token & Listener.tokenFlag != 0 {
      retryAccepting(token)
    } else if token == StreamEngine.tickToken {
      tick()
    } else {
      connectionTimerFired(ConnectionID(token: token, loop: number))
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
    replenish()
    serveLine()
    // A connection whose turn it was may leave its slot to the next in line: with slots posted, nobody in line may be
    // slept on.
    return firstDirty != .max || slotsReturned || (!line.isEmpty && !lineBuffers.isEmpty)
  }

  /// Carries out what each dirty connection decides, in the order in which they became dirty.
  func settleDirty() {
    while firstDirty != .max {
      // A decision must be carried out whole, so room for all it can ask is made first.
      guard ring.reserve(8) else { return }
      let place = records.place(Int(firstDirty))
      firstDirty = place.record.nextDirty
      place.record.isDirty = false
      guard place.record.isOpen else { continue }
      if place.record.hasEndNotice { deliverEndNotice(place) }
      settle(place)
    }
  }

  /// Tells the sink that both directions of its connection are over. Not at once, because the cause may come out of the
  /// sink's own call.
  private func deliverEndNotice(_ place: Place) {
    place.record.hasEndNotice = false
    if place.record.isRelayed { endRelay(Int(place.record.index)) }
    withSink(place) { $0.ended(Int(place.record.index)) }
  }

  /// Aborts every connection of one sink and every attempt to open one, and cancels what runs for it.
  func abortAll(of sink: ConnectionSink, _ kind: SocketError.Kind) {
    giveUpHostConnects(of: sink, kind)
    for key in connecting.keys.sorted() {
      if let attempt = connecting[key], attempt.sink === sink { cancel(attempt, kind) }
    }
    for index in 0..<records.count where records[index].isOpen {
      // Addresses of two living objects are compared; nothing is reached through them.
      guard unsafe records[index].sink?.toOpaque() == Unmanaged.passUnretained(sink).toOpaque() else { continue }
      abort(index, kind)
    }
  }

  /// Tells the connections of a sink, those to come included, that the server stops. Loop thread only.
  func beginStopping(of sink: ConnectionSink) {
    guard !sink.isStopping else { return }
    sink.isStopping = true
    for index in 0..<records.count where records[index].isOpen && !records[index].machine.flags.contains(.closing) {
      // Compared as above.
      guard unsafe records[index].sink?.toOpaque() == Unmanaged.passUnretained(sink).toOpaque() else { continue }
      sink.stopping(index)
    }
  }

  // MARK: Stopping

  override func stop() {
    isStopping = true
    giveUpHostConnects(of: nil, .shuttingDown)
    // In the order in which they came, so that one run is like another.
    for key in listeners.keys.sorted() {
      if let listener = listeners[key] { stopListening(listener) }
    }
    for key in connecting.keys.sorted() {
      if let attempt = connecting[key] { cancel(attempt, .shuttingDown) }
    }
    for index in 0..<records.count where records[index].isOpen { abort(index, .shuttingDown) }
    limitWaitForNotifications()
  }

  override var isIdle: Bool {
    openConnections == 0 && listeners.isEmpty && connecting.isEmpty && (zeroCopy.inUse == 0 || ignoresNotifications)
  }

  override func finish() {
    buffers.close()
    lineBuffers.close()
  }
}
