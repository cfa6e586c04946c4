internal import NIOCore

/// Prepares a channel before it is registered.
typealias ChannelInitializer = @Sendable (any Channel) -> EventLoopFuture<Void>

extension Channel {
  /// Registers, and calls `body` in the same step. Loop only.
  func register(andThen body: @escaping () -> EventLoopFuture<Void>) -> EventLoopFuture<Void> {
    register().assumeIsolated().flatMap(body).nonisolated()
  }
}

extension ChannelCore where Self: Channel {
  /// For a socket that is bound or connected already: registers, and makes the channel active. Loop only.
  func registerConfigured() -> EventLoopFuture<Void> {
    let promise = eventLoop.makePromise(of: Void.self)
    registerAlreadyConfigured0(promise: promise)
    return promise.futureResult
  }

  /// Closes a channel that could not be set up, and fails with `error`. Loop only.
  func giveUp<Value: Sendable>(_ error: any Error) -> EventLoopFuture<Value> {
    close0(error: error, mode: .all, promise: nil)
    return eventLoop.makeFailedFuture(error)
  }
}
