import NIOCore

/// A handler made of what a scenario does on each event. Stands behind the recorder.
final class Script: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  typealias Body = (ChannelHandlerContext) -> Void

  var added: Body?
  var active: Body?
  var read: ((ChannelHandlerContext, ByteBuffer) -> Void)?
  var readComplete: Body?
  var event: ((ChannelHandlerContext, Any) -> Void)?
  var writabilityChanged: Body?
  var caught: Body?
  var inactive: Body?
  var unregistered: Body?
  var removed: Body?

  init() {}

  convenience init(_ configure: (Script) -> Void) {
    self.init()
    configure(self)
  }

  /// Sends back what comes; flushes when a read is complete.
  static func echo(_ configure: (Script) -> Void = { _ in }) -> Script {
    Script { script in
      script.read = { context, buffer in context.write(NIOAny(buffer), promise: nil) }
      script.readComplete = { context in context.flush() }
      configure(script)
    }
  }

  func whenActive(_ body: @escaping Body) -> Script {
    active = body
    return self
  }

  func whenRead(_ body: @escaping (ChannelHandlerContext, ByteBuffer) -> Void) -> Script {
    read = body
    return self
  }

  func whenReadComplete(_ body: @escaping Body) -> Script {
    readComplete = body
    return self
  }

  func whenEvent(_ body: @escaping (ChannelHandlerContext, Any) -> Void) -> Script {
    event = body
    return self
  }

  func handlerAdded(context: ChannelHandlerContext) { added?(context) }

  func handlerRemoved(context: ChannelHandlerContext) { removed?(context) }

  func channelActive(context: ChannelHandlerContext) {
    active?(context)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { read?(context, unwrapInboundIn(data)) }

  func channelReadComplete(context: ChannelHandlerContext) {
    readComplete?(context)
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    self.event?(context, event)
    context.fireUserInboundEventTriggered(event)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    writabilityChanged?(context)
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { caught?(context) }

  func channelInactive(context: ChannelHandlerContext) {
    inactive?(context)
    context.fireChannelInactive()
  }

  func channelUnregistered(context: ChannelHandlerContext) {
    unregistered?(context)
    context.fireChannelUnregistered()
  }
}
