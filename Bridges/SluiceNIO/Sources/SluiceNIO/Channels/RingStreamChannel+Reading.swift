internal import IOBuffers
internal import NIOCore
internal import SystemPackage
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension RingStreamChannel {
  func received(_ view: consuming ReadView) {
    guard life.isActive, !state.isInputClosed else { return }
    let count = view.count
    let buffer = take(view)
    if state.parked.isEmpty, common.reading.take() {
      awaitTurn()
      pipelineOnLoop.fireChannelRead(NIOAny(buffer))
    } else {
      state.parked.append(buffer)
      // Beyond its bound the socket is not read any more.
      transport?.keepUnread(count)
    }
  }

  /// What a view shows, for handlers: as a copy, or, where the package is built for that and it is worth it, the bytes themselves.
  private func take(_ view: consuming ReadView) -> ByteBuffer {
    #if ZeroCopyReads
      if view.count >= HandedOverBuffers.least, !common.hasOwnAllocator, let transport, transport.hasSlotsToKeep {
        loop.tenant.bytesHandedOver.add(view.count)
        return HandedOverBuffers.buffer(of: view)
      }
    #endif
    let buffer = copy(view)
    view.release()
    return buffer
  }

  func inputEnded() {
    guard life.isActive else { return }
    guard !state.isInputClosed else { return endClosedInput() }
    state.isAtEnd = true
    awaitTurn()
  }

  /// Input that was closed here ends by that. On Linux SwiftNIO's channels take it for an end of the peer's.
  private func endClosedInput() {
    pipelineOnLoop.fireChannelReadComplete()
    if !state.allowsHalfClosure { close0(error: ChannelError.eof, mode: .all, promise: nil) }
  }

  func broken(_ error: SocketError) {
    guard !state.isBroken else { return }
    state.isBroken = true
    if state.pendingClose != nil { return closeNow() }
    guard life.isOpen else { return }
    // What came before it is for the handlers, as before the end of the stream.
    deliver()
    guard life.isOpen else { return }
    // A send may meet the peer's reset in front of a receive; the second of the two is told EPIPE.
    let isReset = !isUnix && (error.kind == .system(.connectionReset) || error.kind == .system(.brokenPipe))
    let reason = isReset ? IOError(errnoCode: ECONNRESET, reason: "reset by the peer") : error.asChannelError()
    if isReset || error.operation == .receive, !state.isInputClosed { pipelineOnLoop.fireErrorCaught(reason) }
    guard life.isOpen else { return }
    close0(error: reason, mode: .all, promise: nil)
  }

  /// Hands over a batch of what is parked, or the end of the stream behind it. At the end of the stream nobody needs to ask, as with
  /// SwiftNIO's channels.
  func deliverParked() -> Bool {
    guard !state.isInputClosed else { return false }
    let isOver = state.isAtEnd || state.isBroken
    guard state.parked.isEmpty else {
      var isSome = false
      while life.isActive, !state.isInputClosed, !state.parked.isEmpty, common.reading.take(unasked: isOver) {
        let buffer = state.parked.removeFirst()
        transport?.useUnread(buffer.readableBytes)
        isSome = true
        pipelineOnLoop.fireChannelRead(NIOAny(buffer))
      }
      return isSome
    }
    if state.isAtEnd { deliverEnd() }
    return false
  }

  private func deliverEnd() {
    pipelineOnLoop.fireChannelReadComplete()
    guard life.isActive, !state.isInputClosed else { return }
    if state.allowsHalfClosure {
      close0(error: ChannelError.eof, mode: .input, promise: nil)
      common.reading.isWanted = false
    } else {
      close0(error: ChannelError.eof, mode: .all, promise: nil)
    }
  }

  var transport: StreamChannelTransport? {
    if case .transport(let transport) = state.holder { transport } else { nil }
  }
}
