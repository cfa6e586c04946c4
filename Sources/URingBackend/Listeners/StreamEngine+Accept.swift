internal import Logging
internal import SystemPackage

/// Listening and accepting. Loop thread only.
extension StreamEngine {
  /// How long accepting rests when the kernel is out of descriptors or memory.
  static let resourcePause: UInt64 = 100_000_000

  /// Starts accepting on a listening descriptor, which the engine closes in the end. Nil: the loop is stopping, and the
  /// descriptor is closed by now.
  /// - Parameters:
  ///   - isShared: other loops accept on the same socket.
  ///   - deliver: owns the descriptors of what is accepted; nil: the sink serves it.
  func startListening(
    _ descriptor: Int32,
    address: SocketAddress,
    isShared: Bool = false,
    sink: ConnectionSink,
    settings: ConnectionSettings,
    budget: ConnectionBudget,
    deliver: ((Int32) -> Void)? = nil
  ) -> UInt32? {
    guard !isStopping else {
      sockets.close(descriptor)
      return nil
    }
    let listener = Listener(
      key: nextKey(),
      descriptor: descriptor,
      address: address,
      isShared: isShared,
      sink: sink,
      settings: settings,
      budget: budget
    )
    listener.deliver = deliver
    listeners[listener.key] = listener
    arm(listener)
    return listener.key
  }

  private func arm(_ listener: Listener) {
    guard listener.mayAccept, !listener.isArmed else { return }
    let user = OperationID(.accept, index: listener.key).rawValue
    let armed =
      loop.features.has(.multishotAccept) && !listener.isShared
      ? ring.prepareAcceptMultishot(listener.descriptor, userData: user)
      : ring.prepareAcceptOnce(listener.descriptor, userData: user)
    if armed {
      listener.isArmed = true
    } else {
      // The kernel takes no submissions right now; a closing connection or the timer brings us back.
      rest(listener)
    }
  }

  func acceptCompleted(_ completion: Completion, _ operation: OperationID) {
    guard let listener = listeners[operation.index] else {
      if completion.result >= 0 { sockets.close(completion.result) }
      return
    }
    let isDropped = planted(.dropsLateAccept) && listener.isCancelling && completion.result >= 0
    if !completion.hasMore, !planted(.ignoresAcceptEnd) {
      listener.isArmed = false
      listener.isCancelling = false
    }
    if isDropped {
      sockets.close(completion.result)
    } else if completion.result >= 0 {
      admit(completion.result, by: listener)
    } else {
      acceptFailed(Errno(rawValue: -completion.result), listener)
    }
    continueAccepting(listener)
  }

  /// A connection that was accepted is served, also when it arrives while the listener stops: its peer thinks that it
  /// is connected.
  private func admit(_ descriptor: Int32, by listener: Listener) {
    guard !isStopping else {
      sockets.close(descriptor)
      return
    }
    noteAccepted(listener)
    if let deliver = listener.deliver { return deliver(descriptor) }
    guard listener.surplus.isEmpty, listener.budget.take() else {
      listener.surplus.append(descriptor)
      waitForBudget(listener)
      return
    }
    if open(descriptor, sink: listener.sink, settings: listener.settings) == nil { listener.budget.giveBack() }
    // Better to stop one early than to accept one too many.
    if listener.budget.inUse >= listener.budget.limit { waitForBudget(listener) }
  }

  /// The shortage is over when connections are accepted and none was refused for a while: the first one may have taken the
  /// last descriptor.
  private func noteAccepted(_ listener: Listener) {
    guard listener.isShort, loop.now &- listener.lastFailure >= 10 * StreamEngine.resourcePause else { return }
    listener.isShort = false
    loop.logger?.notice("connections are accepted again", metadata: ["address": "\(listener.address)"])
  }

  private func acceptFailed(_ errno: Errno, _ listener: Listener) {
    switch errno {
    case .resourceTemporarilyUnavailable where listener.isShared:
      // A loop on epoll has made the socket non-blocking, and this one's ring does not wait on such a socket.
      rest(listener)
    case .canceled, .interrupted, .resourceTemporarilyUnavailable: break
    case .connectionAbort, .networkDown, .networkUnreachable, .hostIsDown, .noRouteToHost, .protocolError, .timedOut:
      // A peer that was gone before it was accepted. accept(2) says to treat these as "try again".
      break
    default:
      if !listener.isShort {
        listener.isShort = true
        loop.logger?.warning(
          "no more connections can be accepted; trying again every 100 ms",
          metadata: ["address": "\(listener.address)", "error": "\(errno)"]
        )
      }
      listener.lastFailure = loop.now
      rest(listener)
    }
  }

  /// Accepting goes on by the timer alone, however many connections close meanwhile: each would end in the same error as
  /// long as others take what they leave.
  private func rest(_ listener: Listener) {
    guard !listener.waitsForResources else { return }
    listener.waitsForResources = true
    counters.acceptsPaused.bump()
    let (deadline, _) = loop.now.addingReportingOverflow(StreamEngine.resourcePause)
    _ = loop.timers.arm(deadline, .client(listener.token))
  }

  /// What a planted fault does at each close.
  func armRetryTimers() {
    for listener in listeners.values where listener.waitsForResources {
      listener.waitsForResources = false
      rest(listener)
    }
  }

  func retryAccepting(_ token: UInt64) {
    guard let listener = listeners[UInt32(truncatingIfNeeded: token)] else { return }
    listener.waitsForResources = false
    continueAccepting(listener)
  }

  func pauseAccepting(_ key: UInt32, _ paused: Bool) {
    guard let listener = listeners[key] else { return }
    listener.isPaused = paused
    continueAccepting(listener)
  }

  private func waitForBudget(_ listener: Listener) {
    guard !listener.waitsForBudget else { return }
    listener.waitsForBudget = true
    counters.acceptsPaused.bump()
    let loop = loop
    let key = listener.key
    listener.budget.whenFree {
      loop.submit(.closure { self.budgetFree(key) })
    }
  }

  private func budgetFree(_ key: UInt32) {
    guard let listener = listeners[key] else { return }
    listener.waitsForBudget = false
    let waiting = listener.surplus
    listener.surplus = []
    if planted(.forgetsSurplus) { return continueAccepting(listener) }
    for descriptor in waiting { admit(descriptor, by: listener) }
    continueAccepting(listener)
  }

  /// Arms, pauses or ends a listener, whichever its state asks for.
  private func continueAccepting(_ listener: Listener) {
    if listener.mayAccept {
      arm(listener)
    } else if listener.isArmed, !listener.isCancelling {
      listener.isCancelling = ring.prepareCancel(
        target: OperationID(.accept, index: listener.key).rawValue,
        userData: OperationID(.cancelAccept, index: listener.key).rawValue
      )
      // The kernel takes no submissions right now: ask again soon.
      if !listener.isCancelling { _ = loop.timers.arm(loop.now &+ 1_000_000, .client(listener.token)) }
    }
    if listener.isStopping, !listener.isArmed { finishStopping(listener) }
  }

  func acceptCancelCompleted(_ completion: Completion, _ operation: OperationID) {
    guard completion.result < 0, let listener = listeners[operation.index] else { return }
    listener.isCancelling = false
    continueAccepting(listener)
  }

  /// Stops accepting; `onStopped` runs when the listening descriptor is closed.
  func stopListening(_ listener: Listener, onStopped: (@Sendable () -> Void)? = nil) {
    if let onStopped { listener.onStopped.append(onStopped) }
    listener.isStopping = true
    continueAccepting(listener)
  }

  private func finishStopping(_ listener: Listener) {
    if isStopping || listener.waitsForBudget {
      // Nobody will serve these any more.
      for descriptor in listener.surplus { sockets.close(descriptor) }
      listener.surplus = []
    }
    sockets.close(listener.descriptor)
    listeners[listener.key] = nil
    for body in listener.onStopped { body() }
  }
}
