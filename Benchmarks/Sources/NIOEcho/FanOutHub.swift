import NIOCore

/// The connections of the server, for fan-out. One loop only, and on its thread only.
final class FanOutHub {
  private let loop: any EventLoop
  private var contexts: [ObjectIdentifier: ChannelHandlerContext] = [:]
  private var mustFlush = false

  init(loop: any EventLoop) {
    self.loop = loop
  }

  func add(_ context: ChannelHandlerContext) {
    contexts[ObjectIdentifier(context)] = context
  }

  func remove(_ context: ChannelHandlerContext) {
    contexts[ObjectIdentifier(context)] = nil
  }

  /// Queues the message for everybody: one buffer, shared by all writes.
  ///
  /// Flushing waits until the loop has read from all connections that were ready, so that what came in one wake-up
  /// leaves in one gathered write for each receiver.
  func send(_ message: NIOAny) {
    for context in contexts.values { context.write(message, promise: nil) }
    guard !mustFlush else { return }
    mustFlush = true
    loop.assumeIsolated().execute { [self] in
      mustFlush = false
      for context in Array(contexts.values) { context.flush() }
    }
  }
}
