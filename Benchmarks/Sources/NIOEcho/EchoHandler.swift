import NIOCore

/// Writes back what was read, and flushes once for all that one wake-up brought.
///
/// Unsent bytes are bounded: reading stops while the channel is not writable. Its events say when, so that nothing is
/// asked for each message.
final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let totals: Totals
  private var messages = 0
  private var bytes = 0

  init(totals: Totals) {
    self.totals = totals
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    messages += 1
    bytes += unwrapInboundIn(data).readableBytes
    // Nobody wants to know when it is out: no promise.
    context.write(data, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    do {
      try context.channel.syncOptions?.setOption(.autoRead, value: context.channel.isWritable)
    } catch {
      context.close(promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
    // Closing now would drop what is unsent. An empty write is done when all before it are.
    let sent = context.eventLoop.makePromise(of: Void.self)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: sent)
    sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    totals.add(messages: messages, bytes: bytes)
    context.fireChannelInactive()
  }
}
