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
  func append(_ view: DetachedView, to queue: inout ViewQueue) -> Bool {
    guard let index = take() else { return false }
    nodes[Int(index)].view = view
    nodes[Int(index)].next = ViewNodes.none
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

  /// Takes the oldest view.
  func popFirst(_ queue: inout ViewQueue) -> DetachedView? {
    guard queue.count > 0 else { return nil }
    let index = queue.head
    let view = nodes[Int(index)].view
    queue.head = nodes[Int(index)].next
    queue.count -= 1
    if queue.count == 0 { queue.tail = ViewNodes.none }
    nodes[Int(index)].view = nil
    nodes[Int(index)].next = free
    free = index
    inUse -= 1
    return view
  }

  /// The view at a node, and the node behind it.
  func view(at index: UInt32) -> (view: DetachedView?, next: UInt32) {
    (nodes[Int(index)].view, nodes[Int(index)].next)
  }

  /// Cuts sent bytes off the oldest view.
  func trimFirst(_ queue: ViewQueue, by count: Int) {
    guard queue.count > 0 else { return }
    nodes[Int(queue.head)].view?.removePrefix(count)
  }

  private func take() -> UInt32? {
    if free == ViewNodes.none {
      let start = nodes.count
      guard nodes.grow() else { return nil }
      for index in (start..<nodes.count).reversed() {
        nodes[index].next = free
        free = UInt32(index)
      }
    }
    let index = free
    free = nodes[Int(index)].next
    inUse += 1
    return index
  }
}
