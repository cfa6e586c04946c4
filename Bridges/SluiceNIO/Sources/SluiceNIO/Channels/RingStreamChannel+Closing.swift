internal import NIOCore
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension RingStreamChannel {
  // MARK: One half

  /// A FIN behind all that is written. A second half closes all.
  func closeOutput(_ error: any Error, _ promise: EventLoopPromise<Void>?) {
    if case .closed = state.outputClose {
      promise?.fail(ChannelError.outputClosed)
      return
    }
    if state.isInputClosed { return close0(error: error, mode: .all, promise: promise) }
    if case .waiting(var first) = state.outputClose {
      first.setOrCascade(to: promise)
      state.outputClose = .waiting(first)
    } else {
      state.outputClose = .waiting(promise)
    }
    if state.writes.hasUnsent { handOver() } else { finishOutputClose() }
  }

  /// Everything that was written is with the kernel.
  func finishOutputClose() {
    guard life.isOpen || life.isClosing, case .waiting(let promise) = state.outputClose else { return }
    if state.isInputClosed, state.pendingClose == nil {
      return close0(error: ChannelError.outputClosed, mode: .all, promise: nil)
    }
    state.outputClose = .closed
    completing(promise) {
      if let transport { transport.endOutput() } else { try shutDown(CInt(SHUT_WR)) }
    }
    pipeline.fireUserInboundEventTriggered(ChannelEvent.outputClosed)
  }

  func closeInput(_ error: any Error, _ promise: EventLoopPromise<Void>?) {
    if state.isInputClosed {
      promise?.fail(ChannelError.inputClosed)
      return
    }
    if case .closed = state.outputClose { return close0(error: error, mode: .all, promise: promise) }
    do {
      if state.isAtEnd {
        // The peer has done it.
      } else if let transport {
        transport.endInput()
      } else {
        try shutDown(CInt(SHUT_RD))
      }
    } catch {
      promise?.fail(error)
      return
    }
    state.isInputClosed = true
    let dropped = state.parked.reduce(0) { $0 + $1.readableBytes }
    state.parked.removeAll()
    transport?.useUnread(dropped)
    promise?.succeed(())
    pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
  }

  private func shutDown(_ how: CInt) throws {
    try withDescriptor { socket in
      guard shutdown(socket, how) == 0 else { throw IOError(errnoCode: errno, reason: "shutdown") }
    }
  }

  // MARK: Both

  /// What was flushed is on its way to the kernel, where a channel that does its I/O at once would have it by now. It gets there
  /// first, unless that takes longer than two turns: the socket's buffer is full, then.
  func closeAll(_ error: any Error, _ promise: EventLoopPromise<Void>?) {
    guard life.isActive, !state.isBroken, state.writes.inFlight > 0 else { return finishClose(error, promise) }
    live { $0.beginClosing() }
    state.pendingClose = PendingClose(error: error, promise: promise)
    awaitTurn()
  }

  /// A turn has passed.
  func closeLater() {
    guard let turns = state.pendingClose?.turns else { return }
    if turns > 1 {
      state.pendingClose?.turns = turns - 1
      awaitTurn()
    } else {
      closeNow()
    }
  }

  func closeNow() {
    guard let close = state.pendingClose.take() else { return }
    finishClose(close.error, close.promise)
  }

  /// The descriptor goes to whoever closes it.
  func releaseSocket() {
    // Bytes that nobody has read are lost: the peer sees a reset, as from a kernel that has them still.
    let losesBytes = !state.parked.isEmpty
    state.parked.removeAll()
    switch state.holder {
    case .channel(let socket): SystemCalls.close(socket)
    case .attempt(_, let name): if let name { loop.sluice.cancelConnect(name) }
    case .transport(let transport):
      transport.forgetChannel()
      if state.resetsOnClose || losesBytes { transport.abort() } else { transport.close() }
    case .nobody: break
    }
    state.holder = .nobody
  }
}
