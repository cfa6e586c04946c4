internal import IOBuffers

/// A first-in-first-out queue of views, threaded through the nodes of a `ViewNodes`.
struct ViewQueue {
  fileprivate var head: UInt32 = ViewNodes.none
  fileprivate var tail: UInt32 = ViewNodes.none
  /// Views in the queue.
  fileprivate(set) var count: UInt32 = 0

  var isEmpty: Bool { count == 0 }
  var first: UInt32 { head }
}

/// The nodes of all view queues of one loop: queueing a view takes a node from a free list and allocates nothing once
/// the loop is warm. Loop thread only.
final class ViewNodes {
  static let none: UInt32 = .max

  struct Node {
    var view: DetachedView?
    var next: UInt32
  }

  private let nodes = Slab<Node> { _ in Node(view: nil, next: ViewNodes.none) }
  private var free: UInt32 = ViewNodes.none
  private(set) var inUse = 0

  /// Appends a view; false (and the view is still the caller's) when the slab is at its bound.
  @inline(__always)
  func append(_ view: DetachedView, to queue: inout ViewQueue) -> Bool {
    if free == ViewNodes.none {
      guard grow() else { return false }
    }
    let index = free
    let place = nodes.place(Int(index))
    free = place.record.next
    inUse += 1
    place.record.view = view
    place.record.next = ViewNodes.none
    if queue.count == 0 {
      queue.head = index
    } else {
      nodes[Int(queue.tail)].next = index
    }
    queue.tail = index
    queue.count += 1
    return true
  }

  /// Joins a view that continues the last one in the same slot; false when it does not.
  func joinLast(_ view: DetachedView, of queue: ViewQueue) -> Bool {
    guard queue.count > 0, var last = nodes[Int(queue.tail)].view, last.isFollowed(by: view) else {
      return false
    }
    last.absorb(view)
    nodes[Int(queue.tail)].view = last
    return true
  }

  /// Takes the oldest view, if it has at most so many bytes.
  @inline(__always)
  func popFirst(_ queue: inout ViewQueue, ifAtMost bytes: Int = .max) -> DetachedView? {
    guard queue.count > 0 else { return nil }
    let index = queue.head
    let place = nodes.place(Int(index))
    guard let view = place.record.view, Int(view.count) <= bytes else { return nil }
    queue.head = place.record.next
    queue.count -= 1
    if queue.count == 0 { queue.tail = ViewNodes.none }
    place.record.view = nil
    place.record.next = free
    free = index
    inUse -= 1
    return view
  }

  /// The oldest view.
  func first(of queue: ViewQueue) -> DetachedView? {
    queue.count > 0 ? nodes[Int(queue.head)].view : nil
  }

  /// The view at a node, and the node behind it.
  @inline(__always)
  func view(at index: UInt32) -> (view: DetachedView?, next: UInt32) {
    let place = nodes.place(Int(index))
    return (place.record.view, place.record.next)
  }

  /// Visits the views, oldest first.
  func forEach(_ queue: ViewQueue, _ body: (DetachedView) -> Void) {
    var node = queue.first
    while node != ViewNodes.none {
      let (view, next) = view(at: node)
      if let view { body(view) }
      node = next
    }
  }

  /// Cuts sent bytes off the oldest view.
  func trimFirst(_ queue: ViewQueue, by count: Int) {
    guard queue.count > 0 else { return }
    nodes[Int(queue.head)].view?.removePrefix(count)
  }

  /// Puts all views of another queue behind those of one. No copies, no nodes.
  func join(_ queue: inout ViewQueue, _ other: inout ViewQueue) {
    guard other.count > 0 else { return }
    if queue.count == 0 {
      queue.head = other.head
    } else {
      nodes[Int(queue.tail)].next = other.head
    }
    queue.tail = other.tail
    queue.count += other.count
    other = ViewQueue()
  }

  /// Whether so many more views can be queued.
  func hasRoom(for count: Int) -> Bool {
    while nodes.count - inUse < count { guard grow() else { return false } }
    return true
  }

  @inline(never)
  private func grow() -> Bool {
    let start = nodes.count
    guard nodes.grow() else { return false }
    for index in (start..<nodes.count).reversed() {
      nodes[index].next = free
      free = UInt32(index)
    }
    return true
  }
}
