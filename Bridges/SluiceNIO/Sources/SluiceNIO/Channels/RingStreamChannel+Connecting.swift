internal import NIOCore
@_spi(Bridging) internal import URingBackend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

extension RingStreamChannel {
  func connect(to address: NIOCore.SocketAddress, _ promise: EventLoopPromise<Void>?) {
    guard life.isOpen else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    guard state.pendingConnect == nil else {
      promise?.fail(ChannelError.connectPending)
      return
    }
    guard life.isRegistered else {
      promise?.fail(ChannelError.inappropriateOperationForState)
      return
    }
    // The close fails it, when it comes to that.
    state.pendingConnect = promise ?? loop.makePromise()
    guard case .channel(let socket) = state.holder else {
      return close0(error: IOError(errnoCode: EISCONN, reason: "connect"), mode: .all, promise: nil)
    }
    guard let target = SluiceAddress(address) else {
      return close0(error: IOError(errnoCode: EAFNOSUPPORT, reason: "connect"), mode: .all, promise: nil)
    }
    let transport = StreamChannelTransport(self)
    state.holder = .attempt(socket, name: nil)
    let name = loop.sluice.connect(
      socket,
      to: target,
      timeout: state.connectTimeout.map { UInt64(max(0, $0.nanoseconds)) } ?? .max,
      transport,
      limits: limits
    ) { self.connectEnded($0, transport) }
    // It may have ended already.
    if case .attempt = state.holder { state.holder = .attempt(socket, name: name) }
  }

  private func connectEnded(_ error: SocketError?, _ transport: StreamChannelTransport) {
    guard life.isOpen else {
      // Closed meanwhile; the attempt came through nevertheless.
      transport.forgetChannel()
      if error == nil { transport.abort() }
      return
    }
    if let error {
      state.holder = .nobody
      close0(error: error.asChannelError(connectTimeout: state.connectTimeout), mode: .all, promise: nil)
      return
    }
    state.holder = .transport(transport)
    setAddresses(local: try? localAddress0(), remote: try? remoteAddress0())
    becomeActive0(state.pendingConnect.take())
  }
}
