public import IOBuffers
internal import Logging
internal import SystemPackage
internal import Synchronization

/// Lets tasks use connections: received views wait here for whoever calls `receive`, and tasks wait here for views and
/// for room to send. It is one more sink on the same machine; loop thread only.
@safe
final class AsyncSink: ConnectionSink, @unchecked Sendable {
  typealias Body = @Sendable (TCPConnection) async throws -> Void

  let engine: Unmanaged<StreamEngine>
  let states = Slab<AsyncState> { _ in AsyncState() }
  /// Of the views that wait for whoever calls `receive`.
  let nodes = ViewNodes()
  /// What runs for each accepted connection; nil on the client's side.
  let body: Body?
  private let spawner: TaskSpawner?

  /// - Parameters:
  ///   - engine: outlives this sink's last connection.
  ///   - spawner: starts the tasks of connections. Nil: they are nobody's children, as on a loop that is stepped, where no task
  ///     serves that could be their parent.
  init(
    engine: StreamEngine,
    budget: ConnectionBudget?,
    onError: (@Sendable (any Error, SocketAddress?) -> Void)? = nil,
    spawner: TaskSpawner? = nil,
    body: Body?
  ) {
    // Not counted per message; every connection of this sink is gone before its engine.
    unsafe self.engine = Unmanaged.passUnretained(engine)
    self.body = body
    self.spawner = spawner
    super.init(budget: budget, onError: onError)
  }

  @inline(__always)
  func withEngine<R>(_ body: (StreamEngine) -> R) -> R {
    // Called while a connection of this sink is open, and the engine outlives those.
    unsafe engine._withUnsafeGuaranteedRef { body($0) }
  }

  // MARK: Events

  override func opened(_ index: Int) {
    while states.count <= index { guard states.grow() else { break } }
    guard body != nil else { return }
    let connection = makeConnection(index)
    states[index].served = connection
    // One for the task, beside the one that the engine counts for the descriptor.
    begin()
    if let spawner {
      spawner.start(connection)
    } else {
      Task(executorPreference: connection.loop) { await connection.serve() }
    }
  }

  /// A handle for the connection at `index`.
  func makeConnection(_ index: Int) -> TCPConnection {
    withEngine { engine in
      TCPConnection(
        engine: engine,
        sink: self,
        id: engine.records[index].id,
        peer: engine.records[index].peer,
        closesWhenDropped: body == nil
      )
    }
  }

  override func received(_ index: Int, _ view: DetachedView) {
    // A continuation is resumed by whoever took it out of the state, which can be done once.
    guard let receiver = unsafe takeReceiver(index) else { return queue(view, index) }
    unsafe receiver.resume(returning: .view(view))
  }

  @inline(never)
  private func queue(_ view: DetachedView, _ index: Int) {
    guard let view = copyToCall(index, view) else { return }
    let count = view.count
    withEngine { $0.records[index].machine.queueUnread(count) }
    if nodes.joinLast(view, of: states[index].unread) { return }
    if !nodes.append(view, to: &states[index].unread) {
      view.releaseReader()
      withEngine { $0.abort(index, .system(.noMemory)) }
    }
  }

  override func receiveTarget(_ index: Int) -> ReceiveTarget? {
    unsafe states[index].receiveInto?.target
  }

  override func filled(_ index: Int, _ count: Int) {
    guard let call = states[index].receiveInto else { return }
    call.note(count)
    if call.isFull || call.isOver { endReceiveInto(index, nil) }
  }

  override func inputEnded(_ index: Int) {
    endInput(index)
  }

  private func endInput(_ index: Int) {
    states[index].isInputOver = true
    if let receiver = unsafe takeReceiver(index) {
      unsafe receiver.resume(returning: endOutcome(index))
    }
    endReceiveInto(index)
  }

  override func ended(_ index: Int) {
    let (failure, isClosing) = withEngine { engine in
      (engine.records[index].failure, engine.records[index].machine.flags.contains(.closing))
    }
    // What arrived before a reset can still be taken; after a close of our own, nobody is meant to.
    if isClosing { dropUnread(index) }
    endInput(index)
    guard let failure else {
      states[index].isClosedByUser = true
      return
    }
    failSenders(index)
    endAllocations(index)
    // Who closes the connection itself goes on; everybody else's connection is over, and so is what runs for it.
    if failure != .closed, !states[index].isClosedByUser { cancelTask(index) }
  }

  private func endAllocations(_ index: Int) {
    guard !states[index].allocations.isEmpty else { return }
    let reason = withEngine { engine in
      SocketError(engine.records[index].failure ?? .closed, .allocate, peer: engine.records[index].peer)
    }
    for allocation in states[index].allocations { allocation.giveUp(reason) }
    states[index].allocations = []
  }

  /// Cancels what runs for a connection: not in the middle of the engine's work, because that runs the cancellation handlers
  /// of the user.
  private func cancelTask(_ index: Int) {
    guard let connection = states[index].served else { return }
    withEngine { $0.loop.submit(.closure { connection.cancelTask() }) }
  }

  private func dropUnread(_ index: Int) {
    while let view = nodes.popFirst(&states[index].unread) { view.releaseReader() }
    withEngine { $0.records[index].machine.dropUnread() }
  }

  override func stopping(_ index: Int) {
    states[index].isStopping = true
    for waiter in states[index].takeStopWaiters() { waiter() }
    guard states[index].receiverEndsOnStop, let receiver = unsafe takeReceiver(index) else { return }
    unsafe receiver.resume(returning: .end)
  }

  override func unreadPins(_ index: Int, of arena: BufferArena) -> QueuePins {
    nodes.pins(states[index].unread, of: arena)
  }

  override func compactUnread(_ index: Int) {
    withEngine { $0.compact(&states[index].unread, in: nodes, of: index) }
  }

  override func outputDrained(_ index: Int) {
    for waiter in states[index].takeSenders() { waiter.resume(nil) }
  }

  private func failSenders(_ index: Int) {
    let waiters = states[index].takeSenders()
    guard !waiters.isEmpty else { return }
    let error = withEngine { $0.records[index].error(or: .closed, .send) }
    for waiter in waiters { waiter.resume(error) }
  }

  override func closed(_ index: Int) {
    dropUnread(index)
    endInput(index)
    failSenders(index)
    endAllocations(index)
    for waiter in states[index].takeStopWaiters() { waiter() }
    let closers = states[index].closers
    states[index] = AsyncState()
    for resume in closers { resume() }
  }

  /// Takes whoever waits for bytes, and disarms its deadline.
  @inline(__always)
  private func takeReceiver(_ index: Int) -> UnsafeContinuation<ReceiveOutcome, Never>? {
    let state = states.place(index)
    guard let receiver = unsafe state.record.receiver else { return nil }
    unsafe state.record.receiver = nil
    if state.record.receiverTicket != nil { forgetTicket(index) }
    return unsafe receiver
  }

  /// A call that could be cancelled, or had a deadline, is over.
  @inline(never)
  private func forgetTicket(_ index: Int) {
    states[index].receiverTicket = nil
    guard let timer = states[index].receiverTimer else { return }
    states[index].receiverTimer = nil
    if planted(.leavesReceiveTimer) { return }
    withEngine { _ = $0.loop.timers.cancel(timer) }
  }

  /// The same, only if it is the call that `ticket` belongs to.
  func takeReceiver(_ index: Int, of ticket: CancellationTicket) -> UnsafeContinuation<ReceiveOutcome, Never>? {
    states[index].isReceiver(ticket) ? unsafe takeReceiver(index) : nil
  }

  // MARK: Requests

  /// What `receive` can return without waiting, where there is something.
  func receiveNow(_ index: Int) -> ReceiveOutcome {
    if let view = nodes.popFirst(&states[index].unread) {
      let count = view.count
      withEngine { $0.tookUnread(index, count) }
      return unsafe .view(view)
    }
    if states[index].isInputOver { return unsafe endOutcome(index) }
    return unsafe .failed(withEngine { $0.records[index].error(or: .busy, .receive) })
  }

  /// How the input ended: by the peer's end of stream, or by what the record says, or because this side has closed.
  private func endOutcome(_ index: Int) -> ReceiveOutcome {
    guard let error = inputError(index) else { return unsafe .end }
    return unsafe .failed(error)
  }

  /// Why the input is over; nil: the peer has ended its stream.
  func inputError(_ index: Int) -> SocketError? {
    withEngine { engine in
      let isClosing = engine.records[index].machine.flags.contains(.closing)
      if planted(.tellsCloseAsEnd) { return nil }
      guard isClosing || engine.records[index].failure != nil else { return nil }
      return engine.records[index].error(or: .closed, .receive)
    }
  }
}

/// What a call of `receive` came to. Copyable, because the results of continuations must be, but to be used once.
///
/// It moves several times on its way to the caller, so it is small and counts no reference.
@unsafe
@usableFromInline
enum ReceiveOutcome {
  case view(DetachedView)
  case end
  case failure(Unmanaged<ReceiveFailure>)
  /// Nothing is there: the connection's own task may wait.
  case pending
  /// Some other task has to wait, or one that is not on the loop.
  case elsewhere

  static func failed(_ error: SocketError) -> ReceiveOutcome {
    // Given up by `result()`, to which every outcome comes once.
    unsafe .failure(Unmanaged.passRetained(ReceiveFailure(error)))
  }

  @inlinable
  var isPending: Bool { if case .pending = unsafe self { true } else { false } }

  @inlinable
  var isElsewhere: Bool { if case .elsewhere = unsafe self { true } else { false } }

  /// As `receive` returns it.
  @usableFromInline
  func result() throws(SocketError) -> ReadView? {
    switch unsafe self {
    case .view(let view): return ReadView(view)
    case .failure(let failure): throw unsafe failure.takeRetainedValue().error
    case .end, .pending, .elsewhere: return nil
    }
  }
}

/// The error of a failed `ReceiveOutcome`.
@usableFromInline
final class ReceiveFailure: Sendable {
  let error: SocketError

  init(_ error: SocketError) {
    self.error = error
  }
}

/// What the tasks of one connection wait for.
@safe
struct AsyncState {
  /// Received and not taken, oldest first.
  var unread = ViewQueue()
  /// Nothing more will be received; the record says why.
  var isInputOver = false
  /// This side has closed the connection, and whoever did goes on.
  var isClosedByUser = false
  /// The server stops.
  var isStopping = false
  /// Who waits for bytes goes away when the server stops.
  var receiverEndsOnStop = false
  /// The task that the server runs for the connection. Whoever cancels it ends the connection as well.
  var ownTask = TaskIdentity.none
  /// The connection, as long as that task has not ended.
  var served: TCPConnection?
  /// Who waits for bytes.
  var receiver: UnsafeContinuation<ReceiveOutcome, Never>?
  /// The call that it is; nil for the connection's own task.
  fileprivate(set) var receiverTicket: CancellationTicket?
  var receiverTimer: TimerQueue<LoopTimer>.Handle?
  /// Who receives into memory of their own.
  var receiveInto: ReceiveInto?
  private var senders: [SendWaiter] = []
  /// Resume whoever waits for the server's stop.
  private var stopWaiters: [() -> Void] = []
  /// Waits for memory that end with the connection.
  var allocations: [ConnectionAllocation] = []
  /// Resume whoever waits for the descriptor to be closed.
  var closers: [() -> Void] = []

  mutating func setReceiver(_ continuation: UnsafeContinuation<ReceiveOutcome, Never>, _ ticket: CancellationTicket?) {
    // There was none: `hasNothingForReceivers` was asked first.
    unsafe receiver = continuation
    receiverTicket = ticket
  }

  /// No bytes, no end, and nobody who waits for them already.
  @inline(__always)
  var hasNothingForReceivers: Bool {
    unsafe receiver == nil && receiveInto == nil && unread.isEmpty && !isInputOver
  }

  func isReceiver(_ ticket: CancellationTicket) -> Bool { receiverTicket === ticket }

  mutating func addStopWaiter(_ resume: @escaping () -> Void) {
    stopWaiters.append(resume)
  }

  mutating func takeStopWaiters() -> [() -> Void] {
    guard !stopWaiters.isEmpty else { return [] }
    let waiting = stopWaiters
    stopWaiters = []
    return waiting
  }

  mutating func addSender(_ waiter: SendWaiter) {
    senders.append(waiter)
  }

  mutating func takeSenders() -> [SendWaiter] {
    guard !senders.isEmpty else { return [] }
    let waiting = senders
    senders = []
    return waiting
  }

  mutating func takeSender(of ticket: CancellationTicket) -> SendWaiter? {
    guard let place = senders.firstIndex(where: { $0.ticket === ticket }) else { return nil }
    return senders.remove(at: place)
  }
}

/// A task that waits until a connection's output is below its low-water mark.
@safe
struct SendWaiter {
  let continuation: UnsafeContinuation<SocketError?, Never>
  let ticket: CancellationTicket?

  func resume(_ error: SocketError?) {
    // A waiter is in the state once, and resumed by whoever takes it out.
    unsafe continuation.resume(returning: error)
  }
}

/// Connects one suspended call with the cancellation of its task, which may come before the call is parked.
final class CancellationTicket: Sendable {
  private let flag = Atomic<Bool>(false)

  var isCancelled: Bool { flag.load(ordering: .acquiring) }

  func cancel() {
    flag.store(true, ordering: .releasing)
  }
}
