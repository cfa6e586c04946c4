/// The bytes of a view, for an object of another library that shows them as memory of its own: the counterpart of ``PinnedMemory``.
///
/// It carries the view's lock, which nothing gives back by itself: ``giveBack()`` must be called exactly once, on any thread. Until then the
/// bytes stay where they are, also when their arena's last reference is gone. Not part of the stable interface: for packages that are
/// released together with this one.
@_spi(Bridging)
@safe
public struct LentBytes: BitwiseCopyable, Sendable {
  // Sound: the view that was detached is given back once, which is the caller's word.
  private let view: DetachedView

  /// Takes over the view's lock. O(1).
  public init(_ view: consuming ReadView) {
    self.view = view.detach()
  }

  /// The bytes. Whoever has the only view of them may also write to them.
  @unsafe
  public var memory: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: view.base, count: Int(view.count))
  }

  /// Nobody uses the bytes any more. O(1).
  public func giveBack() { view.releaseReader() }
}
