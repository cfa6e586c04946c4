public import Dispatch
internal import NIOCore
@_spi(Bridging) internal import URingBackend

extension RingEventLoop {
  /// Not for a single loop of a group: fails with `EventLoopError.unsupportedOperation`. See ``RingEventLoopGroup``.
  public func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
    queue.async { callback(EventLoopError.unsupportedOperation) }
  }

  /// Closes the channels, fails what is scheduled, and ends the thread.
  func end() async {
    await withCheckedContinuation { continuation in
      execute {
        self.tenant.close { continuation.resume() }
      }
    }
    await sluice.shutdown()
  }
}
