/// Passing views through.
extension OutputBytes {
  /// Appends a view's bytes. The view itself is passed through, without a copy, in its place between what is appended
  /// before and after.
  ///
  /// One exception: a view of at most ``copiedViewBytes`` bytes is copied, and released at once, if something was written
  /// before it and the chunk has room. That costs less than a place of its own in a vectored send, and a small view often
  /// pins a large slot.
  ///
  /// Takes no memory and cannot fail.
  ///
  /// - Parameter view: what the output takes over.
  @inlinable
  public mutating func append(_ view: consuming ReadView) {
    append(view.detach())
  }

  /// Appends the bytes of all views of a queue, each as ``append(_:)-(ReadView)`` does. Linear in the number of views.
  ///
  /// - Parameter queue: what the output takes over.
  @inlinable
  public mutating func append(_ queue: consuming ByteQueue) {
    while let view = queue.popFirstDetached() { append(view) }
  }

  /// Appends a reader, which is the output's from here on.
  @inlinable
  package mutating func append(_ view: DetachedView) {
    let count = Int(view.count)
    if written > 0, count <= room, count <= Self.copiedViewBytes {
      // Sound: there is room, as was just tested; a reader's bytes are never a writer's.
      unsafe place?.copyMemory(from: view.base, byteCount: count)
      advance(count)
      view.releaseReader()
    } else {
      seal(keepingRoom: true)
      done.append(view)
    }
  }
}
