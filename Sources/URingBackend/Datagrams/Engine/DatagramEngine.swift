internal import DequeModule
internal import Glibc
internal import IOBuffers
internal import SystemPackage

/// All datagram sockets of one loop: a guest beside the connections, made when the first socket is.
///
/// Loop thread only. Sends are submitted when they are asked for, in any number, because datagrams have no order to keep.
/// Everything else an event only marks, and `prepare` settles it right before the loop enters the kernel.
final class DatagramEngine: LoopClient, @unchecked Sendable {
  // Why unchecked: references travel in closures that hop to the loop; every method runs there.
  let loop: EventLoop
  let ring: Ring
  let arena: BufferArena
  let counters: LoopCounters
  let records: Slab<DatagramRecord> = Slab { DatagramRecord(index: UInt32($0)) }
  let sends = DatagramSends()
  /// By the size of slot; made when a socket wants it.
  var slots: [DatagramSlots?] = Array(repeating: nil, count: DatagramPlan.sizes.count)
  /// One submission receives many datagrams.
  let isMultishot: Bool

  /// Sends that the submission queue had no room for.
  var unsubmitted = Deque<UInt32>()
  /// Slots came home, and somebody waits for them.
  var slotsReturned = false
  /// Sockets that hold their share.
  var overShare: [UInt32] = []
  var isTicking = false

  private var freeRecords: [UInt32] = []
  private var firstDirty = DatagramRecord.none
  private var lastDirty = DatagramRecord.none
  private(set) var openSockets = 0

  /// The family of its operations.
  static let family = 1

  typealias Place = Slab<DatagramRecord>.Place

  private init(_ loop: EventLoop) {
    self.loop = loop
    ring = loop.ring
    arena = loop.memory.datagrams
    counters = loop.counters
    isMultishot = loop.features.has(.multishotReceiveMessage)
  }

  /// The datagrams of a loop, for one more socket, which is closed with a throw: when the loop is ending, or its system is a
  /// simulated one, which has no datagrams. Loop thread only.
  static func of(_ loop: EventLoop, for socket: BoundDatagramSocket) throws(SocketError) -> DatagramEngine {
    guard !loop.stopping, !loop.hasEnded, loop.isThreaded else {
      socket.discard()
      let kind: SocketError.Kind = loop.isThreaded ? .shuttingDown : .system(.notSupportedOnSocket)
      throw SocketError(kind, .bind, peer: socket.local)
    }
    if let engine = loop.guest(family: family) as? DatagramEngine { return engine }
    let engine = DatagramEngine(loop)
    loop.attach(engine, family: family)
    return engine
  }

  // MARK: Records

  /// The record that an operation is about; nil when that life of it is over.
  @inline(__always)
  func place(_ operation: OperationID) -> Place? {
    guard Int(operation.index) < records.count else { return nil }
    let place = records.place(Int(operation.index))
    return place.record.flags.contains(.isOpen) && place.record.generation == operation.generation ? place : nil
  }

  /// The place of a socket; nil when it is gone.
  @inline(__always)
  func place(_ index: Int, _ generation: UInt32) -> Place? {
    place(OperationID(.receiveDatagrams, index: UInt32(truncatingIfNeeded: index), generation: generation))
  }

  /// Takes a record for a new socket; nil when there are as many as there can be.
  func takeRecord() -> Place? {
    if let index = freeRecords.popLast() { return records.place(Int(index)) }
    let start = records.count
    guard records.grow() else { return nil }
    for index in (start + 1..<records.count).reversed() { freeRecords.append(UInt32(index)) }
    return records.place(start)
  }

  /// Gives back a record that was not used after all.
  func giveBackRecord(_ place: Place) { freeRecords.append(place.record.index) }

  /// A record is in use.
  func noteOpened() { openSockets += 1 }

  /// The descriptor is closed: the record's life ends.
  func retire(_ place: Place) {
    let index = Int(place.record.index)
    // From here on nobody finds the record by its name: what the sink's last call runs is the user's code.
    place.record.flags.remove(.isOpen)
    arena.closeAccount(place.record.account)
    let failure = place.record.failure
    // The reference that `open` counted; `clear` forgets it, so it is given up once.
    let sink = unsafe place.record.sink
    place.record.clear()
    freeRecords.append(UInt32(index))
    openSockets -= 1
    unsafe sink?.takeRetainedValue().closed(index, failure)
  }

  /// Calls `body` with the sink of a socket, without counting a reference.
  @inline(__always)
  func withSink(_ place: Place, _ body: (DatagramSink) -> Void) {
    // The record counts a reference for as long as it is open, and `retire` gives it up last.
    guard let sink = unsafe place.record.sink else { return }
    unsafe sink._withUnsafeGuaranteedRef { body($0) }
  }

  // MARK: Events of the loop

  override func complete(_ completion: Completion, _ operation: OperationID) {
    switch operation.kind {
    case .receiveDatagrams: receiveCompleted(completion, operation)
    case .sendDatagram: sendCompleted(completion, operation)
    case .cancelReceiveDatagrams: receiveCancelCompleted(completion, operation)
    case .cancelSendDatagrams: sendCancelCompleted(completion, operation)
    case .pollDatagramOutput: if let place = place(operation) { outputPolled(place) }
    case .closeDatagramSocket: if let place = place(operation) { retire(place) }
    default: break
    }
  }

  override func prepare() -> Bool {
    submitWaitingSends()
    slotsReturned = false
    for slots in slots { if let slots { replenish(slots) } }
    settleDirty()
    return firstDirty != DatagramRecord.none || slotsReturned || !unsubmitted.isEmpty
  }

  // MARK: Settling

  @inline(__always)
  func markDirty(_ place: Place) {
    guard !place.record.flags.contains(.isDirty) else { return }
    place.record.flags.insert(.isDirty)
    place.record.nextDirty = DatagramRecord.none
    let index = place.record.index
    if firstDirty == DatagramRecord.none {
      firstDirty = index
    } else {
      records[Int(lastDirty)].nextDirty = index
    }
    lastDirty = index
  }

  private func settleDirty() {
    while firstDirty != DatagramRecord.none {
      // All that one socket can ask for.
      guard ring.reserve(4) else { return }
      let place = records.place(Int(firstDirty))
      firstDirty = place.record.nextDirty
      place.record.flags.remove(.isDirty)
      if place.record.flags.contains(.isOpen) { settle(place) }
    }
  }

  /// Does what became due for one socket. Room in the submission queue is there.
  private func settle(_ place: Place) {
    let flags = place.record.flags
    if place.record.wantsReceive {
      if !flags.contains(.receiveArmed) { armReceive(place) }
    } else if flags.contains(.receiveArmed), !flags.contains(.receiveCancelling) {
      place.record.flags.insert(.receiveCancelling)
      _ = ring.prepareCancel(
        target: place.record.operation(.receiveDatagrams),
        userData: place.record.operation(.cancelReceiveDatagrams)
      )
    }
    if flags.contains(.isClosing) {
      settleClosing(place)
    } else if !place.record.blocked.isEmpty, !flags.contains(.outputPolled) {
      pollOutput(place)
    }
  }

  // MARK: The end

  override func stop() {
    for index in 0..<records.count where records[index].flags.contains(.isOpen) {
      abort(records.place(index), SocketError(.shuttingDown, .close, peer: records[index].peer))
    }
  }

  override var isIdle: Bool { openSockets == 0 }

  override func finish() {
    for slots in slots { slots?.buffers.close() }
  }
}
