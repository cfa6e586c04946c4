import NIOCore

/// Sends what was read to every connection of the server.
///
/// A receiver that does not take it is cut off at the high-water mark: others shall not wait for it, and what it may
/// pin is bounded.
final class FanOutHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let hub: FanOutHub
  private let totals: Totals
  private var messages = 0
  private var bytes = 0

  init(hub: FanOutHub, totals: Totals) {
    self.hub = hub
    self.totals = totals
  }

  func channelActive(context: ChannelHandlerContext) {
    hub.add(context)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    messages += 1
    bytes += unwrapInboundIn(data).readableBytes
    hub.send(data)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard !context.channel.isWritable else { return }
    totals.addCutOff()
    // Not while the hub walks over its connections.
    context.eventLoop.assumeIsolated().execute { context.close(promise: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
    // Behind what was queued for it in this turn, and behind what is unsent.
    let sent = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: sent)
    sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    hub.remove(context)
    totals.add(messages: messages, bytes: bytes)
    context.fireChannelInactive()
  }
}
