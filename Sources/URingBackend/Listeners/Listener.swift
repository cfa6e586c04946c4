internal import IOBuffers
internal import SystemPackage

/// One listening socket on one loop. Loop thread only.
final class Listener {
  /// Tells listener timers from connection timers.
  static let tokenFlag: UInt64 = 1 << 63

  let key: UInt32
  let descriptor: Int32
  let address: SocketAddress
  /// Other loops accept on the same socket. One accept at a time then: a standing one would stay the first of those whom the
  /// kernel wakes, and its loop would get all connections.
  let isShared: Bool
  let sink: ConnectionSink
  let settings: ConnectionSettings
  /// Shared by the loops of one server: how many connections may be open.
  let budget: ConnectionBudget

  /// Owns the descriptors of what is accepted, where that is not for the sink.
  var deliver: ((Int32) -> Void)?
  /// Nobody wants connections for now.
  var isPaused = false
  var isArmed = false
  var isCancelling = false
  var isStopping = false
  /// The limit is reached; the budget calls back.
  var waitsForBudget = false
  /// The kernel had no descriptor or memory: accepting rests for a moment.
  var waitsForResources = false
  /// The shortage was reported, and its end was not.
  var isShort = false
  /// The loop's clock when an accept failed for want of something.
  var lastFailure: UInt64 = 0
  /// Accepted, but beyond the limit: they wait here, not on the floor.
  var surplus: [Int32] = []
  var onStopped: [@Sendable () -> Void] = []

  init(
    key: UInt32,
    descriptor: Int32,
    address: SocketAddress,
    isShared: Bool,
    sink: ConnectionSink,
    settings: ConnectionSettings,
    budget: ConnectionBudget
  ) {
    self.key = key
    self.descriptor = descriptor
    self.address = address
    self.isShared = isShared
    self.sink = sink
    self.settings = settings
    self.budget = budget
  }

  var token: UInt64 { Listener.tokenFlag | UInt64(key) }
  var mayAccept: Bool { !isStopping && !isPaused && !waitsForBudget && !waitsForResources }
}
