internal import NIOCore

/// The last handler of a listening channel: prepares each channel that was accepted, on the loop of that channel, and hands it on to
/// be registered.
final class AcceptHandler: ChannelInboundHandler {
  typealias InboundIn = RingStreamChannel
  typealias InboundOut = RingStreamChannel

  private let options: ChannelOptions.Storage
  private let initializer: ChannelInitializer?

  init(options: ChannelOptions.Storage, initializer: ChannelInitializer?) {
    self.options = options
    self.initializer = initializer
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let child = unwrapInboundIn(data)
    let prepare = { @Sendable [options, initializer] in
      let ready = options.applyAllChannelOptions(to: child)
      guard let initializer else { return ready }
      return ready.flatMap { initializer(child) }
    }
    let ready =
      child.eventLoop === context.eventLoop
      ? prepare() : child.eventLoop.flatSubmit(prepare).hop(to: context.eventLoop)
    ready.assumeIsolated().whenComplete { result in
      switch result {
      case .failure(let error): self.refuse(child, error, context)
      case .success where context.channel.isActive: context.fireChannelRead(self.wrapInboundOut(child))
      case .success: self.refuse(child, ChannelError.ioOnClosedChannel, context)
      }
    }
  }

  private func refuse(_ child: RingStreamChannel, _ error: any Error, _ context: ChannelHandlerContext) {
    child.close(promise: nil)
    context.fireErrorCaught(error)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent {
      context.channel.close().assumeIsolated().whenFailure { context.fireErrorCaught($0) }
    }
    context.fireUserInboundEventTriggered(event)
  }
}
