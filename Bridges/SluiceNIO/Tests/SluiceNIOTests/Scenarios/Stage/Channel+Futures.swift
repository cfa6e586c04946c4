import NIOCore

/// Requests with their futures, by names that nothing else has: in a task, the compiler would take the methods of the usual names that
/// wait.
extension Channel {
  func send(_ buffer: ByteBuffer) -> EventLoopFuture<Void> { asked { writeAndFlush(buffer, promise: $0) } }

  func send(_ text: String) -> EventLoopFuture<Void> { send(ByteBuffer(string: text)) }

  /// Writes, and does not flush.
  func queue(_ buffer: ByteBuffer) -> EventLoopFuture<Void> { asked { write(buffer, promise: $0) } }

  func queue(_ data: IOData) -> EventLoopFuture<Void> { asked { write(data, promise: $0) } }

  func queue(_ text: String) -> EventLoopFuture<Void> { queue(ByteBuffer(string: text)) }

  func end(_ mode: CloseMode = .all) -> EventLoopFuture<Void> { asked { close(mode: mode, promise: $0) } }

  func ask(_ event: String) -> EventLoopFuture<Void> { asked { triggerUserOutboundEvent(event, promise: $0) } }

  func join(_ address: SocketAddress) -> EventLoopFuture<Void> { asked { connect(to: address, promise: $0) } }

  func take(_ address: SocketAddress) -> EventLoopFuture<Void> { asked { bind(to: address, promise: $0) } }

  func enroll() -> EventLoopFuture<Void> { asked { register(promise: $0) } }

  private func asked(_ body: (EventLoopPromise<Void>?) -> Void) -> EventLoopFuture<Void> {
    let promise = eventLoop.makePromise(of: Void.self)
    body(promise)
    return promise.futureResult
  }
}
