internal import NIOCore
@_spi(Bridging) internal import URingBackend

extension RingStreamChannel {
  /// So many bytes of files are in memory for sending, at most.
  private static let fileBytesInFlight = 512 << 10

  func write(_ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
    guard life.isOpen else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    guard acceptsWrites else {
      promise?.fail(ChannelError.outputClosed)
      return
    }
    guard state.writes.add(unwrapData(data, as: IOData.self), promise) else { return }
    publishWritability()
    pipelineOnLoop.fireChannelWritabilityChanged()
  }

  /// While the output waits to be closed behind writes that are not flushed, others may join them.
  private var acceptsWrites: Bool {
    switch state.outputClose {
    case .open: true
    case .waiting: state.writes.hasUnflushed
    case .closed: false
    }
  }

  func flushWrites() {
    guard life.isOpen else { return }
    state.writes.flush()
    if life.isActive { handOver() }
  }

  /// Gives the transport what is flushed.
  func handOver() {
    guard life.isActive, !state.isBroken, case .transport(let transport) = state.holder else { return }
    do throws(IOError) {
      while let piece = state.writes.nextPiece(fileBytes: RingStreamChannel.fileBytesInFlight - state.writes.inFlight) {
        switch piece {
        case .bytes(let buffer): try state.outgoing.add(buffer, to: transport)
        case .file(let region, let count):
          try state.outgoing.add(OutgoingViews.read(region, count: count, into: allocator), to: transport)
        }
      }
    } catch {
      state.outgoing.finish(to: transport)
      return close0(error: error, mode: .all, promise: nil)
    }
    state.outgoing.finish(to: transport)
    // The FIN may follow at once; who waits for it hears when the bytes are gone.
    if case .waiting = state.outputClose, !state.writes.hasUnflushed, !state.writes.hasUnhanded {
      transport.endOutput()
    }
    state.writes.finishEmpty()
    settleWrites()
  }

  func sent(_ count: Int) {
    state.writes.sent(count)
    publishWritability()
    settleWrites()
    if life.isActive { handOver() }
  }

  /// Tells who waits for writes that are done, in their order; then what has become possible by that.
  private func settleWrites() {
    // Whoever hears of one may write and flush: the loop below goes on with what that brings.
    guard !state.isSettlingWrites else { return }
    state.isSettlingWrites = true
    while let promise = state.writes.popDone() { promise?.succeed(()) }
    state.isSettlingWrites = false
    if life.isActive, state.writes.becameWritable() { pipelineOnLoop.fireChannelWritabilityChanged() }
    if !state.writes.hasUnsent { finishOutputClose() }
    if state.pendingClose != nil, state.writes.inFlight == 0 { closeNow() }
  }
}
