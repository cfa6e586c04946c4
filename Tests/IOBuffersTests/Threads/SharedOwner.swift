import IOBuffers

/// An owner that two threads borrow at the same time.
final class SharedOwner: Sendable {
  let buffer: PooledBuffer

  init(_ buffer: consuming PooledBuffer) {
    self.buffer = consume buffer
  }
}
