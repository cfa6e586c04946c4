internal import NIOCore

/// Where bootstraps take their loops from: loops of this package, and no others.
protocol RingLoops: EventLoopGroup {
  /// The loop for the next channel.
  func nextLoop() -> RingEventLoop
}

extension RingEventLoopGroup: RingLoops {}

extension RingEventLoop: RingLoops {
  func nextLoop() -> RingEventLoop { self }
}

/// As SwiftNIO's bootstraps: a group of another kind is a mistake in the program.
func ringLoops(_ group: any EventLoopGroup) -> any RingLoops {
  guard let loops = group as? any RingLoops else {
    preconditionFailure("channels of this package live on a RingEventLoopGroup or a RingEventLoop, not on \(group)")
  }
  return loops
}
