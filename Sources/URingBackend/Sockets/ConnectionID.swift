/// Names one connection of one loop, for its whole life: the name of a connection that is gone finds nothing, also when its
/// place has been taken by another one.
///
/// It means nothing to another loop.
public struct ConnectionID: Hashable, Sendable {
  var index: UInt32
  var generation: UInt32

  /// As the token of a timer.
  var token: UInt64 { UInt64(generation) << 32 | UInt64(index) }

  init(index: UInt32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }

  init(token: UInt64) {
    index = UInt32(truncatingIfNeeded: token)
    generation = UInt32(truncatingIfNeeded: token >> 32)
  }
}
