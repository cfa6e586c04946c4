internal import IOBuffers

/// Connections whose bytes go to one another, and not to their handlers. Loop thread only.
///
/// Each direction is by itself: the bytes of one connection are sent on the other one, its end ends the other one's output, and
/// while more than the high-water mark is unsent there, it is not read. An end that is none of the stream's (a reset, a deadline, a
/// close from this side) is that of both.
extension StreamEngine {
  /// From now on the bytes of a connection are kept for another one, and it is not read. False if it is over, or has another one.
  func beginRelay(_ index: Int, early: consuming ByteQueue) -> Bool {
    guard relays[index] == nil, canRelay(index) else { return false }
    relays[index] = Relay(early: early)
    records[index].isRelayed = true
    records[index].machine.relay()
    pauseInput(index, true)
    return true
  }

  /// Only handlers give their input away: a task that waits in `receive` would wait for ever.
  private func canRelay(_ index: Int) -> Bool {
    records[index].machine.limits.isHandled
      && records[index].machine.flags.isDisjoint(with: [.closing, .broken, .closed])
  }

  /// Joins two connections; each may have begun already. False, and nothing has changed, if they cannot be joined.
  func join(_ index: Int, _ other: Int) -> Bool {
    guard index != other, mayJoin(index), mayJoin(other) else { return false }
    for one in [index, other] where relays[one] == nil { _ = beginRelay(one, early: ByteQueue()) }
    relays[index]?.partner = records[other].id
    relays[other]?.partner = records[index].id
    for one in [index, other] { startRelaying(one) }
    return true
  }

  private func mayJoin(_ index: Int) -> Bool {
    canRelay(index) && (relays[index].map { $0.partner == nil } ?? true)
  }

  private func startRelaying(_ index: Int) {
    guard let relay = relays[index], let partner = partner(of: index) else { return }
    var early = relay.early.take()
    if !early.isEmpty, send(&early, on: partner) == .refused { return abort(index, .closed) }
    let isOver = relay.hasEnded || records[index].machine.flags.contains(.inputEnded)
    if isOver { endOutput(partner) }
    if !records[partner].machine.isAboveHighWater { pauseInput(index, false) }
  }

  private func partner(of index: Int) -> Int? {
    relays[index]?.partner.flatMap { find($0) }
  }

  // MARK: Events

  /// Bytes came.
  @inline(never)
  func relay(_ view: DetachedView, from index: Int) {
    guard let relay = relays[index] else { return view.releaseReader() }
    guard relay.partner != nil else { return relay.early.append(ReadView(view)) }
    guard let partner = partner(of: index) else {
      view.releaseReader()
      return abort(index, .closed)
    }
    switch send(view, on: partner) {
    case .queued: break
    case .aboveHighWater: pauseInput(index, true)
    // The other side ended its output, or fails just now: these bytes are lost, so this stream is cut.
    case .refused: abort(index, .closed)
    }
  }

  /// The peer has ended its stream.
  func relayEnd(from index: Int) {
    guard let relay = relays[index] else { return }
    if relay.partner == nil { relay.hasEnded = true }
    if let partner = partner(of: index) { endOutput(partner) }
  }

  /// What was unsent fell to the low-water mark: the other one is read again.
  func relayDrained(_ index: Int) {
    if let partner = partner(of: index) { pauseInput(partner, false) }
  }

  /// A connection ended in a way that is not the end of both streams: the other one ends alike.
  func endRelay(_ index: Int) {
    guard let partner = partner(of: index) else { return }
    switch records[index].failure {
    // Closed by this side, in order.
    case nil: close(partner)
    // For a reason that holds for both, and that owes nothing by itself.
    case .idle: abort(partner, .idle)
    case .shuttingDown: abort(partner, .shuttingDown)
    default: abort(partner, .closed)
    }
  }

  /// The connection is gone.
  func forgetRelay(_ index: Int) {
    // One that ended with both of its streams has nobody who waits for it.
    if records[index].failure != nil { endRelay(index) }
    if let attempt = relays[index]?.attempt { cancelConnect(attempt) }
    relays[index] = nil
  }

  // MARK: Making the other one

  /// Connects, and joins both.
  func relay<Handler: ConnectionHandler & ~Copyable>(
    _ index: Int,
    to address: SocketAddress,
    over client: TCPClient<Handler>,
    early: consuming ByteQueue
  ) -> Bool {
    guard beginRelay(index, early: early) else { return false }
    guard let sink = client.sink(on: self) else {
      failRelay(index, SocketError(.shuttingDown, .connect, peer: address))
      return true
    }
    let id = records[index].id
    // Whoever waits for the client to be empty waits for this attempt too.
    sink.begin()
    let attempt = connect(
      to: address,
      timeoutNanoseconds: LoopClock.deadline(after: client.timeout, from: 0),
      options: client.options,
      sink: sink,
      settings: ConnectionSettings(client.limits, isHandled: true, client.options)
    ) { [self] outcome in
      finishRelay(id, outcome)
      sink.end()
    }
    relays[index]?.attempt = attempt
    return true
  }

  private func finishRelay(_ id: ConnectionID, _ outcome: Result<Int, SocketError>) {
    let index = find(id)
    if let index { relays[index]?.attempt = nil }
    switch outcome {
    case .failure(let error):
      if let index { failRelay(index, error) }
    case .success(let other):
      guard let index, join(index, other) else { return abort(other, .closed) }
    }
  }

  private func failRelay(_ index: Int, _ error: SocketError) {
    relays[index]?.error = error
    abort(index, .closed)
  }

  /// Why there was no other one: what the end of the connection is told to be.
  func relayError(_ index: Int) -> SocketError? {
    records[index].isRelayed ? relays[index]?.error : nil
  }
}
