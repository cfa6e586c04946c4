/// Names one connection of one loop, for its whole life: the name of a connection that is gone finds nothing, also when its
/// place has been taken by another one, and neither does the name of another loop's connection.
public struct ConnectionID: Hashable, Sendable {
  var index: UInt32
  var generation: UInt32
  /// The number of its loop, unique in this process.
  var loop: UInt32

  /// As the token of a timer of its loop.
  var token: UInt64 { UInt64(generation) << 32 | UInt64(index) }

  init(index: UInt32, generation: UInt32, loop: UInt32) {
    self.index = index
    self.generation = generation
    self.loop = loop
  }

  init(token: UInt64, loop: UInt32) {
    index = UInt32(truncatingIfNeeded: token)
    generation = UInt32(truncatingIfNeeded: token >> 32)
    self.loop = loop
  }
}
