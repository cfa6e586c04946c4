internal import DequeModule
internal import IOBuffers

/// Lets tasks use a datagram socket: what was received waits here for whoever calls `receive`, and tasks wait here for
/// datagrams and for room to send. Loop thread only.
@safe
final class DatagramTaskSink: DatagramSink, @unchecked Sendable {
  // Why the continuations hold: each is resumed by whoever takes it out of its variable, which can be done once.

  private let engine: Unmanaged<DatagramEngine>
  private let limit: Int
  private let isConnected: Bool
  private var unread = Deque<ReceivedMessage>()
  private var isPaused = false
  /// What the network reported, and nobody was told.
  private var report: SocketError?
  private(set) var isOver = false
  private var failure: SocketError?
  /// The task that a server runs for the socket. Whoever cancels it closes the socket as well.
  var ownTask = TaskIdentity.none
  private var receiver: UnsafeContinuation<DatagramOutcome, Never>?
  private var ticket: CancellationTicket?
  private var timer: TimerQueue<LoopTimer>.Handle?
  private var senders: [SendWaiter] = []
  private var closers: [() -> Void] = []
  private var isClosed = false

  /// - Parameter engine: outlives the socket.
  init(_ engine: DatagramEngine, limit: Int, isConnected: Bool) {
    unsafe self.engine = Unmanaged.passUnretained(engine)
    self.limit = max(1, limit)
    self.isConnected = isConnected
  }

  @inline(__always)
  private func withEngine<R>(_ body: (DatagramEngine) -> R) -> R {
    // Called while the socket is open, and the engine outlives it.
    unsafe engine._withUnsafeGuaranteedRef { body($0) }
  }

  // MARK: Events

  override func received(_ index: Int, _ message: ReceivedMessage) {
    if let receiver = unsafe takeReceiver() {
      unsafe receiver.resume(returning: .message(message))
      return
    }
    unread.append(message)
    guard unread.count >= limit, !isPaused else { return }
    isPaused = true
    withEngine { $0.pause($0.records.place(index), true) }
  }

  override func failed(_ index: Int, _ error: SocketError) {
    // A socket that is connected to nobody has many peers, and what one of them met is no reason to tell those who wait for
    // the others.
    guard isConnected else { return }
    if let receiver = unsafe takeReceiver() {
      unsafe receiver.resume(returning: .failed(error))
    } else if report == nil {
      // The first one says most.
      report = error
    }
  }

  override func writable(_ index: Int) {
    for waiter in takeSenders() { waiter.resume(nil) }
  }

  override func ended(_ index: Int, _ error: SocketError?) {
    isOver = true
    failure = error
    while let message = unread.popFirst() { message.release() }
    if let receiver = unsafe takeReceiver() { unsafe receiver.resume(returning: endOutcome) }
    for waiter in takeSenders() { waiter.resume(error ?? SocketError(.closed, .send)) }
  }

  override func closed(_ index: Int, _ error: SocketError?) {
    isClosed = true
    let resume = closers
    closers = []
    for body in resume { body() }
  }

  // MARK: Receiving

  /// What `receive` can return without waiting; nil when it has to wait.
  @inline(__always)
  func receiveNow(_ place: DatagramEngine.Place?) -> DatagramOutcome? {
    if let report {
      self.report = nil
      return unsafe .failed(report)
    }
    if let message = unread.popFirst() {
      if isPaused, unread.count <= limit / 2, let place { resume(place) }
      return unsafe .message(message)
    }
    if isOver { return unsafe endOutcome }
    return unsafe receiver == nil ? nil : .failed(SocketError(.busy, .receive))
  }

  private func resume(_ place: DatagramEngine.Place) {
    isPaused = false
    withEngine { $0.pause(place, false) }
  }

  private var endOutcome: DatagramOutcome {
    guard let failure else { return unsafe .end }
    return unsafe .failed(failure)
  }

  /// Has a call wait: there is none, `receiveNow` has said.
  func park(_ continuation: UnsafeContinuation<DatagramOutcome, Never>, _ ticket: CancellationTicket?) {
    unsafe receiver = continuation
    self.ticket = ticket
  }

  func setTimer(_ timer: TimerQueue<LoopTimer>.Handle) { self.timer = timer }

  @inline(__always)
  private func takeReceiver() -> UnsafeContinuation<DatagramOutcome, Never>? {
    guard let taken = unsafe receiver else { return nil }
    unsafe receiver = nil
    ticket = nil
    if let timer {
      self.timer = nil
      withEngine { _ = $0.loop.timers.cancel(timer) }
    }
    return unsafe taken
  }

  /// The same, only if it is the call that `ticket` belongs to.
  func giveUpReceive(_ ticket: CancellationTicket, _ error: SocketError) {
    guard self.ticket === ticket, let receiver = unsafe takeReceiver() else { return }
    unsafe receiver.resume(returning: .failed(error))
  }

  // MARK: Sending

  /// What the network reported, once.
  func takeReport() -> SocketError? {
    defer { report = nil }
    return report
  }

  func addSender(_ waiter: SendWaiter) { senders.append(waiter) }

  func giveUpSend(_ ticket: CancellationTicket, _ error: SocketError) {
    guard let place = senders.firstIndex(where: { $0.ticket === ticket }) else { return }
    senders.remove(at: place).resume(error)
  }

  private func takeSenders() -> [SendWaiter] {
    let waiting = senders
    senders = []
    return waiting
  }

  // MARK: The end

  /// Calls `body` once when the descriptor is closed: at once if that is so.
  func whenClosed(_ body: @escaping () -> Void) {
    if isClosed { body() } else { closers.append(body) }
  }
}

/// What a call of `receive` came to. Copyable, because the results of continuations must be, but to be used once.
@unsafe
enum DatagramOutcome {
  case message(ReceivedMessage)
  case end
  case failure(Unmanaged<ReceiveFailure>)

  static func failed(_ error: SocketError) -> DatagramOutcome {
    // Given up by `result()`, to which every outcome comes once.
    unsafe .failure(Unmanaged.passRetained(ReceiveFailure(error)))
  }

  /// As `receive` returns it.
  func result() throws(SocketError) -> Datagram? {
    switch unsafe self {
    case .message(let message): return Datagram(message)
    case .failure(let failure): throw unsafe failure.takeRetainedValue().error
    case .end: return nil
    }
  }
}
