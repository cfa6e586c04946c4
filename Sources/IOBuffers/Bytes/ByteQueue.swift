public import DequeModule

/// Read views, one behind the other, as one sequence of bytes: what has come and is not yet used, or what is to be sent.
///
/// The bytes stay where they are: a queue moves, shares and releases views, and copies nothing unless the description of
/// a function says so. With one view in it, which is what most messages are, it allocates nothing. Views of one buffer
/// that follow each other without a gap become one view again when they meet here.
///
/// It owns its views and releases each exactly once: with the bytes that are removed, or at the end of its life. One
/// thread at a time may use it, any thread. To keep a rest for the next call, keep the queue: ``removePrefix(_:)`` what
/// is done. To hand all of it on and go on with an empty one: ``take()``.
@frozen
public struct ByteQueue: ~Copyable, Sendable {
  /// The first view; nil exactly if there are no bytes. No view in a queue is empty.
  @usableFromInline
  var head: DetachedView?
  /// What follows it; nil until there has been a second view.
  @usableFromInline
  var rest: Deque<DetachedView>?
  /// The number of bytes in all views.
  @usableFromInline
  var total: Int

  /// Creates an empty queue. Allocates nothing.
  @inlinable
  public init() {
    head = nil
    rest = nil
    total = 0
  }

  /// Creates a queue of one view. Allocates nothing.
  ///
  /// - Parameter view: what the queue takes over. An empty one is released.
  @inlinable
  public init(_ view: consuming ReadView) {
    self.init()
    append(view)
  }

  @inlinable
  deinit {
    head?.releaseReader()
    if let rest { Self.release(rest) }
  }

  /// The number of bytes.
  @inlinable
  public var count: Int { total }

  /// Whether there are no bytes.
  @inlinable
  public var isEmpty: Bool { total == 0 }

  /// The number of views that the bytes are in: of parts that are contiguous in memory.
  @inlinable
  public var viewCount: Int {
    if case .none = head { return 0 }
    return 1 &+ (rest?.count ?? 0)
  }

  /// Whether all bytes are contiguous in memory.
  @inlinable
  public var isContiguous: Bool { viewCount < 2 }

  /// Adds a view at the end. Amortized constant time; allocates only if views wait here already.
  ///
  /// - Parameter view: what the queue takes over. An empty one is released. One that follows the last view of this queue in
  ///   the same buffer is merged with it.
  @inlinable
  public mutating func append(_ view: consuming ReadView) {
    append(view.detach())
  }

  /// Adds all views of another queue at the end. Linear in their number.
  ///
  /// - Parameter other: what this queue takes over.
  @inlinable
  public mutating func append(_ other: consuming ByteQueue) {
    if isEmpty {
      swap(&self, &other)
    } else {
      appendViews(&other)
    }
  }

  /// Adds a reader at the end, which is the queue's from here on.
  @inlinable
  package mutating func append(_ view: DetachedView) {
    if view.count == 0 { return view.releaseReader() }
    total &+= Int(view.count)
    if case .none = head {
      head = view
    } else {
      enqueue(view)
    }
  }

  /// Takes the first view off, to be released or turned into a view by the caller; nil if there is none.
  @inlinable
  package mutating func popFirstDetached() -> DetachedView? {
    guard let view = head else { return nil }
    total &-= Int(view.count)
    if case .none = rest {
      head = nil
    } else {
      advance()
    }
    return view
  }

  /// A second view, or a later one.
  @inline(never)
  @usableFromInline
  mutating func enqueue(_ view: DetachedView) {
    guard let last = rest?.popLast() else {
      if let first = head, first.isFollowed(by: view) {
        head?.absorb(view)
      } else {
        // Room for a few: a queue that had two views once will have them again.
        if case .none = rest { rest = Deque(minimumCapacity: 4) }
        rest?.append(view)
      }
      return
    }
    if last.isFollowed(by: view) {
      var merged = last
      merged.absorb(view)
      rest?.append(merged)
    } else {
      rest?.append(last)
      rest?.append(view)
    }
  }

  @inline(never)
  @usableFromInline
  mutating func advance() {
    head = rest?.popFirst()
  }

  @inline(never)
  @usableFromInline
  mutating func appendViews(_ other: inout ByteQueue) {
    while let view = other.popFirstDetached() { append(view) }
  }

  @inline(never)
  @usableFromInline
  static func release(_ views: Deque<DetachedView>) {
    for view in views { view.releaseReader() }
  }

  /// Releases all views. The capacity stays.
  @inline(never)
  @usableFromInline
  mutating func releaseViews() {
    while let view = popFirstDetached() { view.releaseReader() }
  }
}
